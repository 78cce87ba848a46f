"""`RateLimiter`: the limits of an application."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, TypeVar

from fastapi import params
from starlette.requests import HTTPConnection

from ..._core.clock import Clock
from .._rules.values import Decision
from .._store import RateStore

EndpointT = TypeVar("EndpointT", bound=Callable[..., Any])
OnError = Literal["open", "closed", "local"]
OnExcess = Literal["close", "drop", "error"]
ExemptWhen = Callable[[HTTPConnection], bool | Awaitable[bool]]


class RateLimiter:
    """The limits of an application, what they count by, and who counts.

    This is being built: the signatures stand.
    """

    enabled: bool

    def __init__(
        self,
        *,
        store: RateStore | None = None,
        default: Any = None,
        key: Any = None,
        on_error: OnError = "local",
        replicas: int = 1,
        headers: Collection[Literal["ietf", "legacy"]] = ("ietf",),
        shadow: bool = False,
        enabled: bool = True,
        exempt_when: ExemptWhen | None = None,
        exempt_networks: Sequence[str] = (),
        secret: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.enabled = enabled
        self.headers = frozenset(headers)
        self.exempt_when = exempt_when
        self.default: Any = default
        self.engine: Any = None

    def depends(
        self,
        *limits: Any,
        key: Any = None,
        cost: Any = 1,
        name: str | None = None,
        scope: str | None = None,
        count_when: Any = None,
        exempt_when: ExemptWhen | None = None,
        on_error: OnError | None = None,
        shadow: bool | None = None,
        stack: bool = False,
    ) -> params.Depends:
        """Give the dependency that limits a route; its value is a `Decision`."""
        raise NotImplementedError

    def limit(
        self,
        *limits: Any,
        key: Any = None,
        cost: Any = 1,
        name: str | None = None,
        scope: str | None = None,
        count_when: Any = None,
        exempt_when: ExemptWhen | None = None,
        on_error: OnError | None = None,
        shadow: bool | None = None,
        stack: bool = False,
    ) -> Callable[[EndpointT], EndpointT]:
        """Limit an endpoint; goes below the decorator of the route."""
        raise NotImplementedError

    def exempt(self, endpoint: EndpointT) -> EndpointT:
        """Take an endpoint out of the limits of its routers and of the application."""
        raise NotImplementedError

    def concurrent(
        self, amount: int, *, key: Any = None, ttl: float = 60, name: str | None = None, scope: str | None = None
    ) -> params.Depends:
        """Give the dependency that limits how many requests run at once."""
        raise NotImplementedError

    def budget(
        self,
        *limits: Any,
        key: Any = None,
        name: str | None = None,
        scope: str | None = None,
        unit: str = "requests",
    ) -> params.Depends:
        """Give the dependency for `Budget`, which is spent when the cost is known."""
        raise NotImplementedError

    def websocket(
        self,
        *,
        connect: Any = None,
        message: Any = None,
        open: int | None = None,  # noqa: A002
        key: Any = None,
        on_excess: OnExcess = "close",
    ) -> params.Depends:
        """Give the dependency for `WebSocketLimit`."""
        raise NotImplementedError

    async def check(self, identity: str, *limits: Any, cost: int = 1) -> Decision:
        """Count without HTTP."""
        raise NotImplementedError

    async def reset(self, identity: str, *limits: Any) -> None:
        """Forget what was counted with `check`."""
        raise NotImplementedError

    def routes(self, app: Any) -> Any:
        """Show the limits in effect."""
        raise NotImplementedError

    def testing(self) -> AbstractContextManager[Any]:
        """Move time, start anew, or switch off, in tests."""
        raise NotImplementedError

    @property
    def degraded(self) -> bool:
        """Tell whether the store cannot be asked right now."""
        raise NotImplementedError

    @property
    def counters(self) -> Any:
        """Give what was decided so far."""
        raise NotImplementedError
