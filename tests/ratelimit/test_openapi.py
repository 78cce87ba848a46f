"""OpenAPI shows where a limit may refuse, and with what."""

from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from openapi_spec_validator import validate

from brickwork import install
from brickwork.ratelimit import RateLimiter, RateLimitMiddleware, Rule
from brickwork.testing import open_client

LIMITED = {"RateLimit", "RateLimit-Policy", "Retry-After"}


def shop(limiter: RateLimiter) -> FastAPI:
    """An app with routes of every kind."""
    app = FastAPI()
    router = APIRouter(dependencies=[limiter.depends("9/minute")])

    @router.get("/own")
    async def own() -> None: ...

    @app.get("/free")
    @limiter.exempt
    async def free() -> None: ...

    @app.get("/health")
    @app.get("/home")
    async def home() -> None: ...

    app.include_router(router, prefix="/a")
    return app


def refusals(app: FastAPI) -> dict[str, set[str]]:
    """By path, the statuses with which limits answer."""
    paths: dict[str, Any] = app.openapi()["paths"]
    return {path: {"429", "503"} & {*each["get"]["responses"]} for path, each in paths.items()}


@pytest.mark.promise("ratelimit-57")
@pytest.mark.parametrize("early", [True, False])
def test_default_is_shown_with_the_stack(*, early: bool) -> None:
    """Every route that the default or a limit of its own counts shows a 429, and what is exempt shows none."""
    limiter = RateLimiter(default="100/minute")
    app = shop(limiter)
    if early:
        app.add_middleware(RateLimitMiddleware, limiter=limiter, exempt={"/health"})

    install(app, rate_limit=None if early else {"limiter": limiter, "exempt": {"/health"}})

    assert refusals(app) == {"/a/own": {"429"}, "/free": set(), "/home": {"429"}, "/health": set()}


@pytest.mark.promise("ratelimit-57")
async def test_default_is_shown_without_the_stack() -> None:
    """The middleware alone shows it, too, once the application has started."""
    limiter = RateLimiter(default=Rule("100/minute", on_error="closed"))
    app = shop(limiter)
    app.add_middleware(RateLimitMiddleware, limiter=limiter)

    async with open_client(app):
        shown = refusals(app)

    assert shown["/free"] == set()
    assert shown["/home"] == {"429", "503"}


def test_nothing_is_shown_without_a_default() -> None:
    """Where no default counts, only routes with limits of their own show a 429."""
    app = shop(limiter := RateLimiter())

    install(app, rate_limit=limiter)

    assert refusals(app) == {"/a/own": {"429"}, "/free": set(), "/home": set(), "/health": set()}


@pytest.mark.promise("ratelimit-57")
def test_answers_have_headers_and_schema() -> None:
    """A 429 shows its headers and the problem with its members; a 503 where nobody passes uncounted."""
    app = shop(limiter := RateLimiter(default="100/minute", on_error="closed"))
    install(app, rate_limit=limiter)

    document = app.openapi()

    validate(document)
    for path in ("/a/own", "/home"):
        answers = document["paths"][path]["get"]["responses"]
        schema = answers["429"]["content"]["application/problem+json"]["schema"]
        assert answers["429"]["headers"].keys() == LIMITED
        assert answers["503"]["headers"].keys() == {"Retry-After"}
        assert schema == {"$ref": "#/components/schemas/RateLimitExceededError"}
        assert "parameters" not in document["paths"][path]["get"]
    properties = document["components"]["schemas"]["RateLimitExceededError"]["properties"]
    assert {"violated-policies", "retry_after"} <= properties.keys()
    assert "violated_policies" not in properties
