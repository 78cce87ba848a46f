"""What `Limiter` makes of an endpoint: limited, whether FastAPI calls it or Starlette, or exempt."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import wraps
from inspect import Parameter, Signature, isasyncgenfunction, iscoroutinefunction, isgeneratorfunction, signature
from typing import Annotated, Any, Protocol, cast

from fastapi import Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.responses import Response

from ._groups import Group

_LIMITED = "__slowapi_limited__"
_MEANT = "__slowapi_meant__"
_EXEMPT = "__slowapi_exempt__"
_NAME = "slowapi_limit"


class Gate(Protocol):
    """Whoever limits an endpoint."""

    async def pass_through(self, connection: HTTPConnection, mark: "Mark") -> None:
        """Count, and raise where a limit refuses."""
        ...

    def tell(self, connection: HTTPConnection, response: Response) -> None:
        """Put headers on a response."""
        ...


class Mark:
    """The limits of an endpoint.

    Attributes:
        gate: Who limits it.
        name: Module and name of the function.
        place: What tells it from other functions of that name.
        groups: Its limits, in the order in which they were written.
        exempt: Whether they do not count.
    """

    __slots__ = ("exempt", "gate", "groups", "name", "place")

    def __init__(self, gate: Gate, function: Callable[..., Any]) -> None:
        self.gate: Gate = gate
        self.name: str = name_of(function)
        self.place: str = place_of(function)
        self.groups: list[Group] = []
        self.exempt: bool = is_exempt(function, gate)


def limit(function: Callable[..., Any], gate: Gate, group: Group) -> Callable[..., Any]:
    """Limit an endpoint; one that is limited already gets one more limit.

    Raises:
        TypeError: It is a class, or nothing that can be called.
    """
    if isinstance(function, type) or not callable(function):
        raise TypeError(f"@limiter.limit belongs on a function, and not on {function!r}: put it on the endpoint")
    mark = mark_of(function, gate)
    if mark is None:
        mark = Mark(gate, function)
        function = _wrapped(function, mark)
    mark.groups.append(group)
    return function


def exempt(endpoint: object, gate: Gate) -> None:
    """Take an endpoint out of all limits; it stays the function that it is."""
    setattr(endpoint, _EXEMPT, (*getattr(endpoint, _EXEMPT, ()), gate))
    mark = mark_of(endpoint, gate)
    if mark is not None:
        mark.exempt = True


def is_exempt(endpoint: object, gate: Gate) -> bool:
    """Tell whether an endpoint is out of all limits."""
    return any(each is gate for each in getattr(endpoint, _EXEMPT, ()))


def mark_of(endpoint: object, gate: Gate) -> Mark | None:
    """Give the limits that an endpoint has; None where nothing limits it."""
    marks: tuple[Mark, ...] = getattr(endpoint, _LIMITED, ())
    return next((mark for mark in marks if mark.gate is gate), None)


def meant_for(endpoint: object, gate: Gate) -> Mark | None:
    """Give the limits that were written for an endpoint, which may be above where they work."""
    marks: tuple[Mark, ...] = getattr(endpoint, _MEANT, ())
    return next((mark for mark in marks if mark.gate is gate), None)


def name_of(endpoint: object) -> str:
    """Give module and name of an endpoint."""
    name = getattr(endpoint, "__qualname__", type(endpoint).__qualname__)
    return f"{getattr(endpoint, '__module__', '')}.{name}"


def place_of(endpoint: object) -> str:
    """Give module, name and line of an endpoint: the same in all processes, and another one for another function."""
    code = getattr(endpoint, "__code__", None)
    return f"{name_of(endpoint)}:{getattr(code, 'co_firstlineno', 0)}"


def _wrapped(function: Callable[..., Any], mark: Mark) -> Callable[..., Any]:
    shown = signature(function)
    name = _free_name(shown)
    wrapper: Any = _stream(function, name) if _streams(function) else _endpoint(function, mark, name)
    wrapper.__signature__ = _with_gate(shown, name, mark)
    setattr(wrapper, _LIMITED, (*getattr(function, _LIMITED, ()), mark))
    meant = (*getattr(function, _MEANT, ()), mark)
    setattr(wrapper, _MEANT, meant)
    with suppress(AttributeError):  # a method, which is made anew for each use
        setattr(function, _MEANT, meant)
    limited: Callable[..., Any] = wrapper
    return limited


def _endpoint(function: Callable[..., Any], mark: Mark, name: str) -> Callable[..., Awaitable[Any]]:
    waits = iscoroutinefunction(function) or iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004

    @wraps(function)
    async def limited(*args: Any, **kwargs: Any) -> Any:
        connection = kwargs.pop(name, None)
        if connection is None:
            # Starlette calls endpoints with the request alone.
            connection = _connection_in(args, kwargs, mark)
            await mark.gate.pass_through(connection, mark)
        result = await (function(*args, **kwargs) if waits else run_in_threadpool(function, *args, **kwargs))
        if isinstance(result, Response):
            mark.gate.tell(connection, result)
        return result

    return limited


def _streams(function: Callable[..., Any]) -> bool:
    return isasyncgenfunction(function) or isgeneratorfunction(function)


def _stream(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    # Only FastAPI serves generators, and it has asked the gate.
    @wraps(function)
    def limited(*args: Any, **kwargs: Any) -> Any:
        kwargs.pop(name, None)
        return function(*args, **kwargs)

    return limited


def _with_gate(shown: Signature, name: str, mark: Mark) -> Signature:
    """Add what FastAPI asks before it calls the endpoint, and nobody sees: the other dependencies come first."""

    async def gate(connection: HTTPConnection, response: Response) -> HTTPConnection:
        await mark.gate.pass_through(connection, mark)
        mark.gate.tell(connection, response)
        return connection

    hidden = Parameter(name, Parameter.KEYWORD_ONLY, annotation=Annotated[Any, Depends(gate)])
    parameters = [*shown.parameters.values(), hidden]
    # What takes any keyword stays last.
    return shown.replace(parameters=sorted(parameters, key=lambda parameter: parameter.kind))


def _free_name(shown: Signature) -> str:
    name = _NAME
    while name in shown.parameters:
        name += "_"
    return name


def _connection_in(args: tuple[Any, ...], kwargs: dict[str, Any], mark: Mark) -> HTTPConnection:
    given: tuple[object, ...] = (*args, *kwargs.values())
    for connection in given:
        if isinstance(connection, HTTPConnection):
            return cast("HTTPConnection", connection)
    raise TypeError(f"{mark.name} is limited, and was called without a request: pass it the one that is served")
