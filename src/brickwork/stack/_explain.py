"""The table that `Stack.explain` gives: what runs around the application, outermost first."""

import inspect
from collections.abc import Sequence
from typing import Any, NamedTuple


class Row(NamedTuple):
    """One line of the table."""

    name: str
    place: str
    does: str
    answers: str


def row(kind: Any, place: str) -> Row:
    """Describe a piece or middleware class by its name, the first line of its docstring and its declared problems."""
    document = inspect.getdoc(kind) or ""
    problems = sorted(getattr(kind, "__problems__", ()), key=lambda problem: (problem.status, problem.slug))
    answers = ", ".join(f"{problem.status} {problem.slug}" for problem in problems)
    return Row(getattr(kind, "__name__", repr(kind)), place, document.partition("\n")[0], answers)


def table(rows: Sequence[Row]) -> str:
    """Lay the rows out in columns, numbered from the outside in."""
    head = ("", *Row("piece", "where", "what it does", "may answer"))
    lines = [head, *((str(number), *line) for number, line in enumerate(rows, 1))]
    widths = [max(len(line[column]) for line in lines) for column in range(5)]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([text[0], "-" * max(map(len, text)), *text[1:]])
