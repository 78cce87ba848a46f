"""The request in progress, from wherever it is asked for, and how to take it along."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import copy_context
from secrets import randbits
from typing import Any, ParamSpec, TypeVar

from starlette.requests import HTTPConnection

from .._core.clock import SystemClock
from .._core.context import CURRENT, RequestContext, current, of_scope
from .._core.logs import ID_FIELDS, RECORD_FIELDS, request_id_here
from .._core.uuid7 import RANDOM_BITS
from ._rules import Shape, random_id, uuid7_at

_P = ParamSpec("_P")
_T = TypeVar("_T")

_SHAPE = Shape()
_PLAIN = (str, int, float, bool, type(None))


def request_id(connection: HTTPConnection | None = None) -> str | None:
    """Give the ID of the request or socket in progress; None outside of one.

    It works in endpoints and dependencies, `async` or not, in background tasks, in tasks made with `create_task`, in
    threads of `asyncio.to_thread` and anyio, and in exception handlers.

    Args:
        connection: The request or socket, for code that runs out of reach of its context: a handler for `Exception`
            that is a plain function, or a callback in another thread.
    """
    if connection is not None:
        context = of_scope(connection.scope)
        return context.request_id if context else None
    return request_id_here()


def request_context() -> RequestContext | None:
    """Give all that is known of the request or socket in progress; None outside of one."""
    return current()


def bind(**values: object) -> None:
    """Put values on every later log line of this request, and on its access record.

    ```python
    from brickwork.requestid import bind

    bind(user_id=42, plan="pro")
    ```

    They are seen by the whole request, also when bound in a thread or in a dependency. Outside a request nothing
    happens, so that shared code may bind always.

    Args:
        **values: Name and value; a later value replaces an earlier one of the same name.

    Raises:
        ValueError: A log record has something of its own under that name.
    """
    taken = (RECORD_FIELDS | ID_FIELDS).intersection(values)
    if taken:
        name = min(taken)
        raise ValueError(f"a log record has a {name} of its own: bind the value under another name, as my_{name}=")
    context = current()
    if context is not None:
        context.values.update(values)


def carry(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Let ``function`` run with this request wherever it is called: in another thread, or later.

    ```python
    import asyncio

    from brickwork.requestid import carry, request_id

    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(None, carry(request_id))
    ```

    `asyncio.to_thread`, anyio's threads and `create_task` take the request along by themselves.
    """
    context = copy_context()

    def carried(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        # A copy of the copy: one context cannot be entered by two threads at once.
        return context.copy().run(function, *args, **kwargs)

    return carried


def dump() -> dict[str, object]:
    """Give what a job needs to go on under this request: IDs, trace and bound values, fit for JSON.

    Returns:
        Plain data for `restore`; empty outside a request. A bound value that JSON does not know is left out.
    """
    context = current()
    if context is None:
        return {}
    dumped: dict[str, object] = {"request_id": context.request_id}
    place = context.trace()
    if place is not None:
        dumped |= {"traceparent": place.parent, "tracestate": place.state}
    dumped["values"] = {name: value for name, value in context.values.items() if isinstance(value, _PLAIN)}
    return dumped


@contextmanager
def restore(dumped: Mapping[str, object]) -> Generator[RequestContext, None, None]:
    """Go on under the request that `dump` was called in: its IDs are on log lines, calls and the jobs made from here.

    ```python
    from brickwork.requestid import dump, request_id, restore

    job = {"book": 42, "context": dump()}     # in the endpoint

    with restore(job["context"]):             # in the worker
        assert request_id()
    ```

    Args:
        dumped: What `dump` gave. Where it has no valid ID, the job gets one of its own.
    """
    context = RequestContext({"type": "job", "headers": _headers(dumped)}, SystemClock().monotonic())
    given = dumped.get("request_id")
    valid = isinstance(given, str) and given.isascii() and _SHAPE.fault(given.encode()) is None
    context.request_id = str(given) if valid else random_id()
    values: Any = dumped.get("values")
    context.values.update(values or {})
    token = CURRENT.set(context)
    try:
        yield context
    finally:
        CURRENT.reset(token)


def _headers(dumped: Mapping[str, object]) -> list[tuple[bytes, bytes]]:
    return [
        (name.encode(), value.encode("ascii", "replace"))
        for name in ("traceparent", "tracestate")
        if isinstance(value := dumped.get(name), str) and value
    ]


def uuid7() -> str:
    """Make an ID that sorts by time: a UUID of version 7; for ``generator=``.

    Reference: RFC 9562, section 5.7.
    """
    return uuid7_at(int(SystemClock().time() * 1000), randbits(RANDOM_BITS))
