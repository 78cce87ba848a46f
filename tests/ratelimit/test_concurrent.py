"""``limiter.concurrent``: how many requests run at once."""

import asyncio
from collections.abc import AsyncIterator
from threading import Event
from typing import Annotated, Any

import httpx2
import pytest
from anyio import move_on_after
from fastapi import Depends, FastAPI, Header, WebSocket
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from httpx2 import ASGITransport, AsyncClient

from brickwork.ratelimit import Decision, RateLimiter, Verdict
from brickwork.ratelimit.memory import MemoryRateStore
from tests.ratelimit.calls import served, statuses
from tests.ratelimit.engines import MovingStore


@pytest.fixture
def limiter() -> RateLimiter:
    """A limiter that counts in memory."""
    return RateLimiter()


class Door:
    """Requests wait behind it, and can be waited for."""

    def __init__(self) -> None:
        self.inside = 0
        self.opened = asyncio.Event()
        self.came = asyncio.Condition()

    async def __call__(self) -> int:
        """Go through once it is open."""
        async with self.came:
            self.inside += 1
            self.came.notify_all()
        await self.opened.wait()
        return 1

    async def filled(self, number: int) -> None:
        """Wait until so many are inside."""
        async with self.came:
            await self.came.wait_for(lambda: self.inside == number)


def client_of(app: FastAPI) -> AsyncClient:
    """Give a client that sees the 500 of an error."""
    return AsyncClient(transport=ASGITransport(app=app, raise_app_exceptions=False), base_url="http://test")


async def run(app: Any, path: str = "/") -> None:
    """Call an app without a client, which could not be cancelled in the middle."""

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(_message: Any) -> None: ...

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "headers": [],
        "query_string": b"",
        "client": ("127.0.0.1", 1),
    }
    await app(scope, receive, send)


@pytest.mark.promise("ratelimit-47")
async def test_no_more_run_at_once_than_may(limiter: RateLimiter) -> None:
    """Three run, the fourth is refused and told to try soon, and once one has ended another may come."""
    app, door = FastAPI(), Door()
    app.get("/", dependencies=[limiter.concurrent(3)])(door)

    async with client_of(app) as client, asyncio.TaskGroup() as group:
        running = [group.create_task(client.get("/")) for _ in range(3)]
        await door.filled(3)
        refused = await client.get("/")
        door.opened.set()
        for each in running:
            await each
        after = await client.get("/")

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.headers["ratelimit-policy"] == '"concurrent";q=3;qu="concurrent-requests"'
    assert [task.result().status_code for task in running] == [200] * 3
    assert after.headers["ratelimit"] == '"concurrent";r=2'


@pytest.mark.promise("ratelimit-47")
async def test_who_fails_gives_the_place_back(limiter: RateLimiter) -> None:
    """An error of the endpoint ends a request as anything else does."""
    app = FastAPI()

    @app.get("/", dependencies=[limiter.concurrent(1)])
    async def fail() -> None:
        raise ZeroDivisionError

    async with client_of(app) as client:
        answers = [(await client.get("/")).status_code for _ in range(3)]

    assert answers == [500] * 3


@pytest.mark.promise("ratelimit-47")
@pytest.mark.parametrize("by", ["the loop", "a scope of anyio"])
async def test_who_is_cancelled_gives_the_place_back(limiter: RateLimiter, by: str) -> None:
    """However a request is cancelled, its place is free."""
    app, door = FastAPI(), Door()
    app.get("/", dependencies=[limiter.concurrent(1)])(door)

    if by == "the loop":
        task = asyncio.create_task(run(app))
        await door.filled(1)
        task.cancel()
        await asyncio.wait([task])
    else:
        with move_on_after(10) as scope:
            async with asyncio.TaskGroup() as group:
                task = group.create_task(run(app))
                await door.filled(1)
                scope.cancel()
    door.opened.set()

    async with client_of(app) as client:
        assert (await client.get("/")).status_code == 200


