"""What rate limits cost: in memory, on Redis, with many keys, and for callers who are refused."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from fastapi import FastAPI

from brickwork import install
from brickwork.ratelimit import RateLimiter, RateLimitMiddleware

from . import auth, ratelimit_flood, ratelimit_redis, ratelimit_server
from . import auth_peers as users
from . import peers as stacks
from . import ratelimit_peers as peers
from .measure import Call, Case, Comparison
from .ratelimit_peers import MANY, ONE
from .shop import access, make_app

PACKAGES = (
    "slowapi", "limits", "fastapi-limiter", "pyrate-limiter", "throttled-py", "redis", "hiredis", "python-jose",
)  # fmt: skip
PING = Call("/ping")


def add_middleware(app: FastAPI, *, limit: str = MANY, **options: Any) -> None:
    """Limit every request."""
    app.add_middleware(RateLimitMiddleware, limiter=RateLimiter(default=limit, **options))
    app.get("/ping")(peers.ping)


def add_depends(app: FastAPI, *limits: str) -> None:
    """Limit the route by a dependency, which sends the headers itself."""
    limiter = RateLimiter()
    app.get("/ping", dependencies=[limiter.depends(*limits or (MANY,))])(peers.ping)


def add_both(app: FastAPI) -> None:
    """Limit the route by a dependency, inside the middleware, which then leaves the route to it."""
    limiter = RateLimiter(default=MANY)
    app.add_middleware(RateLimitMiddleware, limiter=limiter)
    app.get("/ping", dependencies=[limiter.depends(MANY)])(peers.ping)


def add_decorator(app: FastAPI) -> None:
    """Limit the endpoint by a decorator."""
    limiter = RateLimiter()

    @app.get("/ping")
    @limiter.limit(MANY)
    async def ping() -> dict[str, str]:
        return {"ping": "pong"}


def add_everything(app: FastAPI, *, limited: bool = True, known: bool = True, **options: Any) -> None:
    """Install the stack, and where wanted ask for the user, and limit all."""
    limits: dict[str, Any] = {"rate_limit": RateLimiter(default=MANY)} if limited else {}
    install(app, cors=[stacks.ORIGIN], access_log={"logger": access.name}, **limits)
    (auth.add_claims if known else users.add_plain)(app, **options)


def add_guides(app: FastAPI) -> None:
    """Do the same as guides show it: functions as middleware, a user from a token, slowapi's first middleware."""
    peers.install_slowapi(app, "SlowAPIMiddleware")
    stacks.add_tutorial(app)
    users.add_tutorial_pyjwt(app)


def add_packages(app: FastAPI) -> None:
    """Do the same with packages as pure ASGI, a key prepared once, and slowapi's second middleware."""
    peers.install_slowapi(app, "SlowAPIASGIMiddleware")
    stacks.add_four(app)
    users.add_prepared(app)


def add_base_http(app: FastAPI) -> None:
    """Put one middleware around the app that does nothing, in the class that guides use."""
    stacks.BASE_HTTP.add(app)
    users.add_plain(app)


async def begin_user(app: FastAPI) -> Call:
    """Log the user in; come from a page of another origin."""
    return _from_elsewhere(await auth.begin(app))


async def begin_by_hand(app: FastAPI) -> Call:
    """Send a token made by hand; come from a page of another origin."""
    return _from_elsewhere(await users.begin_by_hand(app))


def _from_elsewhere(call: Call) -> Call:
    return replace(call, headers={**call.headers, "origin": stacks.ORIGIN})


def blocked(name: str, add: Callable[..., None], needs: tuple[str, ...] = (), **options: Any) -> Case:
    """Make a case whose caller is refused, from the second request on."""
    return Case(
        name,
        partial(add, limit=ONE, **options),
        "peer" if needs else "ours",
        needs,
        begin=ratelimit_redis.begin_blocked,
    )


