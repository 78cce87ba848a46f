"""Request IDs on the calls that a request makes, with httpx or httpx2; needs nothing of either but an open client."""

from collections.abc import Callable, Iterable, MutableMapping
from typing import Any, Protocol, TypeVar

from .._core.context import RequestContext, current
from .._core.headers import encode
from ._rules import Hosts


class _Client(Protocol):
    @property
    def event_hooks(self) -> dict[str, list[Callable[..., Any]]]: ...


class _Request(Protocol):
    extensions: MutableMapping[str, Any]

    @property
    def headers(self) -> MutableMapping[str, str]: ...

    @property
    def url(self) -> Any: ...


_C = TypeVar("_C", bound=_Client)


def propagate(client: _C, *, to: Iterable[str], header: str = "X-Request-ID") -> _C:
    """Make a client hand the request's ID and trace on to the hosts that you name.

    ```python
    import httpx

    from brickwork.requestid import propagate

    client = propagate(httpx.AsyncClient(), to=["*.internal"])
    ```

    Each call to such a host carries the ID, and ``traceparent`` and ``tracestate`` where the request belongs to a
    trace. A header that the caller set stays as it is. A redirect is judged like a new call: what was added is taken
    off again when it leads to any other host.

    Args:
        client: An `AsyncClient` or `Client` of httpx or httpx2.
        to: Host names, in which ``*`` stands for any characters; no scheme, no port.
        header: Name of the ID's header.

    Returns:
        The same client.

    Raises:
        TypeError: ``to`` is a bare string.
        ValueError: ``to`` names no host, or ``header`` is no header name.
    """
    hosts = Hosts(to)
    encode(header, "")
    # Which headers we set is noted among the request's extensions, which a redirect hands on together with its headers.
    note = f"brickwork.propagated.{id(hosts)}"

    def add(request: _Request) -> None:
        for name in request.extensions.get(note, ()):
            request.headers.pop(name, None)
        context = current()
        ours: dict[str, str] = {}
        if context is not None and request.url.host in hosts:
            ours = _missing(request, context, header)
            request.headers.update(ours)
        request.extensions = {**request.extensions, note: tuple(ours)}

    async def add_async(request: _Request) -> None:
        add(request)

    client.event_hooks["request"].append(add_async if hasattr(client, "aclose") else add)
    return client


def _missing(request: _Request, context: RequestContext, header: str) -> dict[str, str]:
    """Give what the request should carry and its caller did not set."""
    missing: dict[str, str] = {}
    if context.request_id is not None and header not in request.headers:
        missing[header] = context.request_id
    place = context.trace()
    # The two belong together: a caller who set one of them speaks for both.
    if place is not None and "traceparent" not in request.headers and "tracestate" not in request.headers:
        missing["traceparent"] = place.parent
        if place.state:
            missing["tracestate"] = place.state
    return missing
