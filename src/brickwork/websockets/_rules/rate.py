"""How many messages a client may send."""

import re
from dataclasses import dataclass
from math import ceil
from typing import Final, Self

_SECONDS: Final = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3_600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
}
_RATE: Final = re.compile(
    rf"([0-9]{{1,9}}) ?(?:/|per) ?([0-9]{{1,6}})? ?({'|'.join(_SECONDS)})(?: burst ([0-9]{{1,9}}))?", re.ASCII
)
_GRAMMAR: Final = 'write a rate like "20/s burst 40", "100/minute" or "5 per 10 s", with second, minute, hour or day'
_NANOSECONDS: Final = 1_000_000_000
_GRACE: Final = 1_000  # nanoseconds: who waits for as long as was said may be that much early, by rounding


@dataclass(frozen=True, slots=True)
class MessageRate:
    """An allowance of messages.

    Attributes:
        amount: Messages of one period.
        period: Seconds.
        burst: Messages that may come at once.
    """

    amount: int
    period: int
    burst: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a rate as people write it; without a burst, all messages of a period may come at once.

        Raises:
            ValueError: It is none, or lets nothing through.
        """
        match = _RATE.fullmatch(" ".join(text.lower().split()))
        if match is None:
            raise ValueError(f"{text[:60]!r} is no rate of messages: {_GRAMMAR}")
        amount, multiple, unit, burst = match.groups()
        rate = cls(int(amount), int(multiple or 1) * _SECONDS[unit], int(burst or amount))
        if not (rate.amount and rate.period and rate.burst):
            raise ValueError(f"{text[:60]!r} lets nothing through: {_GRAMMAR}")
        return rate


class Allowance:
    """What one client has left of a rate: a token bucket, in whole numbers, so that nothing is lost to rounding.

    Reference: ITU-T I.371, annex A (virtual scheduling), which is the same with one number to remember.
    """

    __slots__ = ("_cost", "_due", "_scale", "_tolerance")

    def __init__(self, rate: MessageRate) -> None:
        # A nanosecond is `amount` units long, which makes the time that one message takes a whole number of them.
        self._scale = rate.amount
        self._cost = rate.period * _NANOSECONDS
        self._tolerance = self._cost * (rate.burst - 1)
        self._due: int | None = None

    def take(self, now: float) -> float:
        """Take one message out.

        Args:
            now: The present, in seconds that never run backwards.

        Returns:
            0 where there was one; else the seconds until there will be, to the millisecond above, and nothing is taken.
        """
        present = round(now * _NANOSECONDS) * self._scale
        due = present if self._due is None else max(self._due, present)
        excess = due - present - self._tolerance
        if excess > _GRACE * self._scale:
            return ceil(excess / self._scale / 1_000_000) / 1_000
        self._due = due + self._cost
        return 0.0
