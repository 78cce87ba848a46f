"""What a run leaves behind: a table in the terminal, JSON, a chart, and the tables that the documentation includes."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .measure import Result

WHERE = Path(__file__).parent.parent / "docs" / "benchmarks"
PACKAGES = (
    "brickwork", "fastapi", "starlette", "pydantic", "asgi-correlation-id", "secure",
    "prometheus-fastapi-instrumentator", "starlette-context", "fastapi-problem",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """One comparison.

    Attributes:
        title: What is compared, as a heading.
        note: What the reader must know to read it.
        results: The cases; the first is the floor.
    """

    title: str
    note: str
    results: Sequence[Result]


def show(table: Table) -> None:
    """Print a table to the terminal."""
    width = max(len(result.name) for result in table.results)
    print(f"\n{table.title}\n{'':{width}}  {'µs':>8}  {'ratio':>6}  {'quartiles':>13}  {'added µs':>8}")
    for result in table.results:
        quartiles = f"{result.low:.2f} – {result.high:.2f}"
        print(f"{result.name:{width}}  {result.microseconds:8.1f}  {result.ratio:6.2f}  {quartiles:>13}  {result.added:8.1f}")


def write(block: str, tables: Sequence[Table]) -> None:
    """Write the block's results: ``<block>.json``, one chart a table, and ``<block>.md``."""
    WHERE.mkdir(parents=True, exist_ok=True)
    about = machine()
    document = {"about": about, "tables": [asdict(table) for table in tables]}
    (WHERE / f"{block}.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    parts = []
    for number, table in enumerate(tables, 1):
        chart = f"{block}-{number}.svg"
        (WHERE / chart).write_text(_chart(table), "utf-8")
        parts.append(f"### {table.title}\n\n{table.note}\n\n![{table.title}](benchmarks/{chart})\n\n{_markdown(table)}")
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    parts.append(f"Measured on {about['date']}, {about['machine']}, Python {about['python']}: {versions}.")
    (WHERE / f"{block}.md").write_text("\n\n".join(parts) + "\n", "utf-8")


def machine() -> dict[str, str | Mapping[str, str]]:
    """Tell date, machine and versions of this run."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "python": platform.python_version(),
        "versions": versions,
    }


def _markdown(table: Table) -> str:
    lines = ["| | CPU per request | ratio | quartiles | added |", "|---|---:|---:|---:|---:|"]
    for result in table.results:
        name = f"**{result.name}**" if result.group == "ours" else result.name
        numbers = f"{result.microseconds:.0f} µs | {result.ratio:.2f} | {result.low:.2f} – {result.high:.2f}"
        lines.append(f"| {name} | {numbers} | {result.added:+.0f} µs |")
    return "\n".join(lines)


_STYLE = """text{font:13px system-ui,sans-serif;fill:#44403c}.ours{fill:#b4472e}.peer{fill:#a8a29e}.floor{fill:#d6d3d1}
@media(prefers-color-scheme:dark){text{fill:#d6d3d1}.peer{fill:#78716c}.floor{fill:#57534e}.ours{fill:#e0714f}}"""


def _chart(table: Table) -> str:
    """Draw the ratios as bars, ours in brick red."""
    left, row, full = 290, 28, 360
    longest = max(result.ratio for result in table.results)
    bars = []
    for number, result in enumerate(table.results):
        top = number * row + 8
        length = max(2.0, result.ratio / longest * full)
        kind = result.group if result.group in ("ours", "floor") else "peer"
        bars.append(
            f'<text x="{left - 10}" y="{top + 15}" text-anchor="end">{escape(result.name)}</text>'
            f'<rect class="{kind}" x="{left}" y="{top}" width="{length:.1f}" height="{row - 8}" rx="2"/>'
            f'<text x="{left + length + 8:.1f}" y="{top + 15}">{result.ratio:.2f}×</text>'
        )
    height = len(table.results) * row + 12
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 {height}" role="img" aria-label="{escape(table.title)}">'
        f"<style>{_STYLE}</style>{''.join(bars)}</svg>\n"
    )