class Thinking(MovingStore):
    """A store that tells when it is asked for a place, and thinks about it until it is told to answer."""

    def __init__(self) -> None:
        super().__init__()
        self.came, self.answer = asyncio.Event(), asyncio.Event()

    async def acquire(self, identity: str, scope: str, lease: str, *, amount: int, ttl: float) -> Verdict:
        """Think first."""
        self.came.set()
        await self.answer.wait()
        return await super().acquire(identity, scope, lease, amount=amount, ttl=ttl)


@pytest.mark.promise("ratelimit-47")
async def test_who_leaves_while_waiting_for_a_place_takes_none() -> None:
    """A place that the store gives to a request which is no more goes back."""
    store = Thinking()
    limiter, app, door = RateLimiter(store=store), FastAPI(), Door()
    app.get("/", dependencies=[limiter.concurrent(1)])(door)
    task = asyncio.create_task(run(app))
    await store.came.wait()

    task.cancel()
    await asyncio.sleep(0)
    store.answer.set()
    await asyncio.wait([task])
    door.opened.set()

    async with client_of(app) as client:
        assert (await client.get("/")).status_code == 200


@pytest.mark.promise("ratelimit-47")
async def test_who_leaves_before_being_refused_takes_nothing_from_others() -> None:
    """A refusal that nobody hears gives no place back, since there is none."""
    store = Thinking()
    limiter, app, door = RateLimiter(store=store), FastAPI(), Door()
    app.get("/", dependencies=[limiter.concurrent(1)])(door)
    store.answer.set()
    running = asyncio.create_task(run(app))
    await door.filled(1)
    store.came.clear()
    store.answer.clear()
    leaving = asyncio.create_task(run(app))
    await store.came.wait()

    leaving.cancel()
    await asyncio.sleep(0)
    store.answer.set()
    await asyncio.wait([leaving])

    async with client_of(app) as client:
        assert (await client.get("/")).status_code == 429
        door.opened.set()
        await running
        assert (await client.get("/")).status_code == 200


@pytest.mark.promise("ratelimit-47")
async def test_without_its_store_an_open_limiter_lets_everybody_run() -> None:
    """There are no places, and none to give back."""
    store = MovingStore()
    limiter, app = RateLimiter(store=store, on_error="open"), FastAPI()
    app.get("/", dependencies=[limiter.concurrent(1)])(lambda: 1)
    store.away = True

    async with client_of(app) as client:
        assert (await client.get("/")).status_code == 200


@pytest.mark.promise("ratelimit-47")
async def test_who_leaves_while_the_store_is_lost_is_no_error() -> None:
    """A place that was never given, because nobody could count, cannot go back."""
    store = Thinking()
    limiter, app = RateLimiter(store=store, on_error="closed"), FastAPI()
    app.get("/", dependencies=[limiter.concurrent(1)])(Door())
    store.away = True
    task = asyncio.create_task(run(app))
    await store.came.wait()

    task.cancel()
    await asyncio.sleep(0)
    store.answer.set()
    await asyncio.wait([task])

    assert task.cancelled()


@pytest.mark.promise("ratelimit-47")
async def test_a_stream_keeps_its_place_until_its_end(limiter: RateLimiter) -> None:
    """What is still being sent still runs; whoever stops listening gives the place back."""
    app, door = FastAPI(), Door()

    async def stream() -> AsyncIterator[bytes]:
        yield b"first"
        await door()
        yield b"last"

    @app.get("/", dependencies=[limiter.concurrent(1)])
    async def streamed() -> StreamingResponse:
        return StreamingResponse(stream())

    async with client_of(app) as client:
        listening = asyncio.create_task(run(app))
        await door.filled(1)
        during = await client.get("/")
        listening.cancel()
        await asyncio.wait([listening])
        door.opened.set()
        after = await client.get("/")

    assert (during.status_code, after.status_code) == (429, 200)


class Telling(MemoryRateStore):
    """A store that tells when a place is free again."""

    def __init__(self) -> None:
        super().__init__()
        self.freed = Event()

    async def release(self, identity: str, scope: str, lease: str) -> None:
        """Release, and tell."""
        await super().release(identity, scope, lease)
        self.freed.set()


