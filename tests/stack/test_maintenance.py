"""Maintenance: closed for everyone but those who must get through, at the turn of a switch."""

import asyncio
import logging
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from fastapi import FastAPI, WebSocket
from starlette.testclient import TestClient
from starlette.types import Message
from starlette.websockets import WebSocketDisconnect

from brickwork.stack import Maintenance, MaintenanceMiddleware
from brickwork.testing import ManualClock, assert_problem, open_client

SECRET = "let-me-in-1234567"


def closed(**options: Any) -> FastAPI:
    """An app that is closed unless options say otherwise."""
    return served(Maintenance(**{"on": True, **options}))


def served(maintenance: Maintenance) -> FastAPI:
    """An app behind a switch."""
    app = FastAPI()
    app.add_middleware(MaintenanceMiddleware, maintenance=maintenance)

    @app.get("/{path:path}")
    async def home(path: str) -> str:
        return "open"

    @app.websocket("/ws")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    return app


async def status(app: FastAPI, path: str = "/", address: str = "127.0.0.1", **headers: str) -> int:
    """The status with which a request is answered."""
    async with open_client(app, address=(address, 1)) as client:
        answer = await client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    return int(answer.status_code)


@pytest.mark.promise("stack-30")
async def test_a_closed_app_answers_503() -> None:
    """A problem that says in whole seconds when to come back, and that no cache keeps."""
    async with open_client(closed(retry_after=90.2)) as client:
        answer = await client.get("/books")

    assert_problem(answer, 503, slug="maintenance")
    assert answer.headers["retry-after"] == "91"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.promise("stack-30")
def test_a_socket_is_denied() -> None:
    """A socket gets the same problem where the server can send it."""
    with TestClient(closed()) as client, pytest.raises(WebSocketDisconnect) as denied, client.websocket_connect("/ws"):
        pass

    assert getattr(denied.value, "status_code", None) == 503


@pytest.mark.promise("stack-30")
async def test_a_socket_is_closed_where_denials_are_unknown() -> None:
    """Without the extension the handshake is refused with the code that means: try again later."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/ws", "headers": [], "extensions": {}}
    await MaintenanceMiddleware(FastAPI(), maintenance=Maintenance(on=True))(scope, None, send)  # type: ignore[arg-type]

    assert sent == [{"type": "websocket.close", "code": 1013, "reason": "maintenance"}]


@pytest.mark.promise("stack-31")
@pytest.mark.parametrize(
    ("path", "expected"),
    [("/health", 200), ("/health/live", 200), ("/metrics", 200), ("/healthy", 503), ("/x/health", 503), ("/", 503)],
)
async def test_probes_get_through(path: str, expected: int) -> None:
    """Health checks and metrics stay open, and nothing that merely looks like them."""
    assert await status(closed(), path) == expected


@pytest.mark.promise("stack-31")
async def test_exempt_paths_follow_the_root_path() -> None:
    """Behind a prefix of the server the app's own paths count."""
    app = closed(exempt=["/status"])
    app.root_path = "/api"

    assert await status(app, "/api/status") == 200
    assert await status(app, "/api/books") == 503


@pytest.mark.promise("stack-31")
async def test_some_networks_get_through() -> None:
    """The operators' network stays served, known by its true address behind trusted proxies only."""
    app = closed(allow_networks=["192.0.2.0/24"], trusted_proxies=["10.0.0.0/8"])

    assert await status(app, address="192.0.2.7") == 200
    assert await status(app, address="198.51.100.1") == 503
    assert await status(app, address="198.51.100.1", x_forwarded_for="192.0.2.7") == 503
    assert await status(app, address="10.0.0.1", x_forwarded_for="192.0.2.7") == 200


@pytest.mark.promise("stack-31")
@pytest.mark.parametrize(
    "hiding",
    [
        {"forwarded": "for=198.51.100.1", "x_forwarded_for": "203.0.113.9"},
        {"forwarded": 'for=";, for=203.0.113.9'},
        {"forwarded": "," * 64 + "for=203.0.113.9"},
        {"x_forwarded_for": "unknown"},
    ],
)
async def test_nobody_gets_through_as_the_proxy(hiding: dict[str, str]) -> None:
    """A client whose address cannot be told is not taken for the proxy, which is allowed itself."""
    app = closed(allow_networks=["10.0.0.0/8", "unix"], trusted_proxies=["10.0.0.1", "unix"])

    assert await status(app, address="10.0.0.1") == 200
    assert await status(app, address="10.0.0.1", x_forwarded_for="203.0.113.9") == 503
    assert await status(app, address="10.0.0.1", **hiding) == 503
    assert await status(app, address="", **hiding) == 503


@pytest.mark.promise("stack-31")
@pytest.mark.parametrize("path", ["/health/../books", "/health/..", "//health/a", "/health%2f..%2fbooks"])
async def test_no_detour_leads_out_of_what_is_exempt(path: str) -> None:
    """A path that steps up, or only looks exempt, is closed."""
    scope = {"type": "http", "path": unquote(path), "headers": [], "client": ("192.0.2.7", 1)}

    assert not Maintenance().lets_through(scope)


