"""What a page costs, beside the same by hand and the packages that people use, and how that grows with depth."""

import asyncio
import json
from urllib.parse import quote

from . import listing_ours as ours
from . import listing_peers as peers
from .catalogue import SIZE, counted, make_catalogue, rows
from .curve import Curve
from .depth import measure
from .measure import Call, Comparison
from .servers import postgres, sqlite

PACKAGES = (
    "sqlalchemy", "aiosqlite", "psycopg", "fastapi-pagination", "fastapi-filter", "sqlakeyset", "fastcrud",
    "advanced-alchemy", "fastapi-toolsets",
)  # fmt: skip

BOOKS = Call("/books", query=f"page=1&size={SIZE}")
FIRST = Call("/books", query=f"size={SIZE}")
ROWS = 1_000_000


def follow(body: bytes) -> str:
    """Ask for the page after this one."""
    answer = json.loads(body)
    names = ("next", "next_page", "next_cursor")
    return f"size={SIZE}&cursor=" + quote(str(next(answer[name] for name in names if name in answer)))


COMPARISONS = (
    Comparison(
        "A page and the total",
        "50 of 10,000 books, the last one first, and how many there are in all: a query for the count and one for the "
        "page. A `Listing` takes a sort as well and sends `Link`; one of them declares three filters besides. "
        "advanced-alchemy counts with a window function unless it is told not to; fastapi-toolsets sorts by one "
        "column, and is given the ID.",
        BOOKS,
        (
            peers.BY_HAND, ours.PAGINATE, ours.LISTING, ours.FILTERABLE, peers.PAGINATION_PAGE, peers.CRUD_MULTI,
            peers.CRUD_ROUTER, peers.ALCHEMY_TWO, peers.ALCHEMY_WINDOW, peers.TOOLSETS_PAGE,
        ),
        make_catalogue,
        counted,
    ),
    Comparison(
        "A page and a cheaper total",
        "The same page, where the client does not need to know exactly how many there are: one query, or a count that "
        "ends at a thousand.",
        BOOKS,
        (
            peers.BY_HAND, peers.BY_HAND_UNCOUNTED, ours.UNCOUNTED, ours.CAPPED, peers.PAGINATION_UNCOUNTED,
        ),
        make_catalogue,
        rows,
    ),
    Comparison(
        "A page by cursor",
        "The second page of 50, asked for with the cursor that came with the first. Ours holds the position sealed, "
        "and bound to filter and sort; by hand it is the position as it is. fastapi-pagination counts here too unless "
        "it is told not to; fastcrud goes by one column, and is given the ID.",
        FIRST,
        (
            peers.BY_HAND_KEYSET, ours.KEYSET, peers.PAGINATION_CURSOR, peers.PAGINATION_CURSOR_UNCOUNTED,
            peers.CRUD_CURSOR,
        ),
        make_catalogue,
        rows,
        follow,
    ),
    Comparison(
        "Three filters and a sort",
        "Books of two kinds, with twenty copies or more and a word in the title, the dearest first, and how many they "
        "are. Most of it is the database's work, since no index helps.",
        peers.FILTERED,
        (peers.BY_HAND_FILTERED, ours.FILTERED, peers.FILTER_PAGE, peers.CRUD_FILTERED),
        make_catalogue,
        counted,
    ),
    Comparison(
        "A list in memory",
        "50 of 1,000 items that are there already: a slice costs next to nothing, and what shows is the answer.",
        BOOKS,
        (peers.BY_HAND_SLICE, ours.SLICE, peers.PAGINATION_SLICE),
        make_catalogue,
        counted,
    ),
)  # fmt: skip


def on_sqlite() -> Curve:
    """Measure pages deep in a file of SQLite."""
    note = (
        "50 of a million books in SQLite, after so many others. Milliseconds on the clock until the answer is there, "
        "the median of seven; both scales are logarithmic."
    )
    with sqlite(ROWS) as url:
        return asyncio.run(measure(url, "Deep pages, SQLite", note))


def on_postgres() -> Curve:
    """Measure pages deep in a table of PostgreSQL."""
    with postgres(ROWS) as (url, server):
        note = f"The same on {server}, on the same machine."
        return asyncio.run(measure(url, "Deep pages, PostgreSQL", note))


CURVES = (on_sqlite, on_postgres)
