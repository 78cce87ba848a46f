"""What clients send on purpose: cursors in the wrong place, and queries that are meant to cost."""

from decimal import Decimal
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy import Float, Numeric, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from brickwork.listing import CursorQuery, Eq, FilterSet, Keyset, Listing, Sort
from tests.listing.apps import SECRET, WALL, Brick, BrickFilter, blamed, get, walked, wall


class Task(BaseModel):
    """Something whose attributes are called as parameters of listings are."""

    id: int
    order: int
    fields: str = "a"


class TaskFilter(FilterSet):
    """Filters that are called as parameters of listings are."""

    order: int | None = None
    fields: str | None = None


TASKS = [Task(id=number, order=number % 2) for number in range(12)]


@pytest.mark.promise("listing-26")
@pytest.mark.parametrize("query", ["order=0", "order=1&fields=a", "fields=a", ""])
async def test_a_filter_called_like_a_parameter_binds_cursors_as_well(query: str) -> None:
    """Names that another listing uses for its sort or its fields are filters here, and no cursor goes past them."""
    app = FastAPI()
    tasks = Listing(TaskFilter, sort=Sort(tie_breaker="id"), page=Keyset(3, secret=SECRET))

    @app.get("/tasks", response_model=None)
    async def list_tasks(query: Annotated[CursorQuery[Task], Depends(tasks)]) -> Any:
        return query.slice(TASKS, into=Task)

    cursor = (await get(app, "/tasks?order=1")).json()["next"]

    answer = await get(app, f"/tasks?{query}&cursor={cursor}")

    assert answer.status_code == 400
    assert (await get(app, f"/tasks?order=1&size=2&cursor={cursor}")).status_code == 200


@pytest.mark.promise("listing-26")
async def test_a_cursor_of_another_list_on_the_route_is_refused() -> None:
    """Two lists of one route differ in nothing but the names of their parameters."""
    app = FastAPI()
    order, style = Sort(tie_breaker="id"), Keyset(3, secret=SECRET)
    first = Listing(BrickFilter, sort=order, page=style)
    second = Listing(sort=order, page=style, names={"cursor": "after", "size": "most"})

    @app.get("/both", response_model=None)
    async def both(a: Annotated[Any, Depends(first)], b: Annotated[Any, Depends(second)]) -> Any:
        return [a.slice(WALL, into=Brick), b.slice(WALL, into=Brick)]

    cursor = (await get(app, "/both")).json()[0]["next"]

    answer = await get(app, f"/both?after={cursor}")

    assert answer.status_code == 400
    assert (await get(app, f"/both?cursor={cursor}")).status_code == 200


@pytest.mark.promise("listing-26")
async def test_a_cursor_of_another_mount_is_refused() -> None:
    """Two applications that were made alike, for two tenants say, do not open each other's cursors."""
    app = FastAPI()
    app.mount("/red", wall(walked()))
    app.mount("/grey", wall(walked()))
    cursor = (await get(app, "/red/bricks")).json()["next"]

    answer = await get(app, f"/grey/bricks?cursor={cursor}")

    assert answer.status_code == 400
    assert (await get(app, f"/red/bricks?cursor={cursor}")).status_code == 200


@pytest.mark.promise("listing-26")
async def test_a_prefix_of_the_server_does_not_matter_to_cursors() -> None:
    """A cursor that one door of the application gave opens behind another."""
    app = FastAPI()
    app.mount("/red", wall(walked()))
    cursor = (await get(app, "/red/bricks")).json()["next"]

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "path": f"/api{scope['path']}", "root_path": "/api"}, receive, send)

    answer = await get(behind, f"/red/bricks?cursor={cursor}")  # type: ignore[arg-type]

    assert answer.status_code == 200


class Base(DeclarativeBase):
    """Holds one table."""


class Measure(Base):
    """Numbers of every kind."""

    __tablename__ = "measures"

    id: Mapped[int] = mapped_column(primary_key=True)
    exact: Mapped[Decimal | None] = mapped_column(Numeric)
    rough: Mapped[float | None]
    read_exactly: Mapped[Decimal | None] = mapped_column(Float(53, asdecimal=True))


class MeasureFilter(FilterSet, model=Measure):
    """Numbers that the columns could hold and drivers could not send."""

    exact__in: list[int] | None = None
    exact__between: list[int] | None = None
    rough__in: list[int] | None = None
    sum: Annotated[int | None, Eq(func.coalesce(Measure.exact, 0))] = None
    read_exactly: Decimal | None = None
    read_exactly__in: list[Decimal] | None = None


@pytest.mark.promise("listing-8")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("exact__in", str(10**30)),
        ("exact__between", f"0,{2**63}"),
        ("rough__in", str(-(10**30))),
        ("sum", str(10**30)),
        ("read_exactly", "1" * 400),
        ("read_exactly", f"0.{'0' * 350}1"),
        ("read_exactly__in", f"1,{'9' * 400}"),
    ],
)
async def test_numbers_that_no_driver_sends_are_refused(name: str, value: str) -> None:
    """A column of decimals or floats holds more than a whole number can be; the client is told, not the log."""
    app = FastAPI()
    measures = Listing(MeasureFilter)

    @app.get("/measures", dependencies=[Depends(measures)])
    async def list_measures() -> None: ...

    assert blamed(await get(app, f"/measures?{name}={value}")) == [name]


@pytest.mark.promise("listing-8")
@pytest.mark.parametrize("value", [2**63 - 1, -(2**63)])
async def test_the_largest_numbers_reach_every_driver(session: AsyncSession, value: int) -> None:
    """What is let through is taken by the database."""
    await session.run_sync(lambda each: Base.metadata.create_all(each.connection()))
    largest = f"1{'0' * 300}"

    for given in (
        {"exact__in": [value], "exact__between": [value, value], "rough__in": [value], "sum": value},
        {"read_exactly": largest, "read_exactly__in": [largest, f"0.{'0' * 300}1"]},
    ):
        statement = MeasureFilter.model_validate(given).apply(select(Measure.id))
        assert (await session.scalars(statement)).all() == []


class Grade(BaseModel):
    """Something with a field to choose."""

    id: int


@pytest.mark.promise("listing-61")
@pytest.mark.parametrize("name", ["sort", "fields"])
async def test_a_list_of_names_ends_somewhere(name: str) -> None:
    """Thousands of names are refused as one mistake, before each of them is looked at."""
    app = FastAPI()
    bricks = Listing(BrickFilter, sort=Sort("id"), fields=Grade)

    @app.get("/bricks", dependencies=[Depends(bricks)])
    async def list_bricks() -> None: ...

    answer = await get(app, f"/bricks?{name}={','.join(['nope'] * 5_000)}")

    assert blamed(answer) == [name]
    assert answer.json()["detail"][0]["type"] == "too_many_values"


@pytest.mark.promise("listing-57")
async def test_of_thousands_of_unknown_names_a_few_are_named() -> None:
    """What each of them was meant to be is not worth the time."""
    query = "&".join(f"price__gt{number}=1" for number in range(2_000))

    answer = await get(wall(walked()), f"/bricks?{query}")

    assert len(blamed(answer)) == 20
