"""A limit that makes no sense, or could not be counted exactly, is refused where it is written."""

import copy
import pickle
from typing import Any

import pytest

from brickwork.ratelimit import Limit
from brickwork.ratelimit._rules.values import Algorithm


@pytest.mark.parametrize(
    ("amount", "period", "algorithm", "burst", "reason"),
    [
        (0, 60, "sliding", 0, "lets nothing through"),
        (1, 0, "sliding", 0, "lets nothing through"),
        (1, 60, "gcra", -1, "lets nothing through"),
        (1, 367 * 86_400, "sliding", 0, "too long"),
        (2**51, 1, "sliding", 0, "too much to be counted exactly"),
        (1_001, 60, "log", 0, "a log remembers every request"),
        (5, 60, "fixed", 2, "a burst belongs to gcra"),
        (5, 60, "gcra", 6, "use less"),
    ],
)
def test_nonsense_is_refused(amount: int, period: int, algorithm: Algorithm, burst: int, reason: str) -> None:
    """A limit lets something through, ends within a year, and its numbers go together."""
    with pytest.raises(ValueError, match=reason):
        Limit(amount, period, algorithm, burst)


@pytest.mark.parametrize(
    "numbers", [(1.5, 60), (True, 60), (10, 1.5), (float("nan"), 60), ("10", 60), (5, 60, "gcra", 1.5)]
)
def test_only_whole_numbers_are_counted(numbers: Any) -> None:
    """A number that stores could not count with is refused where the limit is written, not on a request."""
    with pytest.raises(TypeError, match="must be a whole number"):
        Limit(*numbers)


def test_an_unknown_algorithm_is_refused() -> None:
    """A misspelt algorithm is an error where it is written, not on a request."""
    misspelt: Any = "moving"

    with pytest.raises(ValueError, match='is "sliding", "gcra", "fixed" or "log", got \'moving\''):
        Limit(10, 60, misspelt)


@pytest.mark.parametrize(
    ("limit", "tick"),
    [
        (Limit(100, 60), 1),
        (Limit(26_000, 86_400), 1),
        (Limit(1_000_000, 86_400), 100),
        (Limit(50_000_000, 366 * 86_400), 1_000_000),
    ],
)
def test_time_is_told_as_finely_as_numbers_allow(limit: Limit, tick: int) -> None:
    """Counters tell microseconds, and coarser ticks only where their numbers would grow too large."""
    assert limit.tick == tick
    assert limit.window * tick == limit.period * 1_000_000
    assert 4 * limit.amount * limit.window < 2**53


def test_equal_limits_are_one() -> None:
    """Limits are equal by what they say, hash alike, and survive being copied and pickled."""
    limit = Limit(5, 60, "gcra", 5)

    assert limit == Limit(5, 60, "gcra") == copy.deepcopy(limit) == pickle.loads(pickle.dumps(limit))
    assert len({limit, Limit(5, 60, "gcra"), Limit(5, 60), Limit(5, 61), Limit(6, 60)}) == 4
    assert limit.code == "g5:60:5"
    assert limit.most == 5
    assert repr(limit) == "Limit(amount=5, period=60, algorithm='gcra', burst=5)"
