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
    and_,
    false,
    func,
    not_,
    or_,
    true,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import QueryableAttribute
from sqlalchemy.sql import operators
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType, TypeEngine

# An attribute is given where the application itself says how it is compared.
Column = ColumnElement[Any] | QueryableAttribute[Any]
Clause = Callable[[Any, Any], ColumnElement[bool]]

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


def is_own(comparator: object) -> bool:
    """Whether the application says how something is compared, and not SQLAlchemy."""
    return _is_own(type(comparator))


def _is_own(kind: type) -> bool:
    return not kind.__module__.startswith(("sqlalchemy.", "builtins"))


def _says(comparator: object, method: str) -> bool:
    """Whether a comparator of the application changes what a method does."""
    return any(vars(each).keys() & {method, "operate"} for each in type(comparator).__mro__ if _is_own(each))


def _element(column: Column) -> ColumnElement[Any]:
    return column.expression if isinstance(column, QueryableAttribute) else column


def _compare(operator: operators.OperatorType) -> Clause:
    """Make the expression directly: all that SQLAlchemy's own operators do for plain values, at a third of the cost."""

    def clause(column: Column, value: Any) -> ColumnElement[bool]:
        if isinstance(column, QueryableAttribute | FunctionElement):
            return column.operate(operator, value)
        if is_own(column.comparator) or isinstance(column.type, NullType):
            return column.operate(operator, value)
        return BinaryExpression(column, BindParameter(None, value, column.type, unique=True), operator, _BOOLEAN)

    return clause


_equal = _compare(operators.eq)
_distinct = _compare(operators.is_distinct_from)
_at_least = _compare(operators.ge)
_at_most = _compare(operators.le)


def _not_equal(column: Column, value: Any) -> ColumnElement[bool]:
    # The opposite of what the application takes for equal.
    return _not(column, _equal(column, value)) if is_own(column.comparator) else _distinct(column, value)


def _in(column: Column, values: Any) -> ColumnElement[bool]:
    if isinstance(column, QueryableAttribute):
        return or_(false(), *(_equal(column, value) for value in values))
    return column.in_(values)


def _between(column: Column, bounds: Any) -> ColumnElement[bool]:
    if isinstance(column, QueryableAttribute):
        return and_(_at_least(column, bounds[0]), _at_most(column, bounds[1]))
    return column.between(*bounds)


def _not(column: Column, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return or_(not_(condition), _element(column).is_(None))


def _present(column: Column) -> ColumnElement[bool]:
    return _element(column).is_not(None)


def _text(match: type[TextMatch], method: str) -> Clause:
    def clause(column: Column, value: str) -> ColumnElement[bool]:
        if not value:
            return _present(column)
        if isinstance(column, QueryableAttribute) and _says(column.comparator, method):
            condition: ColumnElement[bool] = getattr(column, method)(value.translate(_WILDCARDS), escape=_ESCAPE)
            return condition
        return match(_element(column), value)

    return clause


CLAUSES: Mapping[str, Clause] = MappingProxyType(
    {
        "eq": _equal,
        "ne": _not_equal,
        "gt": _compare(operators.gt),
        "gte": _at_least,
        "lt": _compare(operators.lt),
        "lte": _at_most,
        "in": _in,
        "not_in": lambda column, values: _not(column, _in(column, values)) if values else true(),
        "between": _between,
        "isnull": lambda column, value: _element(column).is_(None) if value else _present(column),
        "contains": _text(Contains, "contains"),
        "startswith": _text(StartsWith, "startswith"),
        "endswith": _text(EndsWith, "endswith"),
        "icontains": _text(ContainsFolded, "icontains"),
        "istartswith": _text(StartsWithFolded, "istartswith"),
        "iendswith": _text(EndsWithFolded, "iendswith"),
        "iexact": lambda column, value: func.lower(_element(column)) == func.lower(value),
    }
)