@pytest.mark.promise("ratelimit-47")
def test_who_hangs_up_gives_the_place_back() -> None:
    """A client of a real server that stops listening in the middle of a stream makes room for the next."""
    store = Telling()
    limiter, app = RateLimiter(store=store), FastAPI()

    async def stream() -> AsyncIterator[bytes]:
        while True:
            yield b"more"
            await asyncio.sleep(0.01)

    @app.get("/", dependencies=[limiter.concurrent(1)])
    async def streamed() -> StreamingResponse:
        return StreamingResponse(stream())

    with served(app) as url:
        with httpx2.stream("GET", f"http://{url}/") as first, httpx2.stream("GET", f"http://{url}/") as second:
            began = [first.status_code, second.status_code]
        freed = store.freed.wait(20)
        with httpx2.stream("GET", f"http://{url}/") as third:
            assert (began, freed, third.status_code) == ([200, 429], True, 200)


class Renewing(MemoryRateStore):
    """A store that tells of renewals."""

    def __init__(self) -> None:
        super().__init__()
        self.renewed = 0
        self.heard = asyncio.Event()
        self.pause = asyncio.Event()
        self.pause.set()
        self.released = False

    async def renew(self, identity: str, scope: str, lease: str, *, ttl: float) -> None:
        """Renew, and tell; after a release nobody may."""
        assert not self.released
        self.renewed += 1
        if self.renewed == 2:
            self.heard.set()
        await self.pause.wait()
        await super().renew(identity, scope, lease, ttl=ttl)

    async def release(self, identity: str, scope: str, lease: str) -> None:
        """Release, and tell."""
        self.released = True
        await super().release(identity, scope, lease)


@pytest.mark.promise("ratelimit-47")
async def test_a_place_is_kept_for_as_long_as_it_takes() -> None:
    """It is renewed over and over while the request runs, and never once it has been given back."""
    store = Renewing()
    limiter, app = RateLimiter(store=store), FastAPI()

    @app.get("/", dependencies=[limiter.concurrent(1, ttl=0.03)])
    async def wait() -> int:
        await store.heard.wait()
        store.pause.clear()
        asyncio.get_running_loop().call_later(0.02, store.pause.set)
        return 1

    async with client_of(app) as client:
        response = await client.get("/")

    assert response.status_code == 200
    assert store.renewed >= 2
    assert store.released


@pytest.mark.promise("ratelimit-47")
def test_callers_have_places_of_their_own(limiter: RateLimiter) -> None:
    """A key, also one that is a dependency, says whose they are; the value is the decision."""

    async def login(x_login: Annotated[str, Header()]) -> str:
        return x_login

    app = FastAPI()
    limit = limiter.concurrent(1, key=Depends(login), name="renders")

    @app.websocket("/")
    async def hold(socket: WebSocket, place: Annotated[Decision, limit]) -> None:
        await socket.accept()
        await socket.send_text(place.policies[0].name)
        await socket.receive_text()

    client = TestClient(app)
    with (
        client.websocket_connect("/", headers={"x-login": "ada"}) as first,
        client.websocket_connect("/", headers={"x-login": "grace"}) as second,
    ):
        names = [socket.receive_text() for socket in (first, second)]
        for socket in (first, second):
            socket.send_text("done")

    assert names == ["renders", "renders"]


@pytest.mark.promise("ratelimit-47")
def test_some_requests_need_no_place() -> None:
    """Where a limiter is off, or a condition says so, nobody is counted."""
    limiter, app = RateLimiter(), FastAPI()

    def twice(**options: Any) -> list[Any]:
        return [limiter.concurrent(1, scope="one"), limiter.concurrent(1, scope="one", ttl=30, **options)]

    app.get("/", dependencies=twice())(lambda: 1)
    app.get("/exempt", dependencies=twice(exempt_when=lambda _: True))(lambda: 1)
    client = TestClient(app)

    assert statuses(client, "/") == [429]
    assert statuses(client, "/exempt") == [200]
    limiter.enabled = False
    assert statuses(client, "/") == [200]
