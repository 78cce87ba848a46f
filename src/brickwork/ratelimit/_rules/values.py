"""The values that rules, stores and faces hand each other."""

from collections.abc import Collection
from dataclasses import dataclass, field
from math import inf
from typing import Final, Literal, NamedTuple, get_args

Algorithm = Literal["sliding", "gcra", "fixed", "log"]
"""How a limit counts; `Limit` says what each of them does."""

NEVER: Final = -1
SECOND: Final = 1_000_000  # microseconds, the unit in which stores tell time

_LONGEST: Final = 366 * 86_400
_LONGEST_LOG: Final = 1_000
_EXACT: Final = 2**51  # four times that, the largest product on the way, is where Lua's numbers begin to have gaps
_TICKS: Final = (1, 10, 100, 1_000, 10_000, 100_000, SECOND)


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests in a period, and how they are counted.

    Attributes:
        amount: What is allowed in a period: requests, or whatever costs are counted in.
        period: Seconds.
        algorithm: ``sliding`` weighs the last window by how much of it is still within the period; ``gcra`` lets
            requests through at an even pace, ``burst`` of them at once; ``fixed`` starts anew with each window;
            ``log`` remembers each request, and alone never lets more than ``amount`` through in any period.
        burst: How much may come at once with ``gcra``; elsewhere the amount.
        tick: Microseconds in which its counters tell time: 1, and more where the numbers would grow too large to be
            counted exactly.
        window: The period in ticks.
        code: What tells counters of different limits apart: whoever changes a limit begins with a new one.

    Raises:
        ValueError: Nothing could ever pass, the numbers are too large to be counted exactly, or they do not go
            together; or there is no such algorithm.
        TypeError: A number is no whole one.
    """

    amount: int
    period: int
    algorithm: Algorithm = "sliding"
    burst: int = 0
    tick: int = field(init=False, repr=False, compare=False)
    window: int = field(init=False, repr=False, compare=False)
    code: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._check_kinds()
        if self.amount < 1 or self.period < 1 or self.burst < 0:
            raise ValueError(f"{self.amount} per {self.period} s lets nothing through: use whole numbers above 0")
        if self.period > _LONGEST:
            raise ValueError(f"a period of {self.period} s is too long: use {_LONGEST} s, a year, at most")
        if self.amount * self.period >= _EXACT:
            raise ValueError(f"{self.amount} per {self.period} s is too much to be counted exactly: use less of both")
        if self.algorithm == "log" and self.amount > _LONGEST_LOG:
            raise ValueError(f"a log remembers every request: use it for {_LONGEST_LOG} at most, not {self.amount}")
        if self.burst and self.algorithm != "gcra":
            raise ValueError(f"a burst belongs to gcra, not to {self.algorithm}: leave one of them out")
        if not self.burst:
            object.__setattr__(self, "burst", self.amount)
        if self.burst > self.amount:
            raise ValueError(f"a burst of {self.burst} is more than the {self.amount} of the period: use less")
        tick = next(tick for tick in _TICKS if self.amount * self.period * (SECOND // tick) < _EXACT)
        object.__setattr__(self, "tick", tick)
        object.__setattr__(self, "window", self.period * (SECOND // tick))
        object.__setattr__(self, "code", f"{self.algorithm[0]}{self.amount}:{self.period}:{self.burst}")

    def _check_kinds(self) -> None:
        # Stores compute with these and tell counters apart by them: what is wrong would otherwise show on a request.
        for name in ("amount", "period", "burst"):
            number: object = getattr(self, name)
            if not isinstance(number, int) or isinstance(number, bool):
                raise TypeError(f"{name}={number!r} must be a whole number")
        if self.algorithm not in get_args(Algorithm):
            raise ValueError(f'an algorithm is "sliding", "gcra", "fixed" or "log", got {self.algorithm!r}')

    def __hash__(self) -> int:
        """Agree with equality, at little cost: stores look limits up on every hit."""
        return hash(self.code)

    @property
    def most(self) -> int:
        """The largest cost that can ever pass."""
        return self.burst


class Charge(NamedTuple):
    """What one decision asks of one counter.

    Attributes:
        identity: Who is counted: a digest of 22 characters, never what a client sent.
        scope: What is counted: a digest of 11 characters of the route or the shared name.
        limit: How.
        cost: How much of it, 0 or more.
    """

    identity: str
    scope: str
    limit: Limit
    cost: int = 1


class Verdict(NamedTuple):
    """What one counter says to one charge; all times are whole microseconds from now.

    Attributes:
        remaining: What is left, after the charge where it was counted.
        reset_after: Until nothing is counted any more, if nothing else comes.
        retry_after: 0 where the counter admits the charge; until it would; `NEVER` where the cost can never pass.
            The whole decision is admitted when that is 0 for every charge.
    """

    remaining: int
    reset_after: int
    retry_after: int


class Policy(NamedTuple):
    """One limit of a decision, as its caller is told of it.

    Attributes:
        name: What the headers call it.
        limit: How much is allowed.
        verdict: What its counter said.
        shadow: Whether it only watches, and refuses nobody.
        unit: What is counted: ``requests``, ``content-bytes`` or ``concurrent-requests``.
    """

    name: str
    limit: Limit
    verdict: Verdict
    shadow: bool = False
    unit: str = "requests"


class Decision(NamedTuple):
    """Whether a request may pass, and how near its caller is to a limit.

    Attributes:
        allowed: Whether it may.
        limit: Requests that the tightest limit allows in its period; None where nothing limits.
        remaining: What is left of it; None where nothing limits.
        retry_after: Seconds until the same would be admitted, 0 where it is; None where it never can be.
        reset_after: Seconds until nothing is counted any more.
        policies: What each limit said, in the order in which they were written.
        degraded: Whether the store could not be asked, so that ``on_error`` decided.
    """

    allowed: bool
    limit: int | None
    remaining: int | None
    retry_after: float | None
    reset_after: float
    policies: tuple[Policy, ...] = ()
    degraded: bool = False


def tightest(policies: Collection[Policy]) -> Policy:
    """Give the policy that leaves the least room: one that refuses before all, of these the longest wait."""
    # Most requests meet one limit, and each microsecond here is one of all of them.
    return next(iter(policies)) if len(policies) == 1 else min(policies, key=_room)


def _room(policy: Policy) -> tuple[bool, float, int, int]:
    remaining, reset_after, retry_after = policy.verdict
    wait = inf if retry_after == NEVER else retry_after
    return policy.shadow, -wait, remaining, -reset_after
