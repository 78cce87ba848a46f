"""Rate limits as people write them; strict type checkers accept every line and know what each gives."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, assert_type

from fastapi import APIRouter, Depends, FastAPI, Header, WebSocket
from fastapi.params import Depends as Dependency
from redis.asyncio import Redis
from starlette.requests import HTTPConnection

from brickwork import install
from brickwork.ratelimit import (
    Budget,
    Decision,
    Key,
    Limit,
    MemoryRateStore,
    RateLimitCounters,
    RateLimiter,
    RateLimitMiddleware,
    ResponseInfo,
    Rule,
    WebSocketLimit,
    by_cookie,
    by_form,
    by_header,
    by_ip,
    by_json,
    by_route,
    by_user,
)
from brickwork.ratelimit.redis import RedisRateStore

# --- keys, costs and conditions


def by_tenant(connection: HTTPConnection) -> str | None:
    """Count by tenant."""
    return connection.headers.get("x-tenant")


async def by_session(connection: HTTPConnection) -> str | None:
    """Count by session, which takes a while to find."""
    return connection.cookies.get("session")


async def login(x_login: Annotated[str, Header()]) -> str:
    """Give a login."""
    return x_login


def plan(x_plan: Annotated[str, Header()]) -> str | None:
    """Give the limits of a plan."""
    return {"free": "10/minute"}.get(x_plan)


async def pages(connection: HTTPConnection) -> int:
    """Say how much a request costs."""
    return int(connection.query_params["pages"])


def failed(response: ResponseInfo) -> bool:
    """Say whether a login failed."""
    return response.status_code == 401


async def internal(connection: HTTPConnection) -> bool:
    """Say whether a request is one of ours."""
    return connection.headers.get("x-internal") == "yes"


assert_type(by_ip(["10.0.0.0/8"], ipv6_prefix=48), Key)
assert_type(by_header("x-api-key") | by_cookie("session") | by_ip(), Key)
assert_type(by_user() & by_route() | by_tenant, Key)
assert_type(by_form("username") & by_json("username", casefold=False), Key)

# --- limiters

limiter = RateLimiter(
    store=RedisRateStore(Redis()),
    default="100/minute",
    key=by_user() | by_ip(),
    on_error="closed",
    replicas=4,
    headers=["ietf", "legacy"],
    exempt_when=internal,
    exempt_networks=["10.0.0.0/8"],
    secret="",
)
RateLimiter(store=MemoryRateStore(max_keys=10), default=[Limit(10, 1), "100/minute"], key=by_session)
RateLimiter(default=Rule("10/second", key=by_tenant, name="default"), key=Depends(login), headers=())

assert_type(limiter.enabled, bool)
assert_type(limiter.degraded, bool)
assert_type(limiter.counters, RateLimitCounters)
limiter.enabled = False

# --- routes

search = limiter.depends("10/second", "1000/hour", cost=pages, name="search", stack=True)
by_plan = limiter.depends(plan, key=Depends(login), cost=Depends(pages), shadow=True, on_error="open")
logins = limiter.depends(
    Rule("5/minute", key=by_form("username"), count_when=failed), Rule("20/minute", key=by_ip(), on_error="closed")
)
assert_type(search, Dependency)
assert_type(limiter.concurrent(3, key=by_session, ttl=30), Dependency)

app = FastAPI(dependencies=[limiter.depends(Limit(100, 60), exempt_when=internal)])
router = APIRouter(dependencies=[search, by_plan, limiter.concurrent(3)])
app.add_middleware(RateLimitMiddleware, limiter=limiter, exempt={"/health", "/docs/*"})
install(app, rate_limit=limiter)

Left = Annotated[Decision, limiter.depends("10/minute")]
Tokens = Annotated[Budget, limiter.budget("50_000/day", plan, key=Depends(login), unit="tokens")]
Talk = Annotated[WebSocketLimit, limiter.websocket(connect="5/minute", message="20/second", open=3, on_excess="drop")]


@app.get("/search", dependencies=[search])
async def find(left: Left, tokens: Tokens) -> str:
    """What is injected has its type."""
    assert_type(left.allowed, bool)
    assert_type(left.retry_after, float | None)
    assert_type(tokens.remaining, int | None)
    assert_type(await tokens.spend(3), Decision)
    return "found"


@app.post("/login", dependencies=[logins])
@limiter.limit("100/hour", scope="logins")
@limiter.limit("10/minute", "1/second", key=by_ip())
def log_in(name: str, password: str) -> int:
    """A decorator keeps the type of what it decorates."""
    return len(name + password)


@limiter.limit("100/hour")
async def stream(words: int) -> AsyncIterator[str]:
    """Also that of a generator."""
    yield "word" * words


@app.get("/health")
@limiter.exempt
async def health() -> str:
    """What is exempt keeps its type, too."""
    return "ok"


assert_type(log_in("ada", "brick"), int)
assert_type(stream(3), AsyncIterator[str])


@app.websocket("/talk")
async def talk(socket: WebSocket, limit: Talk) -> None:
    """Messages are what they are."""
    await socket.accept()
    async for text in limit.iter_text(socket):
        assert_type(text, str)
    async for data in limit.iter_bytes(socket):
        assert_type(data, bytes)
    async for value in limit.iter_json(socket):
        assert_type(value, Any)
    assert_type(await limit.message(), Decision)


# --- everywhere


async def work() -> None:
    """Jobs are counted, and health is asked for."""
    assert_type(await health(), str)
    assert_type(await limiter.check("job:42", "10/second", [Limit(10, 1)], cost=3), Decision)
    await limiter.reset(42, "10/second")
    with limiter.testing() as test:
        test.advance(61)
        test.reset()
        with test.disabled():
            pass


def takes(decorator: Callable[[Callable[[int], str]], Callable[[int], str]]) -> None:
    """What takes a decorator takes this one."""


takes(limiter.limit("1/minute"))
takes(limiter.exempt)
