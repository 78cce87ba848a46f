"""Run benchmarks: ``python -m benchmarks all``, or the names of blocks."""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module

from .curve import Curve
from .measure import Comparison, compare
from .report import PACKAGES, write
from .table import Table

BLOCKS = (
    "stack", "problems", "requestid", "accesslog", "headers", "listing", "database", "auth", "ratelimit", "websockets",
)  # fmt: skip


def comparisons(block: str) -> Sequence[Comparison]:
    """Give what the module of a block compares."""
    found: Sequence[Comparison] = import_module(f"benchmarks.{block}").COMPARISONS
    return found


def curves(block: str) -> Sequence[Callable[[], Curve]]:
    """Give what the module of a block measures besides, where it does."""
    found: Sequence[Callable[[], Curve]] = getattr(import_module(f"benchmarks.{block}"), "CURVES", ())
    return found


def tables(block: str) -> Sequence[Callable[[int], Table]]:
    """Give what the module of a block measures besides in so many rounds, where it does: functions, and stores."""
    found: Sequence[Callable[[int], Table]] = getattr(import_module(f"benchmarks.{block}"), "TABLES", ())
    return found


def packages(block: str) -> Sequence[str]:
    """Give the packages whose versions matter to what the module of a block measures."""
    found: Sequence[str] = getattr(import_module(f"benchmarks.{block}"), "PACKAGES", PACKAGES)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the blocks that were named, and write down what came out."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    names = ["all", *BLOCKS]
    parser.add_argument("blocks", nargs="+", choices=names, metavar="block", help=", ".join(names))
    parser.add_argument("--rounds", type=int, default=60, help="blocks of calls for each case (default: 60)")
    parser.add_argument("--dry", action="store_true", help="print only; leave the documentation as it is")
    given = parser.parse_args(arguments)
    blocks = BLOCKS if "all" in given.blocks else given.blocks
    cases = [case for block in blocks for comparison in comparisons(block) for case in comparison.cases]
    missing = sorted({module for case in cases for module in case.missing()})
    if missing and not given.dry:
        parser.error(f"not installed: {', '.join(missing)}; run `hatch run bench:all`, or look at the rest with --dry")
    if missing:
        print(f"Left out, because they are not installed: {', '.join(missing)}")
    begun = time.monotonic()
    for block in blocks:
        parts = []
        for part in _measured(block, given.rounds):
            print(f"\n{part.text()}", flush=True)
            parts.append(part)
        if not given.dry:
            write(block, parts, packages=packages(block))
    print(f"\n{time.monotonic() - begun:.0f} s")


def _measured(block: str, rounds: int) -> Iterator[Table | Curve]:
    for comparison in comparisons(block):
        yield Table(comparison.title, comparison.note, compare(comparison, rounds=rounds))
    for table in tables(block):
        yield table(rounds)
    for curve in curves(block):
        yield curve()


if __name__ == "__main__":
    main()
