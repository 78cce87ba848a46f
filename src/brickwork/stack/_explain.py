"""The table that `Stack.explain` gives: what runs around the application, outermost first."""

import inspect
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from .._core.columns import in_columns
from .._core.frame import Piece


class Row(NamedTuple):
    """One line of the table."""

    name: str
    place: str
    answers: str
    does: str


def row(part: Any, place: str) -> Row:
    """Describe a piece or a middleware class: its name, the problems it declares, how its docstring begins."""
    # Starlette takes any callable for a middleware class, also one that has only part of its arguments.
    kind: Any = type(part) if isinstance(part, Piece) else getattr(part, "func", part)
    name: str = getattr(kind, "__name__", type(kind).__name__)
    if place != "yours":
        name = name.removesuffix("Middleware").removesuffix("Piece")
    problems = sorted(getattr(part, "__problems__", ()), key=lambda problem: (problem.status, problem.slug))
    answers = ", ".join(f"{problem.status} {problem.slug}" for problem in problems)
    document = (inspect.getdoc(kind) or "").partition("\n")[0]
    return Row(name, place, answers, re.split("[;,.]", document)[0])


def table(rows: Sequence[Row]) -> str:
    """Lay the rows out in columns, numbered from the outside in."""
    head = ("", *Row("piece", "where", "may answer", "what it does"))
    return in_columns(head, [(str(number), *line) for number, line in enumerate(rows, 1)])
