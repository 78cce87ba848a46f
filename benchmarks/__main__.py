"""Run benchmarks: ``python -m benchmarks all``, or the names of blocks."""

import argparse
import time
from collections.abc import Sequence
from importlib import import_module

from .measure import Comparison, compare
from .report import Table, show, write

BLOCKS = ("stack", "problems", "requestid", "accesslog", "headers")


def comparisons(block: str) -> Sequence[Comparison]:
    """Give what the module of a block compares."""
    found: Sequence[Comparison] = import_module(f"benchmarks.{block}").COMPARISONS
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
        tables = []
        for comparison in comparisons(block):
            tables.append(Table(comparison.title, comparison.note, compare(comparison, rounds=given.rounds)))
            show(tables[-1])
        if not given.dry:
            write(block, tables)
    print(f"\n{time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
