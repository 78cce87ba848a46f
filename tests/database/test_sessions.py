"""When a session commits, seen from the wire; on every driver."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, HTTPException, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession

from brickwork.database import Database, RollbackRoute
from tests.database.conftest import ClientOf, Course, Note, Notes, app_with_problems, kept, lent


class Out(BaseModel):
    number: int


class OutOfTheBlueError(Exception):
    pass


def notes_app(db: Database) -> FastAPI:
    """An app whose every endpoint writes a note and then ends in its own way."""
    app = app_with_problems()

    @app.post("/success", status_code=201)
    async def success(session: Annotated[AsyncSession, db.transaction()]) -> dict[str, int]:
        session.add(Note(id=1))
        return {"id": 1}

    @app.post("/commit-fails", status_code=201)
    async def commit_fails(session: Annotated[AsyncSession, db.transaction()]) -> dict[str, int]:
        session.add(Note(id=1, answers=99))
        await session.flush()
        return {"id": 1}

    @app.post("/http-exception")
    async def http_exception(session: Annotated[AsyncSession, db.transaction()]) -> None:
        await write(session)
        raise HTTPException(400)

    @app.post("/exception")
    async def exception(session: Annotated[AsyncSession, db.transaction()]) -> None:
        await write(session)
        raise OutOfTheBlueError

    @app.post("/bad-model", response_model=Out)
    async def bad_model(session: Annotated[AsyncSession, db.transaction()]) -> Any:
        await write(session)
        return {"number": "none"}

    @app.post("/injected-status")
    async def injected_status(session: Annotated[AsyncSession, db.transaction()], response: Response) -> None:
        await write(session)
        response.status_code = 409

    @app.post("/returned-status")
    async def returned_status(session: Annotated[AsyncSession, db.transaction()]) -> Response:
        await write(session)
        return JSONResponse({}, status_code=409)

    return app


async def write(session: AsyncSession) -> None:
    """Write a note, as an endpoint would."""
    session.add(Note(id=1))
    await session.flush()


@pytest.mark.promise("database-1")
async def test_the_commit_comes_before_the_response(db: Database) -> None:
    """When the first byte leaves, the work is committed and the connection is back."""
    course = Course(db)

    steps = await course.of(notes_app(db), "/success")

    assert steps == ["lent", "commit", "back", "201", "sent"]
    assert await kept(db) == [1]


@pytest.mark.promise("database-2")
async def test_a_commit_that_fails_is_never_a_success(db: Database) -> None:
    """A constraint that is looked at in the end is 409, and nothing was promised before."""
    course = Course(db)

    steps = await course.of(notes_app(db), "/commit-fails")

    assert [step for step in steps if step.isdigit()] == ["409"]
    assert steps.index("back") < steps.index("409")
    assert (await kept(db), lent(db)) == ([], 0)


@pytest.mark.promise("database-2")
async def test_a_hook_that_fails_at_the_commit_is_a_server_error(
    db: Database, client_of: ClientOf, expected_errors: list[object]
) -> None:
    """Whatever stops the commit, the client learns that nothing was kept."""

    def refuse(_: object) -> None:
        raise OutOfTheBlueError

    event.listen(db._connections.asynchronous._write_class, "before_commit", refuse)

    answer = await client_of(notes_app(db)).post("/success")

    assert answer.status_code == 500
    assert (await kept(db), lent(db)) == ([], 0)


@pytest.mark.promise("database-3")
@pytest.mark.parametrize(
    ("path", "status"),
    [("/http-exception", "400"), ("/exception", "500"), ("/bad-model", "500"), ("/injected-status", "409")],
)
async def test_an_error_rolls_back_before_the_response(
    db: Database, path: str, status: str, expected_errors: list[object]
) -> None:
    """What was raised undoes the work: by the endpoint, by its result, or said by the injected response."""
    course = Course(db)

    steps = await course.of(notes_app(db), path)

    assert steps[:5] == ["lent", "rollback", "back", status, "sent"]
    assert await kept(db) == []


@pytest.mark.promise("database-4")
async def test_a_returned_error_commits(db: Database) -> None:
    """No dependency sees what an endpoint returns; this is what happens, and the guide says so."""
    course = Course(db)

    steps = await course.of(notes_app(db), "/returned-status")

    assert steps == ["lent", "commit", "back", "409", "sent"]


@pytest.mark.promise("database-4")
@pytest.mark.parametrize("where", ["app", "router"])
async def test_a_returned_error_rolls_back_on_a_rollback_route(db: Database, where: str) -> None:
    """The route sees what the dependency does not; success commits as ever."""
    app = app_with_problems()
    app.router.route_class = RollbackRoute
    router = app if where == "app" else APIRouter(route_class=RollbackRoute)

    @router.post("/{status}")
    async def answer(status: int, session: Annotated[AsyncSession, db.transaction()]) -> Response:
        session.add(Note(id=status))
        return Response(status_code=status)

    if isinstance(router, APIRouter):
        app.include_router(router)
    course = Course(db)

    steps = {path: [*await course.of(app, path)] for path in ("/404", "/503", "/201", "/303")}

    assert steps["/201"][:4] == ["lent", "commit", "back", "201"]
    assert await kept(db) == [201, 303]


@pytest.mark.promise("database-5")
async def test_an_unused_session_costs_no_connection(db: Database) -> None:
    """Whoever never asks the database takes nothing out of the pool, and a closed one makes no difference."""
    app = FastAPI()

    @app.post("/{status}")
    async def nothing(
        status: int, session: Annotated[AsyncSession, db.transaction()], reader: Annotated[AsyncSession, db.read_only()]
    ) -> None:
        await reader.close()
        if status != 200:
            raise HTTPException(status)

    course = Course(db)

    steps = [*await course.of(app, "/200"), *await course.of(app, "/400")]

    assert steps == ["200", "sent", "400", "sent"]


@pytest.mark.promise("database-6")
async def test_work_in_the_background_finds_the_session_closed(db: Database) -> None:
    """A background task runs after the commit; a session that came along raises instead of connecting anew."""
    app = FastAPI()
    said: list[str] = []

    @app.post("/")
    async def work(session: Annotated[AsyncSession, db.transaction()], tasks: BackgroundTasks) -> None:
        async def later() -> None:
            course.steps.append("task")
            with pytest.raises(InvalidRequestError, match="closed") as refused:
                await session.scalar(select(func.count(Note.id)))
            said.append(str(refused.value))

        session.add(Note(id=1))
        tasks.add_task(later)

    course = Course(db)

    steps = await course.of(app, "/")

    assert steps == ["lent", "commit", "back", "200", "sent", "task"]
    assert said


@pytest.mark.promise("database-6")
async def test_a_stream_finds_the_session_closed(db: Database) -> None:
    """The connection is back before a stream begins; asking the session again raises, and connects nothing."""
    app = FastAPI()

    @app.get("/")
    async def stream(session: Annotated[AsyncSession, db.transaction()]) -> StreamingResponse:
        session.add(Note(id=1))

        async def parts() -> AsyncIterator[bytes]:
            yield b"a"
            for use in (session.execute(text("SELECT 1")), session.commit(), session.get(Note, 1)):
                with pytest.raises(InvalidRequestError):
                    await use
            with pytest.raises(InvalidRequestError):
                session.add(Note(id=2))
            yield b"b"

        return StreamingResponse(parts())

    steps = await Course(db).of(app, "/", "GET")

    assert steps == ["lent", "commit", "back", "200", "sent"]
    assert lent(db) == 0


@pytest.mark.promise("database-6")
async def test_an_endpoint_that_yields_finds_the_session_closed(file_db: Database) -> None:
    """The body of a generator runs when the endpoint is already over for its dependencies."""
    app = FastAPI()
    found: list[bool] = []

    @app.get("/")
    async def lines(session: Annotated[AsyncSession, file_db.transaction()]) -> AsyncIterator[dict[str, int]]:
        try:
            await session.execute(text("SELECT 1"))
        except InvalidRequestError:
            found.append(True)
        yield {"id": 1}

    steps = await Course(file_db).of(app, "/", "GET")

    assert (steps, found) == (["200", "sent"], [True])


@pytest.mark.promise("database-7")
async def test_a_released_session_gives_its_connection_back_at_once(db: Database) -> None:
    """After `release` the work is committed, the connection is back, and the session is closed for good."""
    app = FastAPI()

    @app.post("/")
    async def work(session: Annotated[AsyncSession, db.transaction()]) -> int:
        note = Note(id=1, text="kept")
        session.add(note)
        await db.release(session)
        course.steps.append(note.text)
        with pytest.raises(InvalidRequestError, match="closed"):
            await session.scalar(select(func.count(Note.id)))
        await db.release(session)
        return lent(db)

    course = Course(db)

    steps = await course.of(app, "/")

    assert steps == ["lent", "commit", "back", "kept", "200", "sent"]


@pytest.mark.promise("database-8")
async def test_a_hundred_open_streams_hold_no_connection(db: Database, client_of: ClientOf) -> None:
    """Streams that read first and then wait for long leave the whole pool to others."""
    app = FastAPI()
    opened: asyncio.Queue[None] = asyncio.Queue()
    go_on = asyncio.Event()

    @app.get("/events")
    async def events(reader: Annotated[AsyncSession, db.read_only()]) -> StreamingResponse:
        count = await reader.scalar(select(func.count(Note.id)))

        async def parts() -> AsyncIterator[str]:
            yield f"data: {count}\n\n"
            opened.put_nowait(None)
            await go_on.wait()
            yield "data: end\n\n"

        return StreamingResponse(parts(), media_type="text/event-stream")

    client = client_of(app)
    streams = []
    for _ in range(100):
        streams.append(asyncio.create_task(client.get("/events")))
        await opened.get()
    held = lent(db)
    go_on.set()
    answers = await asyncio.gather(*streams)

    assert held == 0
    assert {answer.text for answer in answers} == {"data: 0\n\ndata: end\n\n"}


@pytest.mark.promise("database-10")
async def test_two_databases_in_one_request_are_independent(file_db: Database, tmp_path: Any) -> None:
    """Each commits by itself: what one has kept stays, also when the other fails after it."""
    other = Database(f"sqlite:///{tmp_path / 'other.db'}")
    async with other.engine.begin() as connection:
        await connection.run_sync(Notes.metadata.create_all)
    app = app_with_problems()

    @app.post("/")
    async def both(
        first: Annotated[AsyncSession, other.transaction()], last: Annotated[AsyncSession, file_db.transaction()]
    ) -> None:
        first.add(Note(id=1, answers=99))
        last.add(Note(id=2))

    steps = await Course(file_db).of(app, "/")

    assert "409" in steps
    assert (await kept(file_db), await kept(other)) == ([2], [])
    await other.dispose()


@pytest.mark.promise("database-11")
async def test_one_request_has_one_session(file_db: Database) -> None:
    """Dependencies and endpoint that ask for a session share it, and a generator may stand between."""
    app = FastAPI()

    async def author(session: Annotated[AsyncSession, file_db.transaction()]) -> AsyncIterator[AsyncSession]:
        yield session
        assert session.in_transaction()

    @app.post("/")
    async def work(
        session: Annotated[AsyncSession, file_db.transaction()],
        same: Annotated[AsyncSession, Depends(author, scope="function")],
    ) -> bool:
        await write(session)
        return session is same

    steps = await Course(file_db).of(app, "/")

    assert steps == ["lent", "commit", "back", "200", "sent"]


@pytest.mark.promise("database-11")
async def test_a_session_can_be_replaced_by_another(file_db: Database, client_of: ClientOf) -> None:
    """`app.dependency_overrides` takes the dependencies of a database as keys."""
    app = FastAPI()

    @app.get("/")
    async def work(
        session: Annotated[AsyncSession, file_db.transaction()], reader: Annotated[AsyncSession, file_db.read_only()]
    ) -> list[str]:
        return [str(session), str(reader)]

    app.dependency_overrides |= {file_db.session: lambda: "own", file_db.reader: lambda: "replica"}

    answer = await client_of(app).get("/")

    assert answer.json() == ["own", "replica"]


@pytest.mark.promise("database-12")
async def test_what_was_read_stays_readable(db: Database, client_of: ClientOf) -> None:
    """Objects keep what was loaded after the commit, in a background task as in the response."""
    app = FastAPI()
    said: list[str] = []

    @app.post("/")
    async def work(
        session: Annotated[AsyncSession, db.transaction()],
        reader: Annotated[AsyncSession, db.read_only()],
        tasks: BackgroundTasks,
    ) -> None:
        note = Note(id=1, text="new")
        session.add(note)
        await session.commit()
        read = await reader.get_one(Note, 1)
        tasks.add_task(lambda: said.extend([note.text, read.text]))

    answer = await client_of(app).post("/")

    assert (answer.status_code, said) == (200, ["new", "new"])
