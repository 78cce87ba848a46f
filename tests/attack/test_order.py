"""The order of middleware is right whatever the order of calls, and every answer carries what it must."""

import json
from collections.abc import Callable
from itertools import islice, permutations

import pytest
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from brickwork import Problem, install

from .direct import Called, call

ORIGIN = {"origin": "https://shop.example"}
PREFLIGHT = {**ORIGIN, "access-control-request-method": "GET"}


class SlowDownError(Problem, status=429, slug="slow-down"):
    """Too many requests."""


class Limiter:
    """Refuses by raising, as a middleware of anyone's may."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse one path."""
        if scope.get("path") == "/limited":
            raise SlowDownError(headers={"Retry-After": "1"})
        await self.app(scope, receive, send)


class Passing:
    """Does nothing but stand in the way."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on."""
        await self.app(scope, receive, send)


STEPS: tuple[Callable[[FastAPI], object], ...] = (
    lambda app: install(app, body_limit=100, timeout=5, compression=True, process_time=True),
    lambda app: app.add_middleware(CORSMiddleware, allow_origins=["https://shop.example"]),
    lambda app: app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1"]),
    lambda app: app.add_middleware(GZipMiddleware),
    lambda app: app.add_middleware(Limiter),
    lambda app: app.add_middleware(Passing),
)


def build(steps: tuple[Callable[[FastAPI], object], ...]) -> FastAPI:
    """Make an app, in one order of calls."""
    app = FastAPI(openapi_url=None)
    app.add_api_route("/books", endpoint, methods=["GET", "POST"])
    app.add_api_route("/broken", broken, methods=["GET"])
    for step in steps:
        step(app)
    return app


async def endpoint() -> str:
    """Answer."""
    return "books"


async def broken() -> None:
    """Fail."""
    raise ZeroDivisionError


async def answers(app: FastAPI) -> dict[str, tuple[int, Called]]:
    """Ask for one answer of every kind, and give each with the status that it should have."""
    return {
        "success": (200, await call(app, "GET", "/books", ORIGIN)),
        "limited": (429, await call(app, "GET", "/limited", ORIGIN)),
        "too large": (413, await call(app, "POST", "/books", {**ORIGIN, "content-length": "1000"}, b"a" * 1_000)),
        "preflight": (200, await call(app, "OPTIONS", "/books", PREFLIGHT)),
        "preflight refused": (
            400,
            await call(app, "OPTIONS", "/books", {**PREFLIGHT, "origin": "https://evil.example"}),
        ),
        "foreign host": (400, await call(app, "GET", "/books", {"host": "evil.example"})),
        "not found": (404, await call(app, "GET", "/nothing", ORIGIN)),
        "not allowed": (405, await call(app, "DELETE", "/books", ORIGIN)),
        "broken": (500, await call(app, "GET", "/broken", ORIGIN)),
    }


def faults(kind: str, status: int, answer: Called) -> list[str]:
    """Name what one answer lacks."""
    found = [] if answer.status == status else [f"{kind}: status {answer.status}, not {status}"]
    if len(answer.all("x-request-id")) != 1:
        found.append(f"{kind}: request IDs {answer.all('x-request-id')}")
    if answer.all("x-content-type-options") != ["nosniff"]:
        found.append(f"{kind}: no security headers")
    allowed = [] if kind in {"preflight refused", "foreign host"} else [ORIGIN["origin"]]
    if answer.all("access-control-allow-origin") != allowed:
        found.append(f"{kind}: other CORS headers than should be")
    if isinstance(answer.error, ZeroDivisionError) != (kind == "broken"):
        found.append(f"{kind}: raised {answer.error!r} to the server")
    if status >= 400:
        document = json.loads(answer.body) if answer.all("content-type") == ["application/problem+json"] else {}
        if (document.get("status"), document.get("request_id")) != (status, *answer.all("x-request-id")):
            found.append(f"{kind}: no problem, but {answer.body!r}")
    return found


@pytest.mark.promise("stack-1", "stack-7")
@pytest.mark.parametrize("every", [31, pytest.param(1, marks=pytest.mark.slow)])
async def test_any_order_of_calls_gives_the_same_answers(every: int) -> None:
    """In all 720 orders of `install` and five middlewares, each answer has ID, headers and problem."""
    wrong: dict[str, list[int]] = {}
    for number, steps in islice(enumerate(permutations(STEPS)), 0, None, every):
        for kind, (status, answer) in (await answers(build(steps))).items():
            for fault in faults(kind, status, answer):
                wrong.setdefault(fault, []).append(number)

    assert wrong == {}
