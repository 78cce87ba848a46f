"""How a process parts with its clients."""

import asyncio
import re
from typing import Any

import pytest
from fastapi import FastAPI

from brickwork import combine_lifespans
from brickwork.testing import ClientSocket, SocketRefusedError, open_socket
from brickwork.websockets import Connection, ConnectionManager, Heartbeat
from tests.websockets.apps import PATIENCE, Endpoint, assert_empty, echo, serve, until


async def closed(socket: ClientSocket) -> tuple[int, float]:
    """Wait until a socket is closed; give the code, and the seconds after which to come again."""
    code = await socket.closed(timeout=PATIENCE)
    told = re.fullmatch(r"retry_after=(\d+\.\d)", socket.close_reason)
    assert told is not None
    return code, float(told[1])


@pytest.mark.promise("websockets-24")
async def test_draining_closes_everybody() -> None:
    """All sockets are closed with 1012, and each client is told when to come again."""
    manager = ConnectionManager()
    app = serve(manager)

    async with open_socket(app, "/ws") as first, open_socket(app, "/ws") as second, open_socket(app, "/ws") as third:
        await until(lambda: len(manager.connections()) == 3)
        left = await manager.drain(PATIENCE, batch=2, retry_after=(2, 5))
        told = [await closed(socket) for socket in (first, second, third)]

    assert (left, manager.state) == (0, "draining")
    assert [code for code, _ in told] == [1012] * 3
    assert all(2 <= seconds <= 5 for _, seconds in told)
    assert_empty(manager)


@pytest.mark.promise("websockets-24")
async def test_nobody_is_let_in_while_draining() -> None:
    """A handshake during and after draining is answered with 503, and when to come again."""
    manager = ConnectionManager()
    await manager.drain(PATIENCE, retry_after=(2, 5))

    with pytest.raises(SocketRefusedError) as refused:
        async with open_socket(serve(manager), "/ws"):
            pass

    assert refused.value.status_code == 503
    assert 2 <= int(refused.value.headers["retry-after"]) <= 5
    assert_empty(manager)


@pytest.mark.promise("websockets-24")
async def test_a_handshake_under_way_is_not_forgotten() -> None:
    """Whoever was being authenticated when draining began is answered with 503 too."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def authenticate() -> str:
        begun.set()
        await go_on.wait()
        return "ada"

    manager = ConnectionManager(authenticate=authenticate)

    async def client() -> int:
        try:
            async with open_socket(serve(manager), "/ws", timeout=PATIENCE):
                return 101
        except SocketRefusedError as error:
            return error.status_code

    answer = asyncio.create_task(client())
    await begun.wait()
    await manager.drain(PATIENCE)
    go_on.set()

    assert await answer == 503
    assert_empty(manager)


@pytest.mark.promise("websockets-25")
async def test_stalled_clients_keep_nobody_waiting() -> None:
    """A client that reads nothing is given up, and the others hear theirs."""
    manager = ConnectionManager(heartbeat=Heartbeat(close=0.05))
    app = serve(manager)

    async with open_socket(app, "/ws") as stalled, open_socket(app, "/ws") as other:
        await until(lambda: len(manager.connections()) == 2)
        stalled.stall()
        await manager.broadcast("hello")
        await manager.broadcast("hello again")
        left = await manager.drain(PATIENCE, batch=1)
        code, _ = await closed(other)

    assert (left, code) == (0, 1012)
    assert_empty(manager)


@pytest.mark.promise("websockets-25")
async def test_the_deadline_holds() -> None:
    """An endpoint that goes on though its socket is closed is waited for until the deadline, and no longer."""
    manager = ConnectionManager()
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def stubborn(connection: Connection[Any]) -> None:
        begun.set()
        await go_on.wait()

    async with open_socket(serve(manager, stubborn), "/ws"):
        await begun.wait()
        left = await manager.drain(0.05)
        go_on.set()

    assert left == 1
    assert_empty(manager)


@pytest.mark.parametrize(
    ("arguments", "options"),
    [((0,), {}), ((20,), {"batch": 0}), ((20,), {"retry_after": (0, 1)}), ((20,), {"retry_after": (5, 1)})],
)
async def test_draining_takes_numbers_that_make_sense(arguments: tuple[float], options: dict[str, Any]) -> None:
    """What cannot be a deadline, a batch or a wait is refused, and nothing is drained."""
    manager = ConnectionManager()

    with pytest.raises(ValueError, match=r"drain\(\) takes"):
        await manager.drain(*arguments, **options)

    assert manager.state == "ready"


async def lobby(connection: Connection[Any]) -> None:
    """Be in the lobby."""
    await connection.join("lobby")
    await echo(connection)


@pytest.mark.promise("websockets-26")
async def test_the_lifespan_lets_go_of_everybody() -> None:
    """When the app ends, sockets that are open are closed, and no task is left."""
    manager = ConnectionManager()
    app = serve(manager, lobby)
    before = asyncio.all_tasks()

    async with open_socket(app, "/ws") as socket:
        async with combine_lifespans(manager.lifespan)(app):
            await until(lambda: manager.room("lobby").count())
            during = manager.state
        code = await socket.closed(timeout=PATIENCE)
    await until(lambda: asyncio.all_tasks() <= before)

    assert (during, code) == ("ready", 1012)
    assert_empty(manager)


@pytest.mark.promise("websockets-26")
@pytest.mark.parametrize("endpoint", [echo, lobby])
def test_an_app_can_begin_again(endpoint: Endpoint) -> None:
    """The same manager serves again after it has ended or drained: in another event loop, too."""
    manager = ConnectionManager()
    app = serve(manager, endpoint)

    async def run() -> list[object]:
        async with manager.lifespan(app), open_socket(app, "/ws") as socket:
            await socket.send("hello")
            said = await socket.receive(timeout=PATIENCE)
            left = await manager.drain(PATIENCE)
            return [said, left, manager.state]

    runs = [asyncio.run(run()) for _ in range(3)]

    assert runs == [["hello", 0, "draining"]] * 3
    assert manager.state == "ready"
    assert_empty(manager)


async def test_the_lifespan_of_an_app_nobody_came_to() -> None:
    """An app that begins and ends without a client is no special case."""
    manager = ConnectionManager()

    async with manager.lifespan(FastAPI()):
        pass

    assert_empty(manager)
