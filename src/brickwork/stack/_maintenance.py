"""Maintenance: every request is refused with 503 and told when to come back, save those that must get through."""

import asyncio
import hmac
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from .._core.clock import Clock, SystemClock
from .._core.headers import encode, find_all
from .._core.paths import Paths, listed
from .._core.problem import Problem
from .._core.renderer import renderer_of
from .._core.scope import TrustedProxies, route_path, takes_response
from ._errors import MaintenanceError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_Source = Callable[[], bool | Awaitable[bool]]

_logger = logging.getLogger("brickwork.stack")


class Maintenance:
    """The switch that closes an application for maintenance, and who gets through all the same.

    ```python
    from pathlib import Path

    from brickwork.stack import Maintenance

    maintenance = Maintenance(on=Path("maintenance.flag"), retry_after=600)
    ```

    Args:
        on: Closed or open: a bool for this process alone; a path that exists while closed, seen by every worker on the
            machine; or a function that tells, such as one that asks Redis. A function that does I/O must be a
            coroutine.
        retry_after: Seconds that callers are told to wait.
        poll: Seconds for which the state of a file or function is taken as known; also the longest that a coroutine
            may take to answer. A function that fails or is late leaves the state as it was.
        exempt: Paths that stay open; ``"/health/*"`` means everything below.
        allow_networks: Addresses or networks in CIDR form from which everything stays open.
        trusted_proxies: Networks of the proxies whose word about the client's address is believed.
        bypass_secret: Value of the header that opens everything to the caller who knows it; 16 characters or more.
        bypass_header: Name of that header.
        clock: Tells the time between two looks.

    Raises:
        TypeError: ``on`` is none of these, or a list was expected where a string stands.
        ValueError: A number is not positive, a path does not begin with a slash, a network or header name cannot be
            read, or the secret is short.
    """

    def __init__(
        self,
        *,
        on: bool | Path | _Source = False,
        retry_after: float = 120,
        poll: float = 1.0,
        exempt: Iterable[str] = ("/health", "/health/*", "/metrics"),
        allow_networks: Iterable[str] = (),
        trusted_proxies: Iterable[str] = (),
        bypass_secret: str | None = None,
        bypass_header: str = "X-Maintenance-Bypass",
        clock: Clock | None = None,
    ) -> None:
        if not retry_after > 0 or not poll > 0:
            raise ValueError(f"retry_after={retry_after!r} and poll={poll!r} must be seconds above 0")
        self._source = _source(on=on)
        self._file = on if isinstance(on, Path) else None
        self._on = on is True
        self._poll = poll
        self._headers = {"Retry-After": str(ceil(retry_after)), "Cache-Control": "no-store"}
        self._open = Paths("exempt", exempt)
        self._allowed = TrustedProxies(listed("allow_networks", allow_networks))
        self._proxies = TrustedProxies(listed("trusted_proxies", trusted_proxies))
        self._secret = _secret(bypass_header, bypass_secret)
        self._now = (clock or SystemClock()).monotonic
        self._looked_at: float | None = None
        self._looking = asyncio.Lock()
        self._failing = False

    def enable(self) -> None:
        """Close the application at once in this process; with a file, in every other within ``poll`` seconds.

        Raises:
            RuntimeError: A function decides.
            OSError: The file cannot be written.
        """
        self._switch(on=True)

    def disable(self) -> None:
        """Open the application at once in this process; with a file, in every other within ``poll`` seconds.

        Raises:
            RuntimeError: A function decides.
            OSError: The file cannot be removed.
        """
        self._switch(on=False)

    def _switch(self, *, on: bool) -> None:
        if self._file is not None:
            self._file.touch() if on else self._file.unlink(missing_ok=True)
        elif self._source is not None:
            raise RuntimeError("a function decides over this maintenance: change what it answers")
        self._on = on

    async def closed(self) -> bool:
        """Tell whether the application is closed, looking at the file or asking the function if it is time."""
        if self._source is not None and self._is_due():
            async with self._looking:
                if self._is_due():
                    await self._look(self._source)
        return self._on

    def _is_due(self) -> bool:
        return self._looked_at is None or self._now() - self._looked_at >= self._poll

    async def _look(self, source: _Source) -> None:
        try:
            async with asyncio.timeout(self._poll):
                answer = source()
                self._on = bool(await answer if inspect.isawaitable(answer) else answer)
        except Exception:
            if not self._failing:
                _logger.exception("cannot tell whether maintenance is on; it stays %s", "on" if self._on else "off")
            self._failing = True
        else:
            self._failing = False
        finally:
            self._looked_at = self._now()

    def lets_through(self, scope: "Scope") -> bool:
        """Tell whether this request or socket is served all the same."""
        if scope["path"] in self._open or route_path(scope) in self._open:
            return True
        if self._allowed and self._proxies.finds_client_in(self._allowed, scope):
            return True
        if self._secret is None:
            return False
        name, secret = self._secret
        return any(hmac.compare_digest(value, secret) for value in find_all(scope["headers"], name))

    def refusal(self) -> MaintenanceError:
        """Give the error that answers while closed."""
        return MaintenanceError("The service is closed for maintenance.", headers=self._headers)


class MaintenanceMiddleware:
    """Answers 503 in place of the application while its `Maintenance` is on; a socket is denied.

    Args:
        app: The application inside.
        maintenance: The switch, and who gets through all the same.
    """

    rank: ClassVar[int] = 110
    __problems__: ClassVar[tuple[type[Problem], ...]] = (MaintenanceError,)

    def __init__(self, app: "ASGIApp", *, maintenance: Maintenance) -> None:
        self.app = app
        self.maintenance = maintenance

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serve one request or socket, or refuse it; any other scope passes untouched."""
        if (
            scope["type"] not in ("http", "websocket")
            or not await self.maintenance.closed()
            or self.maintenance.lets_through(scope)
        ):
            await self.app(scope, receive, send)
        elif not takes_response(scope):
            await send({"type": "websocket.close", "code": 1013, "reason": "maintenance"})
        else:
            response = renderer_of(scope.get("app")).respond(scope, self.maintenance.refusal())
            await response(scope, receive, send)


def _source(*, on: bool | Path | _Source) -> _Source | None:
    if isinstance(on, bool):
        return None
    if isinstance(on, Path):
        return on.exists
    if callable(on):
        return on
    raise TypeError(f"on={on!r} must be True, False, a Path, or a function that answers True or False")


def _secret(header: str, secret: str | None) -> tuple[bytes, bytes] | None:
    if secret is None:
        return None
    if len(secret.strip()) < 16:
        raise ValueError("bypass_secret must have 16 characters or more, so that nobody guesses it")
    return encode(header, secret)
