"""``@limiter.limit`` and ``@limiter.exempt``: limits on the endpoint itself."""

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, WebSocket
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse

from brickwork import install
from brickwork.ratelimit import RateLimiter, RateLimitMiddleware
from tests.ratelimit.calls import statuses

if TYPE_CHECKING:
    from decimal import Decimal


@pytest.fixture
def limiter() -> RateLimiter:
    """A limiter that counts in memory."""
    return RateLimiter()


def word() -> str:
    """Give a word."""
    return "brick"


Word = Annotated[str, Depends(word)]


async def coroutine(q: int = 0) -> Any:
    """Wait."""
    return q


def function(q: int = 0) -> Any:
    """Do not wait."""
    return q


async def asks_for_the_request(request: Request, q: int = 0) -> Any:
    """Take the request."""
    return request.url.path


async def asks_for_dependencies(word: Word, q: int = 0) -> Any:
    """Take what a dependency gives."""
    return word


async def generates(q: int = 0) -> AsyncIterator[int]:
    """Stream."""
    yield q


def generates_in_a_thread(q: int = 0) -> Iterator[int]:
    """Stream from a thread."""
    yield q


async def names_what_is_not_there(q: int = 0, *, rate_limit: int = 0) -> "Decimal":
    """Be annotated with what only type checkers know, and have a parameter that is called like a limit."""
    return q  # type: ignore[return-value]


def takes_anything(q: int = 0, **rest: Any) -> Any:
    """Take any keyword; FastAPI has a query parameter for it."""
    return sorted(rest)