COMPARISONS = (
    Comparison(
        "A request that is counted in memory",
        "One caller, no limit is reached. Ours, and the rows that say so, tell the caller what is left, in headers.",
        PING,
        (
            Case("no limits", peers.add_plain, "floor"),
            Case("a dependency that does nothing", peers.add_nothing, "floor"),
            Case("RateLimitMiddleware", add_middleware),
            Case("RateLimitMiddleware, no headers", partial(add_middleware, headers=())),
            Case("limiter.depends", add_depends),
            Case("limiter.depends, two limits", lambda app: add_depends(app, MANY, "9000000/hour")),
            Case("limiter.depends in the middleware", add_both),
            Case("@limiter.limit", add_decorator),
            Case("our slowapi.Limiter", partial(peers.add_slowapi, ours=True), needs=peers.SLOWAPI),
            Case("slowapi, decorator", peers.add_slowapi, "peer", peers.SLOWAPI),
            Case("slowapi, decorator, headers", peers.add_slowapi_headers, "peer", peers.SLOWAPI),
            Case(
                "slowapi, SlowAPIASGIMiddleware",
                partial(peers.add_slowapi_middleware, name="SlowAPIASGIMiddleware"),
                "peer",
                peers.SLOWAPI,
            ),
            Case("slowapi, SlowAPIMiddleware", peers.add_slowapi_middleware, "peer", peers.SLOWAPI),
            Case("fastapi-limiter", peers.add_fastapi_limiter, "peer", peers.LIMITER),
            Case("throttled-py, token bucket", peers.add_throttled, "peer", peers.THROTTLED),
            Case("throttled-py, GCRA", partial(peers.add_throttled, using="gcra"), "peer", peers.THROTTLED),
            Case("limits.aio by hand, fixed window", peers.add_limits, "peer", peers.LIMITS),
            Case(
                "limits.aio by hand, sliding window",
                partial(peers.add_limits, strategy="SlidingWindowCounterRateLimiter"),
                "peer",
                peers.LIMITS,
            ),
        ),
        make_app,
        bytes,
    ),
    Comparison(
        "A request that is refused, in memory",
        "The floor answers the same request, which nobody limits, with 200; all others with 429.",
        PING,
        (
            Case("no limits", peers.add_plain, "floor"),
            blocked("RateLimitMiddleware", add_middleware),
            blocked("slowapi, decorator", peers.add_slowapi, peers.SLOWAPI),
            blocked("fastapi-limiter", peers.add_fastapi_limiter, peers.LIMITER),
            blocked("throttled-py, token bucket", peers.add_throttled, peers.THROTTLED),
            blocked("limits.aio by hand, fixed window", peers.add_limits, peers.LIMITS),
        ),
        make_app,
    ),
    Comparison(
        "All of it on one request",
        "The stack with request ID, access log, security headers, CORS, error boundary, body limit; a JWT that is "
        "verified and its session looked up; and a limit for every caller, with headers. All in memory.",
        _from_elsewhere(Call("/me")),
        (
            Case("FastAPI alone", users.add_plain, "floor"),
            Case("the stack", partial(add_everything, limited=False, known=False)),
            Case("the stack and limits", partial(add_everything, known=False)),
            Case("the stack, limits, auth.claims", add_everything, begin=begin_user),
            Case(
                "the stack, limits, auth.claims, verified_cache",
                partial(add_everything, verified_cache=1000),
                begin=begin_user,
            ),
            Case("one empty BaseHTTPMiddleware", add_base_http, "peer"),
            Case(
                "four packages, slowapi, a token by hand", add_packages, "peer",
                stacks.CORRELATION + stacks.SECURE + peers.SLOWAPI, begin=begin_by_hand,
            ),
            Case(
                "tutorial style, slowapi, PyJWT", add_guides, "peer",
                users.PYJWT + peers.SLOWAPI, begin=begin_by_hand,
            ),
        ),
        make_app,
    ),
)  # fmt: skip

TABLES = (
    ratelimit_redis.one_at_a_time, ratelimit_redis.together, ratelimit_server.served, ratelimit_redis.refused,
    ratelimit_flood.flood,
)  # fmt: skip
CURVES = (ratelimit_flood.live_keys,)
