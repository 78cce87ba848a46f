"""What Redis refused a moment ago, and would refuse again."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from .._rules.values import NEVER, SECOND, Charge, Limit, Verdict

_LONGEST: Final = SECOND  # so that what one process resets is free in all others after a second

_Counter = tuple[str, str, Limit]


class _Denial(NamedTuple):
    charges: tuple[Charge, ...]
    verdicts: Sequence[Verdict]
    at: int


class Denials:
    """Remembers refusals, so that a blocked caller costs no round trip.

    That is exact: whatever others do meanwhile, short of a refund, only prolongs a refusal. One is found again by the
    same charges alone, because a cheaper request might pass and a dearer one has to wait longer.

    Args:
        most: How many are remembered; beyond them the oldest is forgotten.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._denials: dict[_Counter, _Denial] = {}

    def find(self, charges: Sequence[Charge], now: int) -> Sequence[Verdict] | None:
        """Give the verdicts on charges that are still refused, as of now, in microseconds."""
        if not self._denials:
            return None
        for charge in charges:
            denial = self._denials.get(charge[:3])
            if denial is not None and denial.charges == tuple(charges):
                passed = now - denial.at
                if passed < min(_LONGEST, _wait(denial.verdicts)[0]):
                    return [_later(verdict, passed) for verdict in denial.verdicts]
                del self._denials[charge[:3]]
        return None

    def remember(self, charges: Sequence[Charge], verdicts: Sequence[Verdict], at: int) -> None:
        """Remember verdicts, if they are a refusal.

        Args:
            charges: What was asked for.
            verdicts: What was answered.
            at: When it was asked, in microseconds: an answer is late, and a refusal must not last longer for that.
        """
        wait, place = _wait(verdicts)
        if not wait or not self._most:
            return
        counter = charges[place][:3]
        self._denials.pop(counter, None)
        if len(self._denials) >= self._most:
            del self._denials[next(iter(self._denials))]
        self._denials[counter] = _Denial(tuple(charges), verdicts, at)

    def forget(self, charges: Sequence[Charge]) -> None:
        """Ask Redis again about these counters."""
        for charge in charges:
            self._denials.pop(charge[:3], None)


def _wait(verdicts: Sequence[Verdict]) -> tuple[int, int]:
    """Tell how long the whole is refused, and which verdict says so."""
    waits = [_LONGEST if verdict.retry_after == NEVER else verdict.retry_after for verdict in verdicts]
    longest = max(waits)
    return longest, waits.index(longest)


def _later(verdict: Verdict, passed: int) -> Verdict:
    wait = verdict.retry_after
    return Verdict(
        verdict.remaining,
        max(0, verdict.reset_after - passed),
        wait if wait == NEVER else max(0, wait - passed),
    )
