"""Equal work: what hashing one password costs, and what is still owed so that every check costs the same."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Scale: TypeAlias = Literal["log2", "linear"] | None

_MOST_MEMORY: Final = 1024 * 1024  # KiB
_MOST_PASSES: Final = 4 * _MOST_MEMORY  # KiB, each as often as it is passed over
_MOST_ROUNDS: Final[Mapping[Scale, int]] = {"log2": 18, "linear": 20_000_000, None: 0}


@dataclass(frozen=True, slots=True)
class Kind:
    """Hashing whose rounds all cost the same.

    Attributes:
        scheme: What passlib calls the algorithm.
        settings: The other settings that decide what a round costs, such as memory in KiB.
        scale: Whether twice the rounds cost twice as much (``linear``), or one more round does (``log2``); None for a
            scheme that has no rounds.
        fewest: The smallest number of rounds that the scheme takes.
    """

    scheme: str
    settings: tuple[tuple[str, int], ...] = ()
    scale: Scale = None
    fewest: int = 0


@dataclass(frozen=True, slots=True)
class Work:
    """Hashing a password once.

    Attributes:
        kind: How.
        rounds: How often over; 0 where the scheme has no rounds.
    """

    kind: Kind
    rounds: int = 0

    @property
    def bearable(self) -> bool:
        """Whether a stored hash may ask for this much; a damaged one could hold a thread for days."""
        memory = dict(self.kind.settings).get("memory_cost", 0)
        if memory > _MOST_MEMORY or memory * self.rounds > _MOST_PASSES:
            return False
        return self.rounds <= _MOST_ROUNDS[self.kind.scale]


def still_owed(done: Iterable[Work], due: Iterable[Work]) -> list[Work]:
    """Give the work that is left, where each kind is ``due`` once and some of it is ``done``.

    Args:
        done: What was hashed already, at most once of a kind.
        due: What has to be hashed in all, once of each kind.

    Returns:
        What to hash in addition, so that the sum is the same whatever was done.
    """
    rounds = {work.kind: work.rounds for work in done}
    return [owed for work in due for owed in _remainder(work, rounds.get(work.kind))]


def _remainder(due: Work, rounds: int | None) -> list[Work]:
    if rounds is None:
        return [due]
    if due.kind.scale == "log2":
        # 2^r and then 2^r + 2^(r+1) + ... + 2^(n-1) make 2^n.
        return [Work(due.kind, step) for step in range(rounds, due.rounds)]
    if rounds < due.rounds:
        return [Work(due.kind, max(due.rounds - rounds, due.kind.fewest))]
    return []
