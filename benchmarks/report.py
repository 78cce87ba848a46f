"""What a run leaves behind: a table in the terminal, JSON, a chart, and the tables that the documentation includes."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from textwrap import dedent

from .measure import Result

WHERE = Path(__file__).parent.parent / "docs" / "benchmarks"
PACKAGES = (
    "brickwork", "fastapi", "starlette", "pydantic", "asgi-correlation-id", "fastapi-problem",
    "prometheus-fastapi-instrumentator", "secure", "starlette-context",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """The results of one comparison.

    Attributes:
        title: What is compared, as a heading.
        note: What the reader must know to read it.
        results: The cases; the first is the floor.
    """

    title: str
    note: str
    results: Sequence[Result]


@dataclass(frozen=True, slots=True)
class About:
    """When, where and with what a run was made."""

    date: str
    machine: str
    python: str
    versions: dict[str, str]

    @classmethod
    def this_run(cls) -> "About":
        """Look around."""
        machine = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}"
        return cls(datetime.now(UTC).date().isoformat(), machine, platform.python_version(), _versions())


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def show(table: Table) -> None:
    """Print a table to the terminal."""
    width = max(len(result.name) for result in table.results)
    print(f"\n{table.title}\n{'':{width}}  {'µs':>8}  {'ratio':>6}  {'quartiles':>13}  {'added µs':>8}")
    for result in table.results:
        numbers = f"{result.microseconds:8.1f}  {result.ratio:6.2f}  {_quartiles(result):>13}  {result.added:8.1f}"
        print(f"{result.name:{width}}  {numbers}")


def write(block: str, tables: Sequence[Table], where: Path = WHERE) -> None:
    """Write the block's results: ``<block>.json``, one chart a table, and ``<block>.md``."""
    where.mkdir(parents=True, exist_ok=True)
    about = About.this_run()
    document = {"about": asdict(about), "tables": [asdict(table) for table in tables]}
    (where / f"{block}.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    parts = []
    for number, table in enumerate(tables, 1):
        chart = f"{block}-{number}.svg"
        (where / chart).write_text(draw(table), "utf-8")
        parts += [f"### {table.title}", table.note, f"![{_spoken(table)}](benchmarks/{chart})", _markdown(table)]
    versions = ", ".join(f"{name} {number}" for name, number in about.versions.items())
    parts.append(f"*Measured on {about.date}: {about.machine}, Python {about.python}, {versions}.*")
    (where / f"{block}.md").write_text("\n\n".join(parts) + "\n", "utf-8")


def _markdown(table: Table) -> str:
    lines = ["| | CPU per request | ratio | quartiles | added |", "|---|---:|---:|---:|---:|"]
    for result in table.results:
        name = f"**{result.name}**" if result.group == "ours" else result.name
        numbers = f"{_amount(result.microseconds)} µs | {result.ratio:.2f} | {_quartiles(result)}"
        lines.append(f"| {name} | {numbers} | {_amount(result.added)} µs |")
    return "\n".join(lines)


def _quartiles(result: Result) -> str:
    return f"{result.low:.2f}\N{EN DASH}{result.high:.2f}"


def _amount(microseconds: float) -> str:
    return f"{round(microseconds, 1) + 0.0:.1f}" if abs(microseconds) < 100 else f"{microseconds:,.0f}"


def _spoken(table: Table) -> str:
    ratios = "; ".join(f"{result.name} {result.ratio:.2f}" for result in table.results)
    return f"{table.title}, as multiples of FastAPI alone: {ratios}."


# --- the chart

WIDTH, LEFT, RIGHT, ROW, BAR = 760, 300, 64, 30, 16
LONGEST = 8.0  # beyond it a bar is cut, or all others would vanish beside it

STYLE = dedent(
    """
    text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: #645c57 }
    .ours { font-weight: 600; fill: #1d1a18 } .number { font-variant-numeric: tabular-nums }
    rect.floor { fill: #c9c3bd } rect.peer { fill: #9b928b } rect.ours { fill: #a03d29 }
    line { stroke: #645c57; stroke-width: 1; stroke-dasharray: 2 3 }
    @media (prefers-color-scheme: dark) {
      text { fill: #b5aca5 } .ours { fill: #f3efec } line { stroke: #b5aca5 }
      rect.floor { fill: #4a4440 } rect.peer { fill: #756c66 } rect.ours { fill: #ec8a6f }
    }
    """
)


def draw(table: Table) -> str:
    """Draw the ratios as bars: up to the dotted line the app itself, beyond it what was put around."""
    unit = (WIDTH - LEFT - RIGHT) / min(LONGEST, max(result.ratio for result in table.results))
    height = len(table.results) * ROW + 8
    rows = "\n".join(_row(result, number * ROW + 4, unit) for number, result in enumerate(table.results))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">\n'
        f"<title>{escape(_spoken(table))}</title>\n<style>{STYLE}</style>\n{rows}\n"
        f'<line x1="{LEFT + unit:.1f}" y1="2" x2="{LEFT + unit:.1f}" y2="{height - 2}"/>\n</svg>\n'
    )


def _row(result: Result, top: int, unit: float) -> str:
    length = min(LONGEST, result.ratio) * unit
    base = min(length, unit)
    end = length - 25 if result.ratio > LONGEST else length
    bar = f'y="{top + (ROW - BAR) // 2}" height="{BAR}"'
    text = top + ROW // 2 + 5
    return (
        f'<text class="{result.group}" x="{LEFT - 14}" y="{text}" text-anchor="end">{escape(result.name)}</text>'
        f'<rect class="floor" x="{LEFT}" width="{base:.1f}" {bar}/>'
        f'<rect class="{result.group}" x="{LEFT + base:.1f}" width="{end - base:.1f}" {bar}/>'
        + (f'<rect class="{result.group}" x="{LEFT + end + 5:.1f}" width="20" {bar}/>' if end < length else "")
        + f'<text class="number {result.group}" x="{LEFT + length + 10:.1f}" y="{text}">{result.ratio:.2f}</text>'
    )