def timed(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap, as any other decorator does."""

    @functools.wraps(endpoint)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return await endpoint(*args, **kwargs)

    return wrapper


class Callable_:  # noqa: N801
    """An endpoint that is an object."""

    async def __call__(self, q: int = 0) -> Any:
        """Answer."""
        return q

    def method(self, q: int = 0) -> Any:
        """Answer, too."""
        return q


ENDPOINTS: dict[str, Callable[..., Any]] = {
    "coroutine": coroutine,
    "function": function,
    "request": asks_for_the_request,
    "dependency": asks_for_dependencies,
    "generator": generates,
    "generator in a thread": generates_in_a_thread,
    "unknown annotation": names_what_is_not_there,
    "wrapped": timed(coroutine),
    "object": Callable_(),
    "method": Callable_().method,
    "partial": functools.partial(coroutine, q=1),
}


@pytest.mark.promise("ratelimit-34")
@pytest.mark.parametrize("kind", ENDPOINTS)
def test_any_endpoint_can_be_limited(limiter: RateLimiter, kind: str) -> None:
    """It needs no argument for it, answers as before, and has the parameters in OpenAPI that it had."""
    endpoint = ENDPOINTS[kind]
    plain, app = FastAPI(), FastAPI()
    plain.get("/", response_model=None)(endpoint)
    app.get("/", response_model=None)(limiter.limit("2/minute")(endpoint))
    client = TestClient(app)

    assert client.get("/").text == TestClient(plain).get("/").text
    assert statuses(client, "/", 2) == [200, 429]
    [mine, theirs] = [each.openapi()["paths"]["/"]["get"] for each in (app, plain)]
    assert mine == theirs


@pytest.mark.promise("ratelimit-34")
def test_what_takes_any_keyword_does_not_get_the_limit(limiter: RateLimiter) -> None:
    """The hidden parameter stays hidden."""
    limited = limiter.limit("1/minute")(takes_anything)

    assert limited(q=1, other=2, rate_limit=3) == ["other"]
    assert [*inspect.signature(limited).parameters] == ["q", "rate_limit", "rest"]


@pytest.mark.promise("ratelimit-34")
def test_openapi_shows_what_a_limited_route_answers(limiter: RateLimiter) -> None:
    """The problem and its headers are in the document."""
    app = FastAPI()
    app.get("/")(limiter.limit("1/minute")(coroutine))
    install(app)

    answer = app.openapi()["paths"]["/"]["get"]["responses"]["429"]

    assert {"Retry-After", "RateLimit", "RateLimit-Policy"} <= answer["headers"].keys()
    assert "application/problem+json" in answer["content"]


@pytest.mark.promise("ratelimit-34")
def test_sockets_can_be_limited(limiter: RateLimiter) -> None:
    """The handshake is what counts."""
    app = FastAPI()

    @app.websocket("/")
    @limiter.limit("1/minute")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close()

    client = TestClient(app)
    with client.websocket_connect("/"):
        pass

    with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect("/"):
        pass
    assert refused.value.status_code == 429


async def test_a_limited_function_can_be_called_as_before(limiter: RateLimiter) -> None:
    """Tests of an endpoint by itself are not concerned, and it is still the kind of function that it was."""
    limited = limiter.limit("1/minute")(coroutine)

    assert [await limited(1), await limited(q=2)] == [1, 2]
    assert inspect.iscoroutinefunction(limited)
    assert limited.__name__ == "coroutine"


@pytest.mark.promise("ratelimit-33")
def test_functions_of_one_name_are_two(limiter: RateLimiter) -> None:
    """What is counted has nothing to do with what a function is called."""

    def make() -> Callable[[], int]:
        @limiter.limit("1/minute")
        def endpoint() -> int:
            return 1

        return endpoint

    app = FastAPI()
    app.get("/a")(make())
    app.get("/b")(make())
    client = TestClient(app)

    assert [*statuses(client, "/a", 2), *statuses(client, "/b", 2)] == [200, 429, 200, 429]


@pytest.mark.promise("ratelimit-38")
def test_decorators_that_stand_together_decide_together(limiter: RateLimiter) -> None:
    """What the narrow limit refuses does not count for the wide one."""
    app = FastAPI()

    @app.get("/")
    @limiter.limit("5/hour")
    @limiter.limit("1/minute")
    @limiter.limit("3/day", stack=True)
    async def endpoint() -> int:
        return 1

    client = TestClient(app)
    with limiter.testing() as time:
        first = [client.get("/") for _ in range(9)]
        time.advance(121)
        later = client.get("/")

    assert [response.status_code for response in first] == [200] + [429] * 8
    assert later.headers["ratelimit-policy"] == '"route";q=5;w=3600, "route-2";q=1;w=60, "route-3";q=3;w=86400'
    assert [each.split(";")[1] for each in later.headers["ratelimit"].split(", ")] == ["r=3", "r=0", "r=1"]


def test_another_limiter_decides_by_itself(limiter: RateLimiter) -> None:
    """Decorators of two limiters, or with another decorator between them, each hold."""
    other, app = RateLimiter(), FastAPI()
    app.get("/two")(limiter.limit("1/minute")(other.limit("2/minute")(coroutine)))
    app.get("/between")(limiter.limit("2/minute")(timed(limiter.limit("1/minute")(coroutine))))
    client = TestClient(app)

    assert statuses(client, "/two", 2) == [200, 429]
    assert statuses(client, "/between", 2) == [200, 429]


@pytest.mark.promise("ratelimit-36")
def test_a_decorator_that_stands_too_high_does_not_go_unseen(limiter: RateLimiter) -> None:
    """Above the route's own decorator it would limit nothing: nothing starts, and the error names the function."""
    app = FastAPI()
    app.add_middleware(RateLimitMiddleware, limiter=limiter)

    @limiter.limit("1/minute")
    @app.get("/")
    async def endpoint() -> int:
        return 1

    with pytest.raises(RuntimeError, match=r"endpoint.* put the decorator of the limiter below"):
        TestClient(app).get("/")


def test_stacked_decorators_stand_where_they_should(limiter: RateLimiter) -> None:
    """What took the place of a limit is found at start-up, and nothing is missed."""
    app = FastAPI()
    app.add_middleware(RateLimitMiddleware, limiter=limiter)
    app.get("/")(limiter.limit("2/minute")(limiter.limit("9/minute")(coroutine)))
    app.get("/object")(limiter.limit("2/minute")(limiter.limit("9/minute")(Callable_())))

    with TestClient(app) as client:
        assert statuses(client, "/", 3) == [200, 200, 429]
        assert statuses(client, "/object", 3) == [200, 200, 429]


@pytest.mark.promise("ratelimit-37")
def test_what_is_exempt_is_let_be_in_either_order(limiter: RateLimiter) -> None:
    """No limit of a router or of the application concerns it, whether the mark stands above or below."""
    app, router = FastAPI(), APIRouter(dependencies=[limiter.depends("1/minute")])

    async def above() -> int:
        return 1

    limiter.exempt(router.get("/above")(above))

    @router.get("/below")
    @limiter.exempt
    async def below() -> int:
        return 1

    router.get("/method")(limiter.exempt(Callable_().method))
    router.get("/other")(RateLimiter().exempt(function))
    router.get("/own", dependencies=[limiter.depends("2/minute")])(below)
    app.include_router(router)
    client = TestClient(app)

    assert statuses(client, "/above", 3) == statuses(client, "/below", 3) == statuses(client, "/method", 3) == [200] * 3
    assert statuses(client, "/other", 2) == [200, 429]
    assert statuses(client, "/own", 3) == [200, 200, 429]


def test_nothing_is_both_limited_and_exempt(limiter: RateLimiter) -> None:
    """Who writes both means one of them, and nobody knows which."""

    async def endpoint() -> int:
        return 1

    async def other() -> int:
        return 1

    limited = limiter.limit("1/minute")(endpoint)

    with pytest.raises(TypeError, match="endpoint is both limited and exempt"):
        limiter.exempt(limited)
    with pytest.raises(TypeError, match="other is both limited and exempt"):
        limiter.limit("1/minute")(limiter.exempt(other))


def test_classes_are_no_endpoints(limiter: RateLimiter) -> None:
    """A class is refused, since its methods are what FastAPI calls."""
    with pytest.raises(TypeError, match=r"@limiter\.limit belongs on a function"):
        limiter.limit("1/minute")(Callable_)
    with pytest.raises(TypeError, match=r"@limiter\.exempt belongs on a function"):
        limiter.exempt(Callable_)
