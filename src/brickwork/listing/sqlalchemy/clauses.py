"""The SQL of each operator, the same in meaning on every database."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from sqlalchemy import (
    BinaryExpression,
    BindParameter,
    Boolean,
    ColumnElement,
    Dialect,
    String,
    TypeDecorator,
    func,
    not_,
    or_,
    true,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType, TypeEngine

Clause = Callable[[ColumnElement[Any], Any], ColumnElement[bool]]

_ESCAPE = "!"
_WILDCARDS = str.maketrans({each: _ESCAPE + each for each in (_ESCAPE, "%", "_")})
_BOOLEAN = Boolean()


class Pattern(TypeDecorator[str]):
    """Text that becomes a pattern in which it matches itself; SQLite gets it as it is.

    Args:
        form: The pattern, with `{}` in place of the text.
    """

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = String
    cache_ok: bool | None = True

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        """Escape the wildcards, where there are any."""
        return str(value) if dialect.name == "sqlite" else self.form.format(value.translate(_WILDCARDS))


class TextMatch(BinaryExpression[bool]):
    """A column that matches a text.

    Most databases get a pattern, which an index can serve. SQLite cannot match a pattern by case, so it compares.
    """

    inherit_cache: bool | None = True
    pattern: ClassVar[Pattern]
    comparison: ClassVar[str]
    folded: ClassVar[bool] = False

    def __init__(self, column: ColumnElement[Any], text: str) -> None:
        bound = BindParameter(None, text, self.pattern, unique=True)
        super().__init__(column, bound, operators.like_op, _BOOLEAN)


@compiles(TextMatch)
def _match(element: TextMatch, compiler: SQLCompiler, **options: Any) -> str:
    column, pattern = compiler.process(element.left, **options), compiler.process(element.right, **options)
    operator = "LIKE"
    if element.folded and compiler.dialect.name == "postgresql":
        operator = "ILIKE"
    elif element.folded:
        column, pattern = f"lower({column})", f"lower({pattern})"
    return f"{column} {operator} {pattern} ESCAPE '{_ESCAPE}'"


@compiles(TextMatch, "sqlite")
def _match_on_sqlite(element: TextMatch, compiler: SQLCompiler, **options: Any) -> str:
    column, text = compiler.process(element.left, **options), compiler.process(element.right, **options)
    if element.folded:
        column, text = f"lower({column})", f"lower({text})"
    return element.comparison.format(column=column, text=text)


class Contains(TextMatch):
    """Text that holds other text."""

    inherit_cache: bool | None = True
    pattern: ClassVar[Pattern] = Pattern("%{}%")
    comparison: ClassVar[str] = "instr({column}, {text}) > 0"


class StartsWith(TextMatch):
    """Text that begins with other text."""

    inherit_cache: bool | None = True
    pattern: ClassVar[Pattern] = Pattern("{}%")
    comparison: ClassVar[str] = "substr({column}, 1, length({text})) = {text}"


class EndsWith(TextMatch):
    """Text that ends with other text."""

    inherit_cache: bool | None = True
    pattern: ClassVar[Pattern] = Pattern("%{}")
    comparison: ClassVar[str] = "substr({column}, -length({text})) = {text}"


class ContainsFolded(Contains):
    """Text that holds other text, whatever the case."""

    inherit_cache: bool | None = True
    folded: ClassVar[bool] = True


class StartsWithFolded(StartsWith):
    """Text that begins with other text, whatever the case."""

    inherit_cache: bool | None = True
    folded: ClassVar[bool] = True


class EndsWithFolded(EndsWith):
    """Text that ends with other text, whatever the case."""

    inherit_cache: bool | None = True
    folded: ClassVar[bool] = True


def _is_common(column: ColumnElement[Any]) -> bool:
    """Whether SQLAlchemy itself says how the column is compared, and not a type of the application."""
    return type(column.comparator).__module__.startswith("sqlalchemy.")


def _compare(operator: operators.OperatorType) -> Clause:
    """Make the expression directly: all that SQLAlchemy's own operators do for plain values, at a third of the cost."""

    def clause(column: ColumnElement[Any], value: Any) -> ColumnElement[bool]:
        kind = column.type
        if isinstance(kind, NullType) or isinstance(column, FunctionElement) or not _is_common(column):
            return column.operate(operator, value)
        return BinaryExpression(column, BindParameter(None, value, kind, unique=True), operator, _BOOLEAN)

    return clause


_equal = _compare(operators.eq)
_distinct = _compare(operators.is_distinct_from)


def _not_equal(column: ColumnElement[Any], value: Any) -> ColumnElement[bool]:
    # The opposite of what a type of the application takes for equal.
    return _distinct(column, value) if _is_common(column) else or_(not_(_equal(column, value)), column.is_(None))


def _text(match: type[TextMatch]) -> Clause:
    def clause(column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
        return match(column, value) if value else column.is_not(None)

    return clause


def _not_in(column: ColumnElement[Any], values: Any) -> ColumnElement[bool]:
    return or_(column.not_in(values), column.is_(None)) if values else true()


CLAUSES: Mapping[str, Clause] = MappingProxyType(
    {
        "eq": _equal,
        "ne": _not_equal,
        "gt": _compare(operators.gt),
        "gte": _compare(operators.ge),
        "lt": _compare(operators.lt),
        "lte": _compare(operators.le),
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
        "iexact": lambda column, value: func.lower(column) == func.lower(value),
    }
)
