"""What a page costs, beside the same by hand and the packages that people use, and how that grows with depth."""

import json
from urllib.parse import quote

from . import listing_peers as peers
from .catalogue import counted, make_catalogue, rows
from .measure import Call, Comparison

BOOKS = Call("/books")


def follow(body: bytes) -> str:
    """Ask for the page after this one."""
    answer = json.loads(body)
    names = ("next", "next_page", "next_cursor")
    return "cursor=" + quote(str(next(answer[name] for name in names if name in answer)))


COMPARISONS = (
    Comparison(
        "A page and the total",
        "50 of 10,000 books, the last one first, with the exact number of all.",
        BOOKS,
        (
            peers.BY_HAND, peers.PAGINATION_PAGE, peers.CRUD_MULTI, peers.CRUD_ROUTER,
            peers.ALCHEMY_TWO, peers.ALCHEMY_WINDOW, peers.TOOLSETS_PAGE,
        ),
        make_catalogue,
        counted,
    ),
    Comparison(
        "A page and a cheaper total",
        "x",
        BOOKS,
        (peers.BY_HAND, peers.BY_HAND_UNCOUNTED, peers.PAGINATION_UNCOUNTED),
        make_catalogue,
        rows,
    ),
    Comparison(
        "A page by cursor",
        "x",
        BOOKS,
        (peers.BY_HAND_KEYSET, peers.PAGINATION_CURSOR, peers.PAGINATION_CURSOR_UNCOUNTED, peers.CRUD_CURSOR),
        make_catalogue,
        rows,
        follow,
    ),
    Comparison(
        "Three filters and a sort",
        "x",
        peers.FILTERED,
        (peers.BY_HAND_FILTERED, peers.FILTER_PAGE, peers.CRUD_FILTERED),
        make_catalogue,
        counted,
    ),
    Comparison(
        "A list in memory",
        "x",
        BOOKS,
        (peers.BY_HAND_SLICE, peers.PAGINATION_SLICE),
        make_catalogue,
        counted,
    ),
)  # fmt: skip
