"""Pages deep in a large table: each way to get one is asked for the same rows, and timed until its answer is there.

Time on the clock, and not of the processor as elsewhere: most of it passes in the database.
"""

import base64
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from fastapi import FastAPI
from sqlalchemy import and_, or_
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from .catalogue import SIZE, Book, BookOut, Session, rows
from .curve import Curve, Line
from .listing_ours import add_deep_keyset, add_deep_offset, add_deep_uncounted
from .listing_peers import HandCursor, newest
from .measure import Call, Case, Group, Runner

DEPTHS = (0, 1_000, 10_000, 100_000, 900_000)
STRIDE = 10_000  # rows of one step on the way to a deep cursor


def add_textbook(app: FastAPI) -> None:
    """List what comes after a cursor, with the condition that most guides teach."""

    @app.get("/textbook", response_model=HandCursor[BookOut])
    async def books(session: Session, cursor: str | None = None, size: int = SIZE) -> dict[str, object]:
        statement = newest().limit(size + 1)
        if cursor is not None:
            text, number = base64.urlsafe_b64decode(cursor).decode().split("|")
            added_at = datetime.fromisoformat(text)
            tied = and_(Book.added_at == added_at, Book.id < int(number))
            statement = statement.where(or_(Book.added_at < added_at, tied))
        found = (await session.scalars(statement)).all()
        return {"items": found[:size], "next": cursor_of(found[size - 1]) if len(found) > size else None}


def cursor_of(book: Book) -> str:
    """Write the values of a book into a cursor, as they are."""
    return base64.urlsafe_b64encode(f"{book.added_at.isoformat()}|{book.id}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Way:
    """A way to get a deep page.

    Attributes:
        name: What the chart calls it.
        group: Whether it is ours.
        path: Where `add` puts it.
        add: Puts it into the app.
        place: Gives the query strings of the page at each depth.
    """

    name: str
    group: Group
    path: str
    add: Callable[[FastAPI], None]
    place: Callable[[FastAPI, Sequence[int]], Awaitable[dict[int, str]]]

    def runner(self, app: FastAPI, query: str) -> Runner:
        """Make what asks for a page."""
        return Runner(Case(self.name, self.add), app, Call(self.path, query=query))


async def by_number(_app: FastAPI, depths: Sequence[int]) -> dict[int, str]:
    """Say which page of how many rows it is."""
    return {depth: f"page={depth // SIZE + 1}&size={SIZE}" for depth in depths}


async def by_values(app: FastAPI, depths: Sequence[int]) -> dict[int, str]:
    """Write the values of the row before each page into a cursor."""
    found = {}
    async with app.state.sessions() as session:
        for depth in depths:
            row = await session.scalar(newest().offset(depth - 1).limit(1)) if depth else None
            found[depth] = "" if row is None else "cursor=" + quote(cursor_of(row))
    return found


async def by_walking(app: FastAPI, depths: Sequence[int]) -> dict[int, str]:
    """Follow the cursors of our listing, in long strides, to each page."""
    reached, cursor, found = 0, "", {}
    for depth in depths:
        while reached < depth:
            size = min(STRIDE, depth - reached)
            answer = await KEYSET.runner(app, f"size={size}{cursor}").serve()
            cursor = "&cursor=" + quote(following(b"".join(answer)))
            reached += size
        found[depth] = f"size={SIZE}{cursor}"
    return found


def following(body: bytes) -> str:
    """Give the cursor for the next page."""
    return HandCursor[object].model_validate_json(body).next or ""


KEYSET = Way("Keyset", "ours", "/keyset", add_deep_keyset, by_walking)
WAYS = (
    Way("Offset, Total.exact", "ours", "/offset", add_deep_offset, by_number),
    Way("Offset, Total.none", "ours", "/uncounted", add_deep_uncounted, by_number),
    Way("keyset as guides teach it", "peer", "/textbook", add_textbook, by_values),
    KEYSET,
)


async def measure(url: str, title: str, note: str, depths: Sequence[int] = DEPTHS, times: int = 7) -> Curve:
    """Measure all ways through a database that is filled.

    Args:
        url: Where the database is.
        title: The heading of the curve.
        note: What its reader must know.
        depths: How many rows stand before the pages, from few to many.
        times: How often each page is asked for, after once to warm up; the median counts.
    """
    engine = create_async_engine(url)
    app = FastAPI()
    app.state.sessions = async_sessionmaker(engine)
    for way in WAYS:
        way.add(app)
    try:
        places = {way.name: await way.place(app, depths) for way in WAYS}
        taken = [await _same(app, {way: places[way.name][depth] for way in WAYS}, times) for depth in depths]
    finally:
        await engine.dispose()
    lines = [Line(way.name, way.group, [each[number] for each in taken]) for number, way in enumerate(WAYS)]
    return Curve(title, note, depths, lines)


async def _same(app: FastAPI, queries: Mapping[Way, str], times: int) -> list[float]:
    """Time all ways to one page.

    Raises:
        AssertionError: One of them gives other rows.
    """
    runners = [way.runner(app, query) for way, query in queries.items()]
    expected, *others = [rows(b"".join(await runner.serve())) for runner in runners]
    if any(found != expected for found in others) or len(expected) != SIZE:
        raise AssertionError(f"not every way gives the same page: {queries}")
    return [statistics.median([await _took(runner) for _ in range(times)]) for runner in runners]


async def _took(runner: Runner) -> float:
    begun = time.perf_counter()
    await runner.serve()
    return (time.perf_counter() - begun) * 1000
