"""`Limiter`: slowapi's, counting as this block counts."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from email.utils import formatdate
from math import ceil
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from slowapi import Limiter as SlowLimiter
from slowapi.extension import HEADERS, C
from slowapi.util import get_ipaddr, get_remote_address
from starlette.config import Config
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException, WebSocketException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from typing_extensions import override

from ..._core.clock import Clock, SystemClock
from ..._core.scope import route_path, route_template, takes_response
from .._rules.values import SECOND, Algorithm
from .._service.applied import OnError
from .._service.counters import RateLimitCounters
from .._service.engine import Engine
from .._service.keys import Key, as_key, by_ip
from .._service.testing import RateLimitTesting, testing
from .._store import RateStore
from ..memory import MemoryRateStore
from ._counting import Bucket, Counting, View, progress_of
from ._endpoints import Mark, exempt, is_exempt, limit, mark_of, meant_for, name_of, place_of
from ._groups import Group, algorithm_of, call
from ._middleware import MIDDLEWARES, serve
from ._routes import Found, find
from ._storages import Opened, clear, open_store

if TYPE_CHECKING:
    from starlette.types import Scope

EndpointT = TypeVar("EndpointT", bound=Callable[..., Any])
Limits = str | Callable[..., Any]

_NO_WINDOWS = (
    "counts are kept asynchronously, and not by the package limits: decorate an endpoint, or use "
    "brickwork.ratelimit.RateLimiter.check to count by hand"
)


class Limiter(SlowLimiter):
    """slowapi's `Limiter`, counting without blocking the event loop, for all routes, all limits at once or none.

    It takes what slowapi's takes, and endpoints need no ``request``. What is different, because it was a defect, is
    listed in the guide for those who come from slowapi.

    Args:
        key_func: Whom to count: a function of the request or of nothing, sync or async. ``get_remote_address`` and
            ``get_ipaddr`` of slowapi become `by_ip`, and believe only ``trusted_proxies``.
        default_limits: For each route that has none of its own. One of slowapi's middlewares has to be installed.
        application_limits: Shared by all routes. One of slowapi's middlewares has to be installed.
        headers_enabled: Whether responses tell of the nearest limit.
        strategy: ``fixed-window``, ``moving-window`` or ``sliding-window-counter``.
        storage_uri: Where to count: ``memory://``, ``redis://``, or another storage of the package `limits`.
        storage_options: For the client of the storage.
        auto_check: Whether anything is counted.
        swallow_errors: Whether requests pass uncounted while the storage is away.
        in_memory_fallback: Limits that hold in each process while it is away.
        in_memory_fallback_enabled: Whether each process counts by itself while it is away. Without any of these three,
            requests are refused with 503.
        retry_after: ``http-date`` for a date in ``Retry-After``, and otherwise seconds.
        key_prefix: Tells the counts of two applications apart that share a storage.
        enabled: Whether anything is counted.
        config_filename: A file with settings, by their names in slowapi. Without it, no file is read.
        key_style: ``url`` counts each route by its template, ``endpoint`` by its function.
        store: Where to count, in place of ``storage_uri``.
        trusted_proxies: Networks whose word about the client's address is believed, such as ``"10.0.0.0/8"``.
        clock: Tells the time that stands in headers, and that of what this process counts while the storage is away.

    Raises:
        ValueError: A limit, a strategy or a URI makes no sense.
    """

    def __init__(  # noqa: PLR0917 - their order is slowapi's
        self,
        key_func: Callable[..., Any],
        default_limits: Sequence[Limits] = (),
        application_limits: Sequence[Limits] = (),
        headers_enabled: bool = False,  # noqa: FBT001, FBT002
        strategy: str | None = None,
        storage_uri: str | None = None,
        storage_options: Mapping[str, Any] | None = None,
        auto_check: bool = True,  # noqa: FBT001, FBT002
        swallow_errors: bool = False,  # noqa: FBT001, FBT002
        in_memory_fallback: Sequence[Limits] = (),
        in_memory_fallback_enabled: bool = False,  # noqa: FBT001, FBT002
        retry_after: str | None = None,
        key_prefix: str = "",
        enabled: bool = True,  # noqa: FBT001, FBT002
        config_filename: str | None = None,
        key_style: Literal["endpoint", "url"] = "url",
        *,
        store: RateStore | None = None,
        trusted_proxies: Sequence[str] = (),
        clock: Clock | None = None,
    ) -> None:
        self._settings = Config(config_filename)
        super().__init__(
            key_func,
            headers_enabled=headers_enabled,
            storage_uri="memory://",
            storage_options={},
            auto_check=False,  # so that no part of slowapi's own counts as well
            swallow_errors=swallow_errors,
            in_memory_fallback_enabled=in_memory_fallback_enabled,
            retry_after=retry_after,
            key_prefix=key_prefix,
            enabled=enabled,
            key_style=key_style,
        )
        self._checks = auto_check
        self._clock = clock or SystemClock()
        self._ip = by_ip(trusted_proxies)
        self._algorithm: Algorithm = algorithm_of(strategy or self.get_app_config(C.STRATEGY, "fixed-window"))
        self._defaults = self._groups(default_limits or self._setting(C.DEFAULT_LIMITS))
        self._application = self._groups(application_limits or self._setting(C.APPLICATION_LIMITS), scope="global")
        self._instead = self._groups(in_memory_fallback or self._setting(C.IN_MEMORY_FALLBACK))
        self._uri = storage_uri or self.get_app_config(C.STORAGE_URL, "memory://")
        self._options = dict(storage_options or {})
        self._store = store
        self._open()

    @property
    def limiter(self) -> Any:
        """What slowapi counts by; there is none here.

        Raises:
            RuntimeError: Always; it says what to use.
        """
        raise RuntimeError(_NO_WINDOWS)

    @property
    def degraded(self) -> bool:
        """Whether the storage is left alone, because it did not answer."""
        return self._engine.degraded

    @property
    def counters(self) -> RateLimitCounters:
        """What was decided so far in this process."""
        return self._engine.counters

    @override
    def limit(
        self,
        limit_value: Limits,
        key_func: Callable[..., Any] | None = None,
        per_method: bool = False,
        methods: Sequence[str] | None = None,
        error_message: str | Callable[..., str] | None = None,
        exempt_when: Callable[..., Any] | None = None,
        cost: int | Callable[..., Any] = 1,
        override_defaults: bool = True,
    ) -> Callable[[EndpointT], EndpointT]:
        """Limit an endpoint; goes below the decorator of the route.

        All functions may be sync or async, and take the request or nothing.

        Args:
            limit_value: ``"5/minute"``, several with ``;`` between them, or a function that gives such a text.
            key_func: Whom to count.
            per_method: Whether each method has a bucket of its own.
            methods: The methods that are limited; None for all.
            error_message: What a refusal says in place of the limit.
            exempt_when: Tells whether a request is not limited.
            cost: What a request costs.
            override_defaults: Whether ``default_limits`` give way.

        Raises:
            ValueError: A limit cannot be read, or lets nothing through.
        """
        group = self._group(
            limit_value,
            key_func,
            per_method=per_method,
            methods=None if methods is None else tuple(method.lower() for method in methods),
            error_message=error_message,
            exempt_when=exempt_when,
            cost=cost,
            override_defaults=override_defaults,
        )
        return self._decorator(group)

    @override
    def shared_limit(
        self,
        limit_value: Limits,
        scope: str | Callable[..., Any],
        key_func: Callable[..., Any] | None = None,
        error_message: str | Callable[..., str] | None = None,
        exempt_when: Callable[..., Any] | None = None,
        cost: int | Callable[..., Any] = 1,
        override_defaults: bool = True,
    ) -> Callable[[EndpointT], EndpointT]:
        """Limit several endpoints together: see `limit`.

        Args:
            limit_value: The limits.
            scope: What they share: a name, or a function that gives one for the name of the endpoint or the request.
            key_func: Whom to count.
            error_message: What a refusal says in place of the limit.
            exempt_when: Tells whether a request is not limited.
            cost: What a request costs.
            override_defaults: Whether ``default_limits`` give way.

        Raises:
            ValueError: A limit cannot be read, or lets nothing through.
        """
        group = self._group(
            limit_value,
            key_func,
            scope=scope,
            error_message=error_message,
            exempt_when=exempt_when,
            cost=cost,
            override_defaults=override_defaults,
        )
        return self._decorator(group)

    def exempt(self, obj: EndpointT) -> EndpointT:
        """Take an endpoint out of all limits, whatever the order of its decorators."""
        exempt(obj, self)
        return obj

    def reset(self) -> None:
        """Begin to count anew. In Redis this deletes the counts of all processes, and waits for it: not for requests.

        A storage of the package `limits`, and a ``store``, keep theirs; the log says so.
        """
        if self._store is not None or not clear(self._uri, self._options):
            self.logger.warning("This storage cannot be reset as a whole.")
            return
        self._open()

    def testing(self) -> AbstractContextManager[RateLimitTesting]:
        """Count what happens inside of the block by itself, in time that can be moved; for tests."""
        return testing(self._engine)

    async def aclose(self) -> None:
        """Close the client of the storage, where ``storage_uri`` made one."""
        await self._opened.aclose()

    async def admit(self, request: Request) -> None:
        """Count a request by the limits of the application; for the middleware.

        Raises:
            RateLimitExceeded: (429) A limit refuses.
            ReducedCapacityError: (503) Nobody can count.
        """
        progress_of(request.scope).served = True
        found = find(request.app, request.scope)
        endpoint = found and found.endpoint
        if not self._checks or is_exempt(endpoint, self):
            return
        groups = [*self._application]
        if mark_of(endpoint, self) is None:
            # A decorator above that of the route limits nothing by itself.
            meant = meant_for(endpoint, self)
            groups += self._defaults if meant is None else self._all(meant)
        if groups:
            await self._counting.decide(request, groups, self._bucket_of(found))

    async def pass_through(self, connection: HTTPConnection, mark: Mark) -> None:
        """Count a request by the limits of its endpoint; for the endpoint.

        Raises:
            RateLimitExceeded: (429) A limit refuses.
            ReducedCapacityError: (503) Nobody can count.
            WebSocketException: (1008) A limit refuses a socket, and its server can only close it.
        """
        progress = progress_of(connection.scope)
        if not self._checks or not self.enabled or mark.exempt or self in progress.done:
            return
        progress.done.append(self)
        try:
            await self._counting.decide(connection, self._all(mark), self._bucket(mark, connection.scope))
        except HTTPException as refusal:
            if takes_response(connection.scope):
                raise
            raise WebSocketException(1008, "too many requests") from refusal

    def tell(self, connection: HTTPConnection, response: Response) -> None:
        """Put headers on a response, where no middleware does; for the endpoint."""
        if not progress_of(connection.scope).served:
            self._inject_headers(response, connection.scope["state"].get("view_rate_limit"))

    def fields(self, scope: "Scope") -> dict[str, str]:
        """Give the headers that tell of the nearest limit; for the middleware."""
        return self._fields(scope["state"].get("view_rate_limit"))

    def written(self) -> tuple[bool, bool, bool, Callable[..., Any]]:
        """Tell of which kinds there are limits, whether routes count by their path, and whom; for `audit`."""
        return bool(self._defaults), bool(self._application), self._key_style == "url", self._key_func

    def get_app_config(self, key: str, default_value: Any = None) -> Any:
        """Give a setting of the environment, or of the file that was named; for slowapi."""
        if isinstance(default_value, bool) or key == C.ENABLED:
            return self._settings(key, cast=bool, default=default_value)
        return default_value if key == C.STORAGE_OPTIONS else self._settings(key, default=default_value)

    def _inject_headers(self, response: Response, current_limit: Any) -> Response:
        for name, value in self._fields(current_limit).items():
            response.headers[name] = value
        return response

    def _inject_asgi_headers(self, headers: MutableHeaders, current_limit: Any) -> MutableHeaders:
        headers.update(self._fields(current_limit))
        return headers

    def _fields(self, view: Any) -> dict[str, str]:
        if not (self.enabled and self._headers_enabled and isinstance(view, View)):
            return {}
        now = self._clock.time()
        names = self._header_mapping
        item, verdict = view[0], view.verdict
        fields = {
            names[HEADERS.LIMIT]: str(item.amount),
            names[HEADERS.REMAINING]: str(verdict.remaining),
            names[HEADERS.RESET]: str(ceil(now + verdict.reset_after / SECOND)),
        }
        if verdict.retry_after > 0:
            seconds = ceil(verdict.retry_after / SECOND)
            dated = self._retry_after == "http-date"
            fields[names[HEADERS.RETRY_AFTER]] = formatdate(ceil(now) + seconds, usegmt=True) if dated else str(seconds)
        return fields

    def _open(self) -> None:
        way: OnError = "open" if self._swallow_errors else "closed"
        if self._in_memory_fallback_enabled and not self._instead:
            way = "local"
        self._opened = open_store(self._uri, self._options) if self._store is None else Opened(self._store)
        self._engine = Engine(self._opened.store, on_error=way, clock=self._clock)
        self._counting = Counting(
            self._engine,
            prefix=f"{self._key_prefix or ''}/",
            fallback=Engine(MemoryRateStore(clock=self._clock), on_error="closed", clock=self._clock),
            instead=self._instead,
        )

    def _decorator(self, group: Group) -> Callable[[EndpointT], EndpointT]:
        def decorate(endpoint: EndpointT) -> EndpointT:
            return cast("EndpointT", limit(endpoint, self, group))

        return decorate

    def _setting(self, key: str) -> Sequence[str]:
        text: str | None = self.get_app_config(key)
        return (text,) if text else ()

    def _groups(self, limits: Sequence[Limits], *, scope: str | None = None) -> list[Group]:
        return [self._group(each, None, scope=scope) for each in dict.fromkeys(limits)]

    def _group(self, provider: Limits, key_func: Callable[..., Any] | None, **options: Any) -> Group:
        function = key_func or self._key_func
        return Group(provider, function, self._key(function), self._algorithm, **options).read()

    def _key(self, function: Callable[..., Any]) -> Key:
        if function in (get_remote_address, get_ipaddr):
            return self._ip
        return as_key(lambda connection: call(function, connection))

    def _bucket(self, mark: Mark, scope: "Scope") -> Bucket:
        template = route_template(scope) or route_path(scope)
        return Bucket(mark.name, mark.place if self._key_style == "endpoint" else f"{template} {mark.name}")

    def _all(self, mark: Mark) -> list[Group]:
        overridden = any(group.override_defaults for group in mark.groups)
        return [*mark.groups, *(() if overridden else self._defaults)]

    def _bucket_of(self, found: Found | None) -> Bucket:
        if found is None:
            return Bucket("", "")
        mark = meant_for(found.endpoint, self)
        if mark is not None:
            return Bucket(mark.name, mark.place if self._key_style == "endpoint" else f"{found.template} {mark.name}")
        place = place_of(found.endpoint)
        return Bucket(name_of(found.endpoint), place if self._key_style == "endpoint" else found.template)


for _middleware in MIDDLEWARES:
    serve(_middleware, Limiter)
