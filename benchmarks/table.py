"""The results of one comparison: as text, as a table of the documentation, and as bars."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from textwrap import dedent

from .measure import Result


@dataclass(frozen=True, slots=True)
class Table:
    """The results of one comparison.

    Attributes:
        title: What is compared, as a heading.
        note: What the reader must know to read it.
        results: The cases; the first is the floor.
        per: What the processor time is of.
        beside: What else was found out: under each heading, something for each case.
    """

    title: str
    note: str
    results: Sequence[Result]
    per: str = "request"
    beside: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def text(self) -> str:
        """Give it for the terminal."""
        width = max(len(result.name) for result in self.results)
        more = "".join(f"  {heading:>10}" for heading in self.beside)
        lines = [self.title, f"{'':{width}}  {'µs':>8}  {'ratio':>6}  {'quartiles':>13}  {'added µs':>8}{more}"]
        for number, result in enumerate(self.results):
            numbers = f"{result.microseconds:8.1f}  {result.ratio:6.2f}  {_quartiles(result):>13}  {result.added:8.1f}"
            found = (f"  {column[number]:>{max(10, len(heading))}}" for heading, column in self.beside.items())
            lines.append(f"{result.name:{width}}  {numbers}{''.join(found)}")
        return "\n".join(lines)

    def markdown(self) -> str:
        """Give it for the documentation."""
        more = "".join(f" {heading} |" for heading in self.beside)
        lines = [f"| | CPU per {self.per} | ratio | quartiles | added |{more}"]
        lines.append("|---|---:|---:|---:|---:|" + "---:|" * len(self.beside))
        for number, result in enumerate(self.results):
            name = f"**{result.name}**" if result.group == "ours" else result.name
            numbers = f"{_amount(result.microseconds)} µs | {result.ratio:.2f} | {_quartiles(result)}"
            found = "".join(f" {column[number]} |" for column in self.beside.values())
            lines.append(f"| {name} | {numbers} | {_amount(result.added)} µs |{found}")
        return "\n".join(lines)

    def spoken(self) -> str:
        """Say what the chart shows."""
        ratios = "; ".join(f"{result.name} {result.ratio:.2f}" for result in self.results)
        return f"{self.title}, as multiples of {self.results[0].name}: {ratios}."

    def chart(self) -> str:
        """Draw the ratios as bars: up to the dotted line the floor, beyond it what a case adds."""
        unit = (WIDTH - LEFT - RIGHT) / min(LONGEST, max(result.ratio for result in self.results))
        height = len(self.results) * ROW + 8
        rows = "\n".join(_row(result, number * ROW + 4, unit) for number, result in enumerate(self.results))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">\n'
            f"<title>{escape(self.spoken())}</title>\n<style>{STYLE}</style>\n{rows}\n"
            f'<line x1="{LEFT + unit:.1f}" y1="2" x2="{LEFT + unit:.1f}" y2="{height - 2}"/>\n</svg>\n'
        )


def _quartiles(result: Result) -> str:
    return f"{result.low:.2f}\N{EN DASH}{result.high:.2f}"


def _amount(microseconds: float) -> str:
    return f"{round(microseconds, 1) + 0.0:.1f}" if abs(microseconds) < 100 else f"{microseconds:,.0f}"


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
