"""What one call of a function costs, measured as the apps are."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .measure import Group, in_rounds
from .table import Table


@dataclass(frozen=True, slots=True)
class Function:
    """A function to measure.

    Attributes:
        name: What the tables call it.
        call: The function, with all that it needs.
        group: Whether it is a floor, ours, or what people use instead.
    """

    name: str
    call: Callable[[], object]
    group: Group = "ours"

    async def block(self, calls: int) -> float:
        """Call it ``calls`` times and give the microseconds of CPU that one took."""
        call = self.call
        begun = time.process_time()
        for _ in range(calls):
            call()
        return (time.process_time() - begun) / calls * 1e6


def measure(
    title: str, note: str, functions: Sequence[Function], *, per: str, rounds: int, seconds: float = 0.005
) -> Table:
    """Measure functions against the first of them."""
    return Table(title, note, asyncio.run(in_rounds(functions, rounds=rounds, seconds=seconds)), per)
