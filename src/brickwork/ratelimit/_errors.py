"""What a rate limit can refuse, and what stands in its way."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from .._core.problem import Problem

_RETRY_AFTER: Final[Mapping[str, Any]] = {
    "description": "Seconds after which the same request may be sent again.",
    "schema": {"type": "integer", "minimum": 1},
}


class RateLimitExceededError(Problem, status=429, slug="quota-exceeded", title="Quota exceeded"):
    """The caller has used up what a limit allows.

    Attributes:
        violated_policies: The names of the limits that refuse, as in the header ``RateLimit-Policy``.
        retry_after: Whole seconds until the same request is admitted; None where it costs more than is ever allowed.

    Reference: RFC 6585, section 4; draft-ietf-httpapi-ratelimit-headers-10, section 6.
    """

    __wire_names__: ClassVar[Mapping[str, str]] = {"violated_policies": "violated-policies"}
    __headers__: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "RateLimit": {
            "description": "What is left of each limit, and the seconds after which there is more.",
            "schema": {"type": "string"},
            "example": '"default";r=0;t=42',
        },
        "RateLimit-Policy": {
            "description": "What each limit allows, and in how many seconds.",
            "schema": {"type": "string"},
            "example": '"default";q=100;w=60',
        },
        "Retry-After": _RETRY_AFTER,
    }

    violated_policies: list[str]
    retry_after: int | None = None

    def __init__(
        self,
        detail: str = "",
        *,
        violated_policies: list[str],
        retry_after: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail, headers=headers)
        self.violated_policies = violated_policies
        self.retry_after = retry_after


class ReducedCapacityError(Problem, status=503, slug="temporary-reduced-capacity"):
    """Whoever counts cannot be asked, and nobody is to pass uncounted.

    Attributes:
        retry_after: Whole seconds after which to try again.

    Reference: draft-ietf-httpapi-ratelimit-headers-10, section 6.
    """

    __headers__: ClassVar[Mapping[str, Mapping[str, Any]]] = {"Retry-After": _RETRY_AFTER}

    retry_after: int

    def __init__(self, retry_after: int = 1) -> None:
        super().__init__(f"Try again in {retry_after} s.", headers={"Retry-After": str(retry_after)})
        self.retry_after = retry_after


class RateStoreUnavailableError(Exception):
    """A store could not be asked, or not in time; whether it counted, nobody knows."""
