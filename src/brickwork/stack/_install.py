"""`install`: everything that belongs around an application, in the one right order."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

from fastapi import FastAPI
from starlette.middleware import Middleware

from .._core.clock import Clock
from .._core.frame import Piece
from ..accesslog import AccessLog, AccessLogOptions
from ..headers import SecurityHeaders, SecurityHeadersOptions
from ..problems import ProblemOptions, add_problem_handlers
from ..ratelimit import RateLimiter, RateLimitMiddleware, RateLimitOptions
from ..requestid import RequestID, RequestIDOptions
from ._boundary import ErrorBoundary
from ._compression import CompressionMiddleware, CompressionOptions
from ._cors import CORS, CORSOptions, cors_rules
from ._hosts import TrustedHosts
from ._maintenance import Maintenance, MaintenanceMiddleware
from ._process_time import ProcessTime
from ._stack import Stack
from ._timeout import TimeoutMiddleware, TimeoutOptions

DEFAULT_BODY_LIMIT = 1_048_576

_Options = TypeVar("_Options", bound=Mapping[str, Any])


def install(
    app: FastAPI,
    *,
    request_id: bool | RequestIDOptions = True,
    access_log: bool | AccessLogOptions = True,
    headers: bool | SecurityHeaders | SecurityHeadersOptions = True,
    trusted_hosts: Sequence[str] | None = None,
    cors: Sequence[str] | str | CORSOptions | None = None,
    problems: bool | ProblemOptions = True,
    body_limit: int | bool = True,
    rate_limit: RateLimiter | RateLimitOptions | None = None,
    maintenance: Maintenance | bool = False,
    timeout: float | TimeoutOptions | None = None,
    compression: bool | CompressionOptions = False,
    process_time: bool = False,
    outermost: Sequence[Middleware] = (),
    clock: Clock | None = None,
) -> Stack:
    """Put the pieces around ``app``; call it once, anywhere before the first request.

    ```python
    from fastapi import FastAPI

    from brickwork import install

    app = FastAPI()
    stack = install(app, cors=["https://shop.example"], timeout=10)
    ```

    The order does not depend on the order of calls: ID and log outermost, then security headers, trusted hosts, CORS,
    the error boundary and the body limit, all in one ASGI frame; inside it maintenance, rate limits, time-out and
    compression; then the application's own middleware, the last added outermost. A `CORSMiddleware` or
    `TrustedHostMiddleware` that the application added itself is taken into the frame with its rules.

    Args:
        app: The application.
        request_id: Options of the request-ID piece; False leaves it out.
        access_log: Options of the access log; False leaves it out.
        headers: The security headers' policy, or all options; True is `SecurityHeaders.api`, False leaves them out.
        trusted_hosts: Hosts that are served, such as ``["api.example", "*.example"]``; None serves every host.
        cors: Origins that may call the API (a list, or text split at commas), or all options; None leaves it out.
        problems: Options of `add_problem_handlers`; False keeps FastAPI's own handlers.
        body_limit: Bytes a request body may have. True takes ``app.max_body_size``, or 1 MiB where the app has none;
            False leaves bodies unlimited.
        rate_limit: The limiter whose default counts every request, or all options of `RateLimitMiddleware`; None leaves
            it out.
        maintenance: A switch that closes the service with 503; True makes one, found as ``stack.maintenance``.
        timeout: Seconds until a response must have begun, or options; None waits for ever.
        compression: Whether to compress responses, or options.
        process_time: Whether to send ``X-Process-Time``.
        outermost: Middleware to put outside all of this.
        clock: Tells the time for durations.

    Returns:
        The stack; ``print(stack.explain())`` shows what runs.

    Raises:
        ValueError: An option makes no sense.
        RuntimeError: The app has a stack already, or has served a request.
    """
    Stack.refuse_second(app)
    pieces = [ErrorBoundary(app), *_observers(request_id, access_log, process_time=process_time)]
    if trusted_hosts is not None:
        pieces.append(TrustedHosts(trusted_hosts))
    if cors is not None:
        pieces.append(CORS(cors_rules(**cors) if isinstance(cors, Mapping) else cors_rules(origins=cors)))
    inner, switch = _inner(maintenance, rate_limit, timeout, compression)
    if problems is not False:
        add_problem_handlers(app, **_options(problems))
    return Stack(
        app,
        pieces,
        inner,
        outermost=outermost,
        body_limit=_body_limit(app, body_limit),
        headers=_headers(headers),
        maintenance=switch,
        clock=clock,
    )


def _options(given: bool | _Options) -> _Options:
    return cast("_Options", {}) if given is True else cast("_Options", given)


def _observers(
    request_id: bool | RequestIDOptions, access_log: bool | AccessLogOptions, *, process_time: bool
) -> Iterator[Piece]:
    if request_id is not False:
        yield RequestID(**_options(request_id))
    if access_log is not False:
        yield AccessLog(**_options(access_log))
    if process_time:
        yield ProcessTime()


def _headers(given: bool | SecurityHeaders | SecurityHeadersOptions) -> SecurityHeadersOptions | None:
    if isinstance(given, SecurityHeaders):
        return {"policy": given}
    return None if given is False else _options(given)


def _body_limit(app: FastAPI, given: int | bool) -> int | None:
    if given is True:
        return DEFAULT_BODY_LIMIT if app.max_body_size is None else app.max_body_size
    return None if given is False else given


def _inner(
    maintenance: Maintenance | bool,
    rate_limit: RateLimiter | RateLimitOptions | None,
    timeout: float | TimeoutOptions | None,
    compression: bool | CompressionOptions,
) -> tuple[list[Middleware], Maintenance | None]:
    inner: list[Middleware] = []
    switch = Maintenance() if maintenance is True else maintenance or None
    if switch is not None:
        inner.append(Middleware(MaintenanceMiddleware, maintenance=switch))
    if rate_limit is not None:
        limits = rate_limit if isinstance(rate_limit, Mapping) else RateLimitOptions(limiter=rate_limit)
        inner.append(Middleware(RateLimitMiddleware, **limits))
    if timeout is not None:
        options = timeout if isinstance(timeout, Mapping) else TimeoutOptions(timeout=timeout)
        inner.append(Middleware(TimeoutMiddleware, **options))
    if compression is not False:
        inner.append(Middleware(CompressionMiddleware, **_options(compression)))
    return inner, switch