@pytest.mark.promise("stack-31")
async def test_a_secret_opens() -> None:
    """Who sends the secret is served; any other value, of any bytes, is not."""
    app = closed(bypass_secret=SECRET, bypass_header="X-Preview")

    assert await status(app, x_preview=SECRET) == 200
    assert await status(app, x_preview=SECRET[:-1]) == 503
    assert await status(app, x_preview="") == 503
    assert await status(app) == 503
    assert await status(closed(), x_maintenance_bypass="") == 503


@pytest.mark.promise("stack-32")
async def test_the_switch_turns_at_run_time() -> None:
    """`enable` and `disable` hold from the next request on."""
    maintenance = Maintenance()
    app = served(maintenance)

    answers = [await status(app)]
    maintenance.enable()
    answers.append(await status(app))
    maintenance.disable()
    answers.append(await status(app))

    assert answers == [200, 503, 200]


@pytest.mark.promise("stack-33")
async def test_a_file_closes_every_worker(tmp_path: Path, clock: ManualClock) -> None:
    """One worker turns the switch; the others see the file within `poll` seconds, and look no more often."""
    flag = tmp_path / "maintenance"
    here, there = (Maintenance(on=flag, poll=5, clock=clock) for _ in range(2))

    answers = [(await here.closed(), await there.closed())]
    here.enable()
    answers.append((await here.closed(), await there.closed()))
    clock.advance(5)
    answers.append((await here.closed(), await there.closed()))
    there.disable()
    there.disable()
    answers.append((await here.closed(), await there.closed()))
    clock.advance(5)
    answers.append((await here.closed(), await there.closed()))

    assert answers == [(False, False), (True, False), (True, True), (True, False), (False, False)]
    assert not flag.exists()


@pytest.mark.promise("stack-33")
async def test_a_function_is_asked_once_a_poll(clock: ManualClock) -> None:
    """However many requests come at once, one of them asks and the others wait for what it learns."""
    asked = 0

    async def ask() -> bool:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return True

    maintenance = Maintenance(on=ask, poll=2, clock=clock)

    first = await asyncio.gather(*(maintenance.closed() for _ in range(50)))
    clock.advance(1.9)
    await maintenance.closed()
    asked_within = asked
    clock.advance(0.1)
    await maintenance.closed()

    assert first == [True] * 50
    assert (asked_within, asked) == (1, 2)


@pytest.mark.promise("stack-33")
async def test_a_plain_function_tells() -> None:
    """A function that only looks at a value need not be a coroutine."""
    assert await Maintenance(on=lambda: True).closed()
    assert not await Maintenance(on=lambda: False).closed()


@pytest.mark.promise("stack-34")
async def test_a_failing_function_changes_nothing(clock: ManualClock, expected_errors: list[logging.LogRecord]) -> None:
    """The last state stays, and the failure is logged once until the function works again."""
    answers: list[bool | Exception] = [True, OSError("away"), OSError("away"), False, OSError("away again")]

    async def ask() -> bool:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    maintenance = Maintenance(on=ask, clock=clock)
    states = []
    for _ in range(5):
        states.append(await maintenance.closed())
        clock.advance(1)

    assert states == [True, True, True, False, False]
    assert [record.getMessage() for record in expected_errors] == [
        "cannot tell whether maintenance is on; it stays on",
        "cannot tell whether maintenance is on; it stays off",
    ]
    assert all(record.exc_info for record in expected_errors)


@pytest.mark.promise("stack-34")
async def test_a_late_function_changes_nothing(expected_errors: list[logging.LogRecord]) -> None:
    """A source that hangs holds requests up for `poll` seconds at most."""
    never = asyncio.Event()

    async def ask() -> bool:
        await never.wait()
        return True

    assert not await Maintenance(on=ask, poll=0.05).closed()
    assert len(expected_errors) == 1


def test_a_function_cannot_be_overruled() -> None:
    """Where a function decides, the switch says so."""
    maintenance = Maintenance(on=lambda: False)

    with pytest.raises(RuntimeError, match="change what it answers"):
        maintenance.enable()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"on": "yes"}, TypeError, "a Path, or a function"),
        ({"retry_after": 0}, ValueError, "above 0"),
        ({"poll": -1}, ValueError, "above 0"),
        ({"exempt": "/health"}, TypeError, r"write \['/health'\]"),
        ({"exempt": ["health"]}, ValueError, "is no path"),
        ({"exempt": ["/a/*/b"]}, ValueError, "is no path"),
        ({"allow_networks": "10.0.0.0/8"}, TypeError, "takes a list"),
        ({"allow_networks": ["ten"]}, ValueError, "no address"),
        ({"trusted_proxies": "10.0.0.0/8"}, TypeError, "takes a list"),
        ({"bypass_secret": "short"}, ValueError, "16 characters"),
        ({"bypass_secret": " " * 20}, ValueError, "16 characters"),
        ({"bypass_secret": SECRET, "bypass_header": "no header"}, ValueError, "no header name"),
    ],
)
def test_nonsense_is_refused(options: dict[str, Any], error: type[Exception], message: str) -> None:
    """A wrong option fails where it is written."""
    with pytest.raises(error, match=message):
        Maintenance(**options)
