"""Requests that are broken off: by whoever runs them, by a time limit, by the client."""

import asyncio
from collections.abc import Callable
from typing import Annotated

import pytest
from anyio import CancelScope
from fastapi import FastAPI, Request
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from brickwork.database import Database
from tests.database.conftest import Course, Note, kept, lent


async def write(session: AsyncSession) -> None:
    """Write a note, as an endpoint would."""
    session.add(Note(id=1))
    await session.flush()


Break = Callable[[asyncio.Task[None], asyncio.Timeout, CancelScope], object]

BREAKS: dict[str, Break] = {
    "cancelled": lambda task, _limit, _scope: task.cancel(),
    "cancelled twice": lambda task, _limit, _scope: (task.cancel(), asyncio.get_running_loop().call_soon(task.cancel)),
    "timed out": lambda _task, limit, _scope: limit.reschedule(0),
    "scope cancelled": lambda _task, _limit, scope: scope.cancel(),
}


@pytest.mark.promise("database-9")
@pytest.mark.parametrize("where", ["endpoint", "job"])
@pytest.mark.parametrize("how", BREAKS)
async def test_work_that_is_broken_off_is_rolled_back(db: Database, how: str, where: str) -> None:
    """Whoever breaks it off, the work is undone and the connection is back."""
    app = FastAPI()
    begun = asyncio.Event()

    @app.post("/")
    async def endpoint(session: Annotated[AsyncSession, db.transaction()]) -> None:
        await write(session)
        begun.set()
        await asyncio.Event().wait()

    async def job() -> None:
        async with db.begin() as session:
            await endpoint(session)

    scope, limit = CancelScope(), asyncio.timeout(None)

    async def limited() -> None:
        with scope:
            async with limit:
                await (job() if where == "job" else Course(db).of(app, "/"))

    task = asyncio.create_task(limited())
    await begun.wait()
    BREAKS[how](task, limit, scope)
    await asyncio.wait([task])
    await _all_done()

    assert (await kept(db), lent(db)) == ([], 0)
    if how.startswith("cancelled"):
        assert task.cancelled()


async def _all_done() -> None:
    """Wait for what goes on after the task that started it, such as a rollback that was cancelled twice."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    running = [task for task in others if "TestRunner" not in repr(task.get_coro())]
    await asyncio.gather(*running)


@pytest.mark.promise("database-9")
@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
async def test_statements_that_are_broken_off_cost_no_connection(postgres_url: str, driver: str) -> None:
    """A pool that saw them still lends all that it has."""
    db = Database(postgres_url.replace("postgresql:", f"postgresql+{driver}:"), pool_size=2, max_overflow=0)

    async def wait() -> None:
        async with asyncio.timeout(0.2), db.begin() as session:
            await session.execute(text("SELECT pg_sleep(30)"))

    for _ in range(4):
        with pytest.raises(TimeoutError):
            await wait()
    async with db.begin() as first, db.begin() as second:
        answers = [await each.scalar(text("SELECT 1")) for each in (first, second)]
    await db.dispose()

    assert answers == [1, 1]


@pytest.mark.promise("database-9")
async def test_a_client_that_leaves_while_it_is_read_rolls_back(db: Database) -> None:
    """A body that breaks off raises in the endpoint, and undoes what was done before."""
    app = FastAPI()

    @app.post("/")
    async def work(session: Annotated[AsyncSession, db.transaction()], request: Request) -> None:
        await write(session)
        async for _ in request.stream():
            pass

    steps = await Course(db).of(app, "/", body=[{"type": "http.request", "body": b"a", "more_body": True}])

    assert steps[:3] == ["lent", "rollback", "back"]
    assert steps[-1] == "ClientDisconnect"
    assert await kept(db) == []
