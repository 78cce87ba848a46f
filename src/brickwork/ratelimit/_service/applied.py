"""A rule as it applies to one request: limits, and who is to be counted."""

from typing import Literal, NamedTuple

from .._rules.values import Limit

OnError = Literal["open", "closed", "local"]


class Applied(NamedTuple):
    """What one rule asks of one decision.

    Attributes:
        rule_name: What the headers call it.
        limits: All that have to admit the request.
        identity: Who is counted, as `Identities` gives it; empty where nobody can tell who it is.
        scope: What is counted, as `Identities` gives it.
        cost: How much of it, 0 or more.
        shadow: Whether it only watches, and refuses nobody.
        on_error: What holds while the store cannot be asked; None for what holds elsewhere.
        unit: What is counted: ``requests``, ``content-bytes`` or ``concurrent-requests``.
    """

    rule_name: str
    limits: tuple[Limit, ...]
    identity: str
    scope: str
    cost: int = 1
    shadow: bool = False
    on_error: OnError | None = None
    unit: str = "requests"
