"""How rates are limited without Brickwork: slowapi, fastapi-limiter, throttled-py, and the package limits by hand.

Each package is imported where it is used, so that the tests can run the rest without it.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Depends, FastAPI, HTTPException, Request, Response

SLOWAPI = ("slowapi",)
LIMITER = ("fastapi_limiter",)
THROTTLED = ("throttled",)
LIMITS = ("limits",)

MANY = "1000000/minute"  # never reached
ONE = "1/day"  # reached by the first request
_SECONDS = {"minute": 60, "day": 86_400}


def _split(limit: str) -> tuple[int, int]:
    amount, _, period = limit.partition("/")
    return int(amount), _SECONDS[period]


async def ping() -> dict[str, str]:
    """Answer; the endpoint of all cases that do not decorate theirs."""
    return {"ping": "pong"}


def closing(app: FastAPI) -> list[Callable[[], Awaitable[object]]]:
    """Give what is awaited when the app ends."""
    found: list[Callable[[], Awaitable[object]]] = app.state.closing
    return found


# --- floors


def add_plain(app: FastAPI) -> None:
    """Limit nothing."""
    app.get("/ping")(ping)


def add_nothing(app: FastAPI) -> None:
    """Ask a dependency that does nothing."""

    async def nothing() -> None:
        pass

    app.get("/ping", dependencies=[Depends(nothing)])(ping)


# --- slowapi, as its documentation shows it


def _slowapi(app: FastAPI, url: str | None, *, ours: bool = False, **options: Any) -> Any:
    from slowapi import Limiter, _rate_limit_exceeded_handler
    from slowapi.errors import RateLimitExceeded
    from slowapi.util import get_remote_address

    if ours:
        from brickwork.ratelimit.slowapi import Limiter  # the one import that changes
    app.state.limiter = limiter = Limiter(get_remote_address, storage_uri=url, **options)
    app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)  # type: ignore[arg-type]
    return limiter


def add_slowapi(app: FastAPI, url: str | None = None, *, limit: str = MANY, **options: Any) -> None:
    """Decorate the endpoint."""
    limiter = _slowapi(app, url, **options)

    @app.get("/ping")
    @limiter.limit(limit)  # type: ignore[untyped-decorator]
    async def ping(request: Request) -> dict[str, str]:  # noqa: ARG001
        return {"ping": "pong"}


def add_slowapi_headers(app: FastAPI, url: str | None = None) -> None:
    """Decorate the endpoint, and tell what is left, which needs the response."""
    limiter = _slowapi(app, url, headers_enabled=True)

    @app.get("/ping")
    @limiter.limit(MANY)  # type: ignore[untyped-decorator]
    async def ping(request: Request, response: Response) -> dict[str, str]:  # noqa: ARG001
        return {"ping": "pong"}


def add_slowapi_middleware(app: FastAPI, url: str | None = None, *, name: str = "SlowAPIMiddleware") -> None:
    """Limit all routes by one of its two middlewares."""
    install_slowapi(app, name, url)
    app.get("/ping")(ping)


def install_slowapi(app: FastAPI, name: str, url: str | None = None) -> None:
    """Put one of its two middlewares around the app."""
    from slowapi import middleware

    _slowapi(app, url, default_limits=[MANY])
    app.add_middleware(getattr(middleware, name))


# --- fastapi-limiter


def add_fastapi_limiter(app: FastAPI, *, limit: str = MANY) -> None:
    """Ask its dependency, with one bucket for everybody, as its documentation shows it."""
    from fastapi_limiter.depends import RateLimiter
    from pyrate_limiter import Limiter, Rate

    amount, seconds = _split(limit)
    limiter = Limiter(Rate(amount, seconds * 1000))
    app.get("/ping", dependencies=[Depends(RateLimiter(limiter=limiter))])(ping)


def add_fastapi_limiter_redis(app: FastAPI, url: str, *, limit: str = MANY) -> None:
    """Ask its dependency; the bucket has to be made where a loop runs."""
    from fastapi_limiter.depends import RateLimiter
    from pyrate_limiter import Limiter, Rate, RedisBucket
    from redis.asyncio import Redis

    amount, seconds = _split(limit)
    client = Redis.from_url(url)
    closing(app).append(client.aclose)
    made: list[Any] = []

    async def limited(request: Request, response: Response) -> None:
        if not made:
            bucket: Any = RedisBucket.init([Rate(amount, seconds * 1000)], client, "bucket")
            made.append(RateLimiter(limiter=Limiter(await bucket)))
        await made[0](request, response)

    app.get("/ping", dependencies=[Depends(limited)])(ping)


# --- throttled-py


def add_throttled(app: FastAPI, url: str | None = None, *, limit: str = MANY, using: str = "token_bucket") -> None:
    """Decorate the endpoint."""
    from throttled.asyncio import MemoryStore, RedisStore
    from throttled.asyncio.contrib.fastapi.exceptions import RateLimitExceededError, rate_limit_exceeded_handler
    from throttled.asyncio.contrib.fastapi.key_funcs import get_remote_address
    from throttled.asyncio.contrib.fastapi.limiter import Limiter

    amount, seconds = _split(limit)
    store = MemoryStore() if url is None else RedisStore(server=url)
    quota = f"{amount}/{'m' if seconds == 60 else 'd'}"
    limiter = Limiter(quota, store=store, using=using, key_func=get_remote_address)
    app.add_exception_handler(RateLimitExceededError, rate_limit_exceeded_handler)

    @app.get("/ping")
    @limiter.limit()  # type: ignore[untyped-decorator]
    async def ping(request: Request) -> dict[str, str]:  # noqa: ARG001
        return {"ping": "pong"}


# --- limits, by hand


def add_limits(
    app: FastAPI, url: str = "async+memory://", *, limit: str = MANY, strategy: str = "FixedWindowRateLimiter"
) -> None:
    """Hit a limit of the package limits in a dependency."""
    from limits import parse
    from limits.aio import strategies
    from limits.storage import storage_from_string

    item = parse(limit)
    storage = storage_from_string(url, **({"implementation": "redispy"} if "redis" in url else {}))
    limiter = getattr(strategies, strategy)(storage)

    async def limited(request: Request) -> None:
        host = request.client.host if request.client else "unknown"
        if not await limiter.hit(item, request.scope["route"].path, host):
            raise HTTPException(429)

    app.get("/ping", dependencies=[Depends(limited)])(ping)
