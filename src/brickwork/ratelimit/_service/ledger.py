"""What one request has met of rate limits, until its response begins."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from ..._core.scope import RATE_LIMIT
from .._rules.values import Decision, Policy

if TYPE_CHECKING:
    from starlette.types import Scope


@dataclass(frozen=True, slots=True)
class ResponseInfo:
    """What is known of a response as it begins: what ``count_when`` decides by.

    Attributes:
        status_code: Its status; 101 for a socket that was accepted, 500 where an error left the application.
        headers: Its headers.
    """

    status_code: int
    headers: Headers


CountWhen = Callable[[ResponseInfo], bool]
GiveBack = Callable[[], Awaitable[object]]


class Ledger:
    """Collects what is decided on one request; the middleware that put it there reads it when the response begins.

    Attributes:
        limiters: Whose default limits have been looked at.
        decisions: What was decided so far, in order.
        held: What was counted for now: the question that the response will answer, and how to give it back.
    """

    __slots__ = ("decisions", "held", "limiters")

    def __init__(self, limiter: object) -> None:
        self.limiters: list[object] = [limiter]
        self.decisions: list[Decision] = []
        self.held: list[tuple[CountWhen, GiveBack]] = []

    def add(self, decision: Decision) -> Decision:
        """Take a decision down for the headers.

        Returns:
            The decision, its policies renamed where others of the request have the same names.
        """
        if self.decisions or len(decision.policies) > 1:
            decision = _renamed(decision, {policy.name for known in self.decisions for policy in known.policies})
        self.decisions.append(decision)
        return decision

    def hold(self, count_when: CountWhen, give_back: GiveBack) -> None:
        """Give back what was counted once the response has begun, unless ``count_when`` says that it counts."""
        self.held.append((count_when, give_back))


def ledger_of(scope: "Scope") -> Ledger | None:
    """Give the ledger of a request; None where no `RateLimitMiddleware` serves it."""
    ledger = scope.get(RATE_LIMIT)
    return ledger if isinstance(ledger, Ledger) else None


def _renamed(decision: Decision, taken: set[str]) -> Decision:
    names = [policy.name for policy in decision.policies]
    if len(taken.union(names)) == len(taken) + len(names):
        return decision
    policies: list[Policy] = []
    for policy in decision.policies:
        number, name = 1, policy.name
        while name in taken:
            number += 1
            name = f"{policy.name}-{number}"
        taken.add(name)
        policies.append(policy._replace(name=name))
    return decision._replace(policies=tuple(policies))
