"""Counters of a fixed size, for the callers of whom the table has no room left."""

from array import array
from collections.abc import Sequence
from hashlib import blake2b
from secrets import token_bytes
from typing import Final, NamedTuple

from .._rules.values import NEVER, SECOND, Limit, Verdict

_WIDTH: Final = 1 << 16
_SHORTEST: Final = 20  # bits of microseconds: about a second


class Estimate(NamedTuple):
    """What the sketch holds of a key, or more.

    Attributes:
        older: Counted in the span before this one, at most.
        newer: Counted in this span, at most.
        span: Microseconds of a span.
        ends: When this span ends.
    """

    older: int
    newer: int
    span: int
    ends: int

    def wait(self, limit: Limit, cost: int, now: int) -> int:
        """Say how long a charge has to wait."""
        if cost > limit.burst:
            return NEVER
        left = limit.burst - cost
        if not cost or self.older + self.newer <= left:
            return 0
        return self.ends - now + (0 if self.newer <= left else self.span)

    def tell(self, limit: Limit, retry_after: int, now: int) -> Verdict:
        """Say where the key stands."""
        reset_after = self.ends - now + (self.span if self.newer else 0)
        return Verdict(max(0, limit.burst - self.older - self.newer), reset_after, retry_after)


class Overflow:
    """Counts any number of keys in a fixed space: perhaps too much for one of them, never too little.

    Each key has a cell in each of two rows, and shares it with strangers; the smaller of the two is nearer to the
    truth. Cells are counted for the present span of time and for the one before: a key that stays within its limit for
    those has stayed within it for any period of that length, whatever the algorithm. Spans are powers of two, above a
    second and the period of the limit (with ``gcra``, that of a burst): so there are few of them, however many limits.

    Nobody can choose a stranger's cells: they depend on a secret of this process.

    Reference: Cormode and Muthukrishnan, An improved data stream summary: the count-min sketch; Estan and Varghese, New
    directions in traffic measurement and accounting, for the conservative update.
    """

    def __init__(self) -> None:
        self._salt = token_bytes(16)
        self._sketches: dict[int, _Sketch] = {}
        self._found = ("", (0, 0))

    def __bool__(self) -> bool:
        """Say whether anything may be counted here."""
        return bool(self._sketches)

    def estimate(self, key: str, limit: Limit, now: int) -> Estimate | None:
        """Say what is counted of a key; None where it is nothing."""
        sketch = self._turn(_span(limit), now)
        if sketch is None:
            return None
        found = sketch.read(self._cells(key))
        return found if found.older or found.newer else None

    def count(self, key: str, limit: Limit, cost: int, now: int) -> Estimate:
        """Count a charge, at most to twice what the limit allows at once, and say what is counted then."""
        span, cells = _span(limit), self._cells(key)
        sketch = self._turn(span, now) or self._sketches.setdefault(span, _Sketch(span, now))
        sketch.add(cells, cost, 2 * limit.burst)
        return sketch.read(cells)

    def _turn(self, span: int, now: int) -> "_Sketch | None":
        sketch = self._sketches.get(span)
        if sketch is not None and sketch.turn(now):
            del self._sketches[span]
            return None
        return sketch

    def _cells(self, key: str) -> tuple[int, int]:
        if self._found[0] != key:  # mostly it is: whoever counts has asked for the estimate just before
            digest = int.from_bytes(blake2b(key.encode(), digest_size=8, key=self._salt).digest())
            self._found = key, (digest % _WIDTH, (digest >> 32) % _WIDTH)
        return self._found[1]


class _Sketch:
    """The cells of one span: two rows for the present one and two for the one before."""

    def __init__(self, span: int, now: int) -> None:
        self.number = now >> span
        self._span = span
        self._newer = _rows()
        self._older = _rows()
        self._last = self.number

    def turn(self, now: int) -> bool:
        """Turn to the present span; say whether nothing is left."""
        number = now >> self._span
        passed, self.number = number - self.number, number
        if passed == 1:
            self._older, self._newer = self._newer, _rows()
        elif passed < 0:
            self._last = number  # the clock stepped back: what was counted counts as counted now
        return number - self._last > 1

    def read(self, cells: Sequence[int]) -> Estimate:
        """Give the counts of the span before and of this one."""
        ends = self.number + 1 << self._span
        return Estimate(_least(self._older, cells), _least(self._newer, cells), 1 << self._span, ends)

    def add(self, cells: Sequence[int], cost: int, most: int) -> None:
        """Count no more than is needed for the smaller cell to hold it."""
        count = min(_least(self._newer, cells) + cost, most)
        for row, cell in zip(self._newer, cells, strict=True):
            row[cell] = max(row[cell], count)
        self._last = self.number


def _span(limit: Limit) -> int:
    microseconds = -(-limit.burst * limit.period * SECOND // limit.amount)
    return max(_SHORTEST, (microseconds - 1).bit_length())


def _rows() -> tuple["array[int]", "array[int]"]:
    return array("Q", bytes(8 * _WIDTH)), array("Q", bytes(8 * _WIDTH))


def _least(rows: Sequence["array[int]"], cells: Sequence[int]) -> int:
    return min(rows[0][cells[0]], rows[1][cells[1]])
