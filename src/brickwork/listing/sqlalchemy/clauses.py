"""The SQL of each operator, the same in meaning on every database."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from sqlalchemy import Boolean, ColumnElement, Integer, String, bindparam, or_, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType

Clause = Callable[[ColumnElement[Any], Any], ColumnElement[bool]]

_ESCAPE = "!"
_WILDCARDS = str.maketrans({each: _ESCAPE + each for each in (_ESCAPE, "%", "_")})
_TEXT = String()
_LENGTH = Integer()


class TextMatch(FunctionElement[bool]):
    """A column that matches a text.

    Most databases get a pattern, which an index can serve. SQLite cannot match a pattern by case, so it compares; what it compares holds no
    wildcards, so nothing needs an escape.
    """

    inherit_cache = True
    type = Boolean()
    pattern: ClassVar[str]
    comparison: ClassVar[str]
    folded: ClassVar[bool] = False

    def __init__(self, column: ColumnElement[Any], text: str) -> None:
        super().__init__(
            column,
            bindparam(None, text, _TEXT),
            bindparam(None, len(text), _LENGTH),
            bindparam(None, self.pattern.format(text.translate(_WILDCARDS)), _TEXT),
        )

    def self_group(self, against: OperatorType | None = None) -> "TextMatch":
        """Stand as it is: the SQL brings its parentheses, and is a condition on every database."""
        return self


@compiles(TextMatch)
def _match(element: TextMatch, compiler: SQLCompiler, **options: Any) -> str:
    column, _, _, pattern = element.clauses
    return f"({_like(element, compiler.process(column, **options), compiler.process(pattern, **options))})"


def _like(element: TextMatch, column: str, pattern: str) -> str:
    if element.folded:
        return f"lower({column}) LIKE lower({pattern}) ESCAPE '{_ESCAPE}'"
    return f"{column} LIKE {pattern} ESCAPE '{_ESCAPE}'"


@compiles(TextMatch, "postgresql")
def _match_on_postgresql(element: TextMatch, compiler: SQLCompiler, **options: Any) -> str:
    column, _, _, pattern = (compiler.process(each, **options) for each in element.clauses)
    return f"({column} {'ILIKE' if element.folded else 'LIKE'} {pattern} ESCAPE '{_ESCAPE}')"


@compiles(TextMatch, "sqlite")
def _match_on_sqlite(element: TextMatch, compiler: SQLCompiler, **options: Any) -> str:
    column, text, length, _ = element.clauses
    sql = {"column": compiler.process(column, **options), "text": compiler.process(text, **options)}
    if element.folded:
        sql = {name: f"lower({each})" for name, each in sql.items()}
    if "{length}" in element.comparison:
        sql["length"] = compiler.process(length, **options)
    return f"({element.comparison.format(**sql)})"


class Contains(TextMatch):
    """Text that holds other text."""

    inherit_cache = True
    pattern = "%{}%"
    comparison = "instr({column}, {text}) > 0"


class StartsWith(TextMatch):
    """Text that begins with other text."""

    inherit_cache = True
    pattern = "{}%"
    comparison = "substr({column}, 1, {length}) = {text}"


class EndsWith(TextMatch):
    """Text that ends with other text."""

    inherit_cache = True
    pattern = "%{}"
    comparison = "substr({column}, -{length}) = {text}"


class ContainsFolded(Contains):
    """Text that holds other text, whatever the case."""

    inherit_cache = True
    folded = True


class StartsWithFolded(StartsWith):
    """Text that begins with other text, whatever the case."""

    inherit_cache = True
    folded = True


class EndsWithFolded(EndsWith):
    """Text that ends with other text, whatever the case."""

    inherit_cache = True
    folded = True


class Folded(FunctionElement[str]):
    """Text in lower case, written so that an index over `lower(column)` serves."""

    inherit_cache = True
    name = "lower"
    type = _TEXT


@compiles(Folded)
def _fold(element: Folded, compiler: SQLCompiler, **options: Any) -> str:
    return f"lower({compiler.process(element.clauses, **options)})"


def _text(match: type[TextMatch]) -> Clause:
    def clause(column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
        return match(column, value) if value else column.is_not(None)

    return clause


def _not_in(column: ColumnElement[Any], values: Any) -> ColumnElement[bool]:
    return or_(column.not_in(values), column.is_(None)) if values else true()


CLAUSES: Mapping[str, Clause] = MappingProxyType(
    {
        "eq": lambda column, value: column == value,
        "ne": lambda column, value: column.is_distinct_from(value),
        "gt": lambda column, value: column > value,
        "gte": lambda column, value: column >= value,
        "lt": lambda column, value: column < value,
        "lte": lambda column, value: column <= value,
        "in": lambda column, values: column.in_(values),
        "not_in": _not_in,
        "between": lambda column, bounds: column.between(*bounds),
        "isnull": lambda column, value: column.is_(None) if value else column.is_not(None),
        "contains": _text(Contains),
        "startswith": _text(StartsWith),
        "endswith": _text(EndsWith),
        "icontains": _text(ContainsFolded),
        "istartswith": _text(StartsWithFolded),
        "iendswith": _text(EndsWithFolded),
        "iexact": lambda column, value: Folded(column) == Folded(bindparam(None, value, _TEXT)),
    }
)
