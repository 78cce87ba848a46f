"""What endpoints and markers carry, so that the routes of an application tell which limits they have."""

from collections.abc import Callable
from typing import Any

_EXEMPT = "__rate_limit_exempt__"
_LIMITED = "__rate_limits__"
_CARRIED = "__rate_limits_carried__"


def tag_exempt(endpoint: Callable[..., Any], limiter: object) -> None:
    """Take an endpoint out of the limits of ``limiter``."""
    setattr(endpoint, _EXEMPT, (*_tags(endpoint, _EXEMPT), limiter))


def tag_limited(endpoint: Callable[..., Any], marker: object) -> None:
    """Say on the bare function that a marker is to limit it: where a route lacks the marker, it stands too high."""
    # The last one is enough to tell, and a function that serves many applications does not keep them all.
    setattr(endpoint, _LIMITED, (marker,))


def tag_limiting(wrapper: Callable[..., Any], endpoint: Callable[..., Any], marker: object) -> None:
    """Say on what wraps an endpoint which markers a route of it has: ``marker``, and those of the endpoint."""
    carried = (*_tags(endpoint, _CARRIED), marker)
    setattr(wrapper, _CARRIED, carried)
    setattr(wrapper, _LIMITED, carried)


def is_exempt(endpoint: object, limiter: object) -> bool:
    """Tell whether ``limiter`` lets an endpoint be."""
    return any(each is limiter for each in _tags(endpoint, _EXEMPT))


def markers_meant(endpoint: object) -> tuple[object, ...]:
    """Give the markers that were to limit an endpoint."""
    return _tags(endpoint, _LIMITED)


def replaces_default(marker: object, limiter: object) -> bool:
    """Tell whether a dependency limits requests in place of the default of ``limiter``."""
    return getattr(marker, "limiter", None) is limiter and getattr(marker, "replaces_default", False) is True


def _tags(endpoint: object, name: str) -> tuple[object, ...]:
    # A method carries what its function does; so does what functools.wraps made of it.
    tags: tuple[object, ...] = getattr(endpoint, name, ())
    return tags
