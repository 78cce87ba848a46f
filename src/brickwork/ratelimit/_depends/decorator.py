"""``@limiter.limit`` and ``@limiter.exempt``: limits on the endpoint itself, which needs no argument for them."""

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from importlib import import_module
from inspect import Parameter, Signature, isclass, iscoroutinefunction, signature
from typing import Annotated, Any, Protocol, Self, TypeVar, cast

from fastapi import Depends

from .tags import is_exempt, markers_meant, tag_exempt, tag_limited, tag_limiting

EndpointT = TypeVar("EndpointT", bound=Callable[..., Any])

_NAME = "rate_limit"
_WRAPPER = "__rate_limit_wrapper__"
_LENIENT: dict[str, Any] = (
    {"annotation_format": import_module("annotationlib").Format.FORWARDREF} if sys.version_info >= (3, 14) else {}
)


class Joinable(Protocol):
    """A limit that can take in another one of the same limiter, so that both decide together."""

    @property
    def limiter(self) -> object:
        """What made it."""
        ...

    def joined(self, other: Any) -> Self:
        """Give a limit that admits what both admit."""
        ...


def limited(endpoint: EndpointT, limit: Joinable) -> EndpointT:
    """Let an endpoint depend on a limit, which its signature shows to FastAPI and to nobody else.

    Args:
        endpoint: A coroutine function, a function, a generator of either kind, or an object that can be called.
        limit: The limit.

    Raises:
        TypeError: It is a class, or exempt from the same limiter.
    """
    _refuse_class(endpoint, "limit")
    if is_exempt(endpoint, limit.limiter):
        raise TypeError(_BOTH.format(_name(endpoint)))
    bare, inner = _unwrapped(endpoint)
    if inner is not None and inner.limiter is limit.limiter:
        # Decided one after the other, what one of them refuses would already be counted by the other.
        return cast("EndpointT", limited(bare, limit.joined(inner)))
    shown = _signature(endpoint)
    name = _free_name(shown)
    # A method or an object with slots takes no marks; nobody registers those by another name.
    with suppress(AttributeError):
        tag_limited(endpoint, limit)
    wrapper = _wrapped(endpoint, name)
    wrapper.__name__ = _name(endpoint)
    wrapper.__signature__ = _with_limit(shown, name, limit)
    setattr(wrapper, _WRAPPER, (wrapper, limit))
    tag_limiting(wrapper, endpoint, limit)
    return cast("EndpointT", wrapper)


def exempt(endpoint: EndpointT, limiter: object) -> EndpointT:
    """Take an endpoint out of the limits that its routers and the application have from a limiter.

    Raises:
        TypeError: It is a class, or has a limit of its own from the same limiter.
    """
    _refuse_class(endpoint, "exempt")
    if any(getattr(marker, "limiter", None) is limiter for marker in markers_meant(endpoint)):
        raise TypeError(_BOTH.format(_name(endpoint)))
    # A method has no room for marks; the function it is made of has.
    tag_exempt(getattr(endpoint, "__func__", endpoint), limiter)
    return endpoint


def _wrapped(endpoint: Callable[..., Any], name: str) -> Any:
    # FastAPI looks through functools.wraps to see what kind of function an endpoint is; others only look at what is
    # outside, so a coroutine function stays one.
    if iscoroutinefunction(endpoint):

        @wraps(endpoint)
        async def wait(*args: Any, **kwargs: Any) -> Any:
            kwargs.pop(name, None)
            return await endpoint(*args, **kwargs)

        return wait

    @wraps(endpoint)
    def call(*args: Any, **kwargs: Any) -> Any:
        kwargs.pop(name, None)
        return endpoint(*args, **kwargs)

    return call


def _signature(endpoint: Callable[..., Any]) -> Signature:
    """Read a signature as FastAPI would, also where an annotation names what is only there for type checkers."""
    try:
        return signature(endpoint, eval_str=True)
    except NameError:
        return signature(endpoint, **_LENIENT)


def _with_limit(shown: Signature, name: str, limit: Any) -> Signature:
    hidden = Parameter(name, Parameter.KEYWORD_ONLY, annotation=Annotated[Any, Depends(limit)])
    parameters = [*shown.parameters.values(), hidden]
    # What takes any keyword stays last.
    return shown.replace(parameters=sorted(parameters, key=lambda parameter: parameter.kind))


def _free_name(shown: Signature) -> str:
    name, number = _NAME, 1
    while name in shown.parameters:
        number += 1
        name = f"{_NAME}_{number}"
    return name


def _unwrapped(endpoint: Any) -> tuple[Any, Joinable | None]:
    """Give what a wrapper of ours wraps, and the limit that it stands for."""
    wrapper, limit = getattr(endpoint, _WRAPPER, (None, None))
    # What another decorator made of a wrapper carries its marks, and is none.
    return (endpoint, None) if wrapper is None or wrapper is not endpoint else (wrapper.__wrapped__, limit)


def _refuse_class(endpoint: object, name: str) -> None:
    if isclass(endpoint) or not callable(endpoint):
        raise TypeError(f"@limiter.{name} belongs on a function, and not on {endpoint!r}: put it on the endpoint")


def _name(endpoint: object) -> str:
    name: str = getattr(endpoint, "__name__", type(endpoint).__name__)
    return name


_BOTH = "{} is both limited and exempt by the same limiter: leave one of the decorators out"
