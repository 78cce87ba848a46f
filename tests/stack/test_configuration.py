"""What may be installed, what is refused at once, and the table that tells what runs."""

import warnings
from functools import partial
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from brickwork import install
from brickwork.requestid import RequestIDMiddleware
from brickwork.stack import SlowMiddlewareWarning
from brickwork.testing import open_client

ORIGIN = "https://shop.example"


def shop(**options: Any) -> FastAPI:
    """An app under the stack."""
    app = FastAPI()

    @app.get("/ok")
    async def ok() -> str:
        return "ok"

    install(app, **options)
    return app


@pytest.mark.promise("stack-8")
def test_installing_twice_is_refused() -> None:
    """The second call says what to do."""
    app = shop()

    with pytest.raises(RuntimeError, match="one call"):
        install(app)


@pytest.mark.promise("stack-8")
def test_installing_after_the_first_request_is_refused() -> None:
    """An app that has served a request cannot be changed any more."""
    app = FastAPI()
    TestClient(app).get("/")

    with pytest.raises(RuntimeError, match="where the app is made"):
        install(app)


@pytest.mark.promise("stack-8")
def test_a_piece_that_stands_in_both_places_is_refused() -> None:
    """The same piece in install and in add_middleware is named in the error."""
    app = shop()
    app.add_middleware(RequestIDMiddleware)

    with pytest.raises(ValueError, match="RequestID is installed twice"):
        TestClient(app).get("/ok")


async def test_a_piece_turned_off_may_be_added_by_hand() -> None:
    """With request_id=False the application's own RequestIDMiddleware works."""
    app = FastAPI()
    install(app, request_id=False)
    app.add_middleware(RequestIDMiddleware, header="X-Own")

    async with open_client(app) as client:
        answer = await client.get("/")

    assert "x-own" in answer.headers
    assert "x-request-id" not in answer.headers


@pytest.mark.promise("stack-9")
def test_base_http_middleware_is_named_in_one_warning() -> None:
    """A BaseHTTPMiddleware still works, and is named once with what it costs."""
    app = shop()

    class Slow(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
            return await call_next(request)

    app.add_middleware(Slow)

    with pytest.warns(SlowMiddlewareWarning, match="Slow is a BaseHTTPMiddleware") as caught:
        answer = TestClient(app).get("/ok")

    assert len(caught) == 1
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({"body_limit": -1}, "no size"),
        ({"cors": ["https://shop.example/"]}, "no origin"),
        ({"cors": []}, "without an origin"),
        ({"cors": {"origins": ["*"], "credentials": True}}, "list the origins"),
        ({"trusted_hosts": ["https://a.example"]}, "without scheme"),
        ({"timeout": 0}, "timeout"),
        ({"request_id": {"trust": "sometimes"}}, "trust"),
    ],
)
@pytest.mark.promise("stack-13")
def test_wrong_configuration_fails_at_once(options: dict[str, Any], advice: str) -> None:
    """Nonsense is refused where it is written, with what to write instead."""
    with pytest.raises(ValueError, match=advice):
        shop(**options)


def test_bare_string_of_hosts_is_refused() -> None:
    """A text where a list is meant would allow single letters."""
    with pytest.raises(TypeError, match="takes a list"):
        shop(trusted_hosts="api.example")


@pytest.mark.promise("stack-14")
def test_explain_shows_what_runs_in_order() -> None:
    """The table lists every piece, outermost first, with what it may answer."""
    app = shop(cors=[ORIGIN], trusted_hosts=["*"], timeout=5, compression=True, maintenance=True, process_time=True)
    app.add_middleware(GZipMiddleware)

    lines = app.state.brickwork_stack.explain().splitlines()

    assert [line.split()[1] for line in lines[2:]] == [
        "RequestID", "AccessLog", "ProcessTime", "SecurityHeaders", "TrustedHosts", "CORS", "ErrorBoundary",
        "BodyLimit", "Maintenance", "Timeout", "Compression", "GZipMiddleware",
    ]  # fmt: skip
    assert "413 content-too-large" in lines[9]
    assert "yours" in lines[-1]


class Factory:
    """Makes middleware."""

    def __call__(self, app: ASGIApp) -> ASGIApp:
        """Give the application as it is."""
        return app


@pytest.mark.promise("stack-14")
@pytest.mark.parametrize("factory", [Factory(), partial(Factory())])
def test_explain_shows_middleware_of_every_make(factory: Any) -> None:
    """What Starlette takes for a middleware class has a line of its own, also where it has no name."""
    app = FastAPI()
    app.add_middleware(factory)

    lines = install(app).explain().splitlines()

    assert lines[-1].split()[1:] == ["Factory", "yours", "Makes", "middleware"]


def test_no_warning_for_pure_middleware() -> None:
    """Pure ASGI middleware is never warned about."""
    app = shop()
    app.add_middleware(GZipMiddleware)

    with warnings.catch_warnings():
        warnings.simplefilter("error", SlowMiddlewareWarning)
        assert TestClient(app).get("/ok").status_code == 200
