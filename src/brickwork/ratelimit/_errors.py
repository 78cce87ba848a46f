"""What a rate limit can refuse, and what stands in its way."""

from collections.abc import Mapping

from .._core.problem import Problem


class RateLimitExceededError(Problem, status=429, slug="quota-exceeded", title="Quota exceeded"):
    """The caller has used up what a limit allows.

    Attributes:
        violated_policies: The names of the limits that refuse, as in the header ``RateLimit-Policy``.
        retry_after: Whole seconds until the same request is admitted; None where it costs more than is ever allowed.

    Reference: RFC 6585, section 4; draft-ietf-httpapi-ratelimit-headers-10, section 6.
    """

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

    retry_after: int

    def __init__(self, retry_after: int = 1) -> None:
        super().__init__(f"Try again in {retry_after} s.", headers={"Retry-After": str(retry_after)})
        self.retry_after = retry_after


class RateStoreUnavailableError(Exception):
    """A store could not be asked, or not in time; whether it counted, nobody knows."""
