"""Tables as text."""

from collections.abc import Sequence


def in_columns(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Lay lines out in columns under a head."""
    rows = [head, *lines]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([text[0], "-" * max(map(len, text)), *text[1:]])
