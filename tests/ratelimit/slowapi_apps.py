"""Applications as slowapi's documentation sets them up, and calls to them."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient, Response
from slowapi import Limiter as SlowLimiter
from slowapi import _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded
from slowapi.middleware import SlowAPIASGIMiddleware
from slowapi.util import get_remote_address
from starlette.applications import Starlette

from brickwork.ratelimit import RateStoreUnavailableError
from brickwork.ratelimit.memory import MemoryRateStore
from brickwork.ratelimit.slowapi import Limiter

AppT = TypeVar("AppT", bound=Starlette)


class StandingClock:
    """Stands still, so that no window ends while a test runs."""

    def time(self) -> float:
        """Give a time in 2033."""
        return 2_000_000_000.25

    def monotonic(self) -> float:
        """Give a time that is not near the end of a minute or an hour."""
        return 1_000_000_020.0


class LostStore:
    """A store that does not answer."""

    async def hit(self, charges: Sequence[object], *, mode: str = "count") -> Any:
        """Give nothing."""
        raise RateStoreUnavailableError

    async def refund(self, charges: Sequence[object], *, age: float = 0.0) -> None:
        """Take nothing back."""
        raise RateStoreUnavailableError

    async def reset(self, charges: Sequence[object]) -> None:
        """Forget nothing."""
        raise RateStoreUnavailableError


def limiter_with(key_func: Callable[..., Any] = get_remote_address, **options: Any) -> Limiter:
    """Make a limiter of ours whose windows do not end while a test runs."""
    options.setdefault("store", MemoryRateStore(clock=StandingClock()))
    return Limiter(key_func, clock=StandingClock(), **options)


def set_up(app: AppT, limiter: SlowLimiter, middleware: Any = SlowAPIASGIMiddleware) -> AppT:
    """Set an application up as slowapi's documentation says."""
    app.state.limiter = limiter
    app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)  # type: ignore[arg-type]
    if middleware is not None:
        app.add_middleware(middleware)
    return app


def app_with(limiter: SlowLimiter, middleware: Any = SlowAPIASGIMiddleware) -> FastAPI:
    """Make an application with a limiter."""
    return set_up(FastAPI(), limiter, middleware)


def client_of(app: Any, address: str = "192.0.2.1") -> AsyncClient:
    """Make a client at an address."""
    transport = ASGITransport(app=app, raise_app_exceptions=False, client=(address, 50_000))
    return AsyncClient(transport=transport, base_url="http://test")


async def call(app: Any, *paths: str, address: str = "192.0.2.1", **options: Any) -> list[Response]:
    """Call paths, one after the other."""
    async with client_of(app, address) as client:
        return [await client.get(path, **options) for path in paths]


async def statuses(app: Any, *paths: str, address: str = "192.0.2.1", **options: Any) -> list[int]:
    """Give the statuses of calls, one after the other."""
    return [response.status_code for response in await call(app, *paths, address=address, **options)]
