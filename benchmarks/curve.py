"""How the time for something grows with what is there already: as text, as a table of the documentation, as lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import ceil, floor, log10
from textwrap import dedent

from .measure import Group


@dataclass(frozen=True, slots=True)
class Line:
    """One way to get a page.

    Attributes:
        name: What the chart calls it.
        group: Whether it is ours, or what people use instead.
        milliseconds: What each point of the curve took.
    """

    name: str
    group: Group
    milliseconds: Sequence[float]


@dataclass(frozen=True, slots=True)
class Curve:
    """Time over depth.

    Attributes:
        title: What is shown, as a heading.
        note: What the reader must know to read it.
        depths: How much is there already, from little to much: how many rows stand before a page.
        lines: The ways to get it.
        along: What the depths count.
    """

    title: str
    note: str
    depths: Sequence[int]
    lines: Sequence[Line]
    along: str = "rows before the page"

    def text(self) -> str:
        """Give it for the terminal."""
        width = max(len(self.along), *(len(line.name) for line in self.lines))
        rows = [self.title, f"{self.along:{width}}" + "".join(f"{depth:>12,}" for depth in self.depths)]
        for line in self.lines:
            numbers = [f"{_amount(took):>12}" for took in line.milliseconds]
            rows.append("".join([f"{line.name:{width}}", *numbers]))
        return "\n".join(rows)

    def markdown(self) -> str:
        """Give it for the documentation."""
        rows = [f"| {self.along} | " + " | ".join(f"{depth:,}" for depth in self.depths) + " |"]
        rows.append("|---|" + "---:|" * len(self.depths))
        for line in self.lines:
            name = f"**{line.name}**" if line.group == "ours" else line.name
            rows.append(f"| {name} | " + " | ".join(_amount(took) for took in line.milliseconds) + " |")
        return "\n".join(rows)

    def spoken(self) -> str:
        """Say what the chart shows."""
        ways = "; ".join(f"{line.name} {_amount(line.milliseconds[-1])}" for line in self.lines)
        return f"{self.title}, {self.depths[-1]:,} {self.along}: {ways}."

    def chart(self) -> str:
        """Draw time over depth, both scales being logarithmic."""
        scale = _Scale.of(self)
        ends = _apart([scale.height(line.milliseconds[-1]) for line in self.lines])
        drawn = [_across(power, scale) for power in range(scale.lowest, scale.highest + 1)]
        drawn += [
            f'<text x="{scale.place(number):.1f}" y="{HEIGHT - 8}" text-anchor="middle">{depth:,}</text>'
            for number, depth in enumerate(self.depths)
        ]
        drawn.append(f'<text x="{WIDTH - RIGHT + 12}" y="{HEIGHT - 8}">{escape(self.along)}</text>')
        drawn += [_drawn(line, end, scale) for line, end in zip(self.lines, ends, strict=True)]
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">\n'
            f"<title>{escape(self.spoken())}</title>\n<style>{STYLE}</style>\n" + "\n".join(drawn) + "\n</svg>\n"
        )


WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 320, 84, 240, 16, 36
APART = 18.0  # between the names of two lines that end beside each other

STYLE = dedent(
    """
    text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: #645c57 }
    text.ours { font-weight: 600; fill: #1d1a18 } .number { font-variant-numeric: tabular-nums }
    line { stroke: #645c57; stroke-width: 1; stroke-dasharray: 2 3; opacity: 0.5 }
    polyline { fill: none; stroke-width: 2.5; stroke-linejoin: round; stroke-linecap: round }
    polyline.peer, polyline.floor { stroke: #9b928b } polyline.ours { stroke: #a03d29 }
    circle.peer, circle.floor { fill: #9b928b } circle.ours { fill: #a03d29 }
    @media (prefers-color-scheme: dark) {
      text { fill: #b5aca5 } text.ours { fill: #f3efec } line { stroke: #b5aca5 }
      polyline.peer, polyline.floor { stroke: #756c66 } polyline.ours { stroke: #ec8a6f }
      circle.peer, circle.floor { fill: #756c66 } circle.ours { fill: #ec8a6f }
    }
    """
)


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where numbers are in the chart."""

    points: int
    lowest: int
    highest: int

    @classmethod
    def of(cls, curve: Curve) -> "_Scale":
        times = [took for line in curve.lines for took in line.milliseconds]
        lowest = floor(log10(min(times)))
        return cls(len(curve.depths), lowest, max(lowest + 1, ceil(log10(max(times)))))

    def place(self, number: int) -> float:
        return LEFT + 24 + number * (WIDTH - LEFT - RIGHT - 48) / max(1, self.points - 1)

    def height(self, milliseconds: float) -> float:
        part = (log10(milliseconds) - self.lowest) / (self.highest - self.lowest)
        return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)


def _across(power: int, scale: _Scale) -> str:
    height = scale.height(10.0**power)
    return (
        f'<line x1="{LEFT}" y1="{height:.1f}" x2="{WIDTH - RIGHT}" y2="{height:.1f}"/>'
        f'<text class="number" x="{LEFT - 10}" y="{height + 5:.1f}" text-anchor="end">{_power(power)}</text>'
    )


def _drawn(line: Line, end: float, scale: _Scale) -> str:
    points = [(scale.place(number), scale.height(took)) for number, took in enumerate(line.milliseconds)]
    joined = " ".join(f"{across:.1f},{down:.1f}" for across, down in points)
    dots = "".join(f'<circle class="{line.group}" cx="{across:.1f}" cy="{down:.1f}" r="3"/>' for across, down in points)
    name = f"{escape(line.name)}, {_amount(line.milliseconds[-1])}"
    where = f'x="{WIDTH - RIGHT - 12}" y="{end + 5:.1f}"'
    return f'<polyline class="{line.group}" points="{joined}"/>{dots}<text class="{line.group}" {where}>{name}</text>'


def _apart(heights: Sequence[float]) -> list[float]:
    """Move names apart that would stand on each other."""
    order = sorted(range(len(heights)), key=lambda number: heights[number])
    moved = list(heights)
    for above, below in pairwise(order):
        moved[below] = max(moved[below], moved[above] + APART)
    over = max(0.0, max(moved) - (HEIGHT - BOTTOM))
    return [height - over for height in moved]


def _power(power: int) -> str:
    return f"{10.0**power:,g} ms" if power >= 0 else f"{10.0 ** (power + 3):,g} \N{MICRO SIGN}s"


def _amount(milliseconds: float) -> str:
    if milliseconds < 0.1:
        return f"{milliseconds * 1000:.1f} \N{MICRO SIGN}s"
    return f"{milliseconds:,.0f} ms" if milliseconds >= 100 else f"{milliseconds:.1f} ms"
