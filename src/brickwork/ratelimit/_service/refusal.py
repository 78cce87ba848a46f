"""What a caller is answered who has used up a limit."""

from collections.abc import Iterable

from .._errors import RateLimitExceededError
from .._rules.fields import retry_after, violated
from .._rules.values import Decision


def refusal(decision: Decision, fields: Iterable[tuple[bytes, bytes]] = ()) -> RateLimitExceededError:
    """Make the answer to a request that a decision refuses.

    Args:
        decision: What was decided.
        fields: The headers that tell of it, where nobody further out writes them.
    """
    seconds = retry_after(decision)
    headers = {name.decode(): value.decode() for name, value in fields}
    # RFC 6585, section 4: nobody may keep this answer.
    headers["Cache-Control"] = "no-store"
    if seconds is None:
        detail = "This costs more than is ever allowed at once."
    else:
        detail = f"Try again in {seconds} s."
        headers["Retry-After"] = str(seconds)
    return RateLimitExceededError(detail, violated_policies=violated(decision), retry_after=seconds, headers=headers)
