"""Values inside JSON documents: what is of another type than asked for never matches, and never fails."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar, cast

from sqlalchemy import (
    BigInteger,
    BinaryExpression,
    BindParameter,
    Boolean,
    ColumnElement,
    Dialect,
    Numeric,
    String,
    literal_column,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import CompileError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeDecorator, TypeEngine

from .._rules.items import attribute_of
from .._rules.values import Kind
from .targets import Build, ColumnTarget


class ExactNumber(TypeDecorator[Decimal]):
    """A number of a document, compared by its digits: 0.1 is a tenth."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = Numeric
    cache_ok: bool | None = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Take a float for the digits that a person reads in it."""
        return None if value is None else Decimal(str(value))


class JsonPart(FunctionElement[Any]):
    """What stands under a path of a document, or NULL where it is of another type.

    It is made of the column and of the path, written once as SQLite and once as PostgreSQL want it.
    """

    inherit_cache: bool | None = True
    on_sqlite: ClassVar[str]
    on_postgresql: ClassVar[str]
    cast_on_postgresql: ClassVar[str] = ""

    def __init__(self, column: ColumnElement[Any], keys: tuple[str, ...], column_type: TypeEngine[Any]) -> None:
        self.keys = keys
        self.type = column_type
        path = ".".join(["$", *(f'"{key}"' for key in keys)])
        super().__init__(column, literal_column(f"'{path}'", String()))

    def operate(self, op: OperatorType, *other: Any, **kwargs: Any) -> ColumnElement[Any]:
        """Compare; equality has a form that an index over the whole document serves."""
        if op is operators.eq:
            return JsonEquality(self, BindParameter(None, other[0], self.type, unique=True), op, Boolean())
        return super().operate(op, *other, **kwargs)


@compiles(JsonPart, "sqlite")
def _part_on_sqlite(element: JsonPart, compiler: SQLCompiler, **options: Any) -> str:
    column, path = (compiler.process(each, **options) for each in element.clauses)
    return element.on_sqlite.format(type=f"json_type({column}, {path})", value=f"json_extract({column}, {path})")


@compiles(JsonPart)
def _part(element: JsonPart, compiler: SQLCompiler, **options: Any) -> str:
    if compiler.dialect.name not in {"postgresql", "default"}:  # the latter when a statement is printed
        raise CompileError(
            f"filters on JSON paths know SQLite and PostgreSQL, not {compiler.dialect.name}; "
            "use Where(...) with an expression of your own"
        )
    document = next(iter(element.clauses))
    column, function = compiler.process(document, **options), "jsonb_typeof"
    if not _is_binary(document.type, compiler.dialect):
        column, function = _readable(column) if element.keys else column, "json_typeof"
    # A key that is text finds nothing in a list, where one in a path of PostgreSQL's would count its elements.
    *outer, last = [f"'{key}'::text" for key in element.keys] or [""]
    parent = " -> ".join([column, *outer])
    there, value = (f"{parent} {arrow} {last}" if last else parent for arrow in ("->", "->>"))
    return element.on_postgresql.format(type=f"{function}({there})", value=f"({value})")


def _readable(column: str) -> str:
    r"""Put U+FFFF, which is no character, in place of what a JSON column takes and PostgreSQL then fails to read.

    That is NUL, and half of a pair of surrogates. So that each backslash that is left begins an escape, those that
    stand for themselves are written as `\u005c` first.
    """
    text = rf"replace({column}::text, $$\\$$, $$\u005c$$)"
    return rf"regexp_replace({text}, $${_UNREADABLE}$$, $$\\uffff$$, 'g')::json"


def _is_binary(column_type: TypeEngine[Any], dialect: Dialect) -> bool:
    inside = column_type.dialect_impl(dialect)
    return isinstance(inside.impl_instance if isinstance(inside, TypeDecorator) else inside, JSONB)


class JsonEquality(BinaryExpression[bool]):
    """A value of a document that equals another."""

    inherit_cache: bool | None = True


@compiles(JsonEquality)
def _equality(element: JsonEquality, compiler: SQLCompiler, **options: Any) -> str:
    return f"{compiler.process(element.left, **options)} = {compiler.process(element.right, **options)}"


@compiles(JsonEquality, "postgresql")
def _equality_on_postgresql(element: JsonEquality, compiler: SQLCompiler, **options: Any) -> str:
    """Ask JSONB whether it contains the document of that one value, which is what a GIN index answers."""
    part = cast("JsonPart", element.left)
    document = next(iter(part.clauses))
    if not _is_binary(document.type, compiler.dialect):
        return _equality(element, compiler, **options)
    wanted = f"to_jsonb({compiler.process(element.right, **options)}{part.cast_on_postgresql})"
    for key in reversed(part.keys):
        wanted = f"jsonb_build_object('{key}', {wanted})"
    return f"{compiler.process(document, **options)} @> {wanted}"


class JsonText(JsonPart):
    """Text of a document."""

    inherit_cache: bool | None = True
    on_sqlite: ClassVar[str] = "CASE {type} WHEN 'text' THEN {value} END"
    on_postgresql = "CASE {type} WHEN 'string' THEN {value} END"
    cast_on_postgresql = "::text"


class JsonNumber(JsonPart):
    """A number of a document."""

    inherit_cache: bool | None = True
    on_sqlite: ClassVar[str] = "CASE WHEN {type} IN ('integer', 'real') THEN {value} END"
    on_postgresql = "CASE {type} WHEN 'number' THEN {value}::numeric END"
    cast_on_postgresql = "::numeric"


class JsonFlag(JsonPart):
    """True or false in a document."""

    inherit_cache: bool | None = True
    on_sqlite: ClassVar[str] = "CASE {type} WHEN 'true' THEN 1 WHEN 'false' THEN 0 END"
    on_postgresql = "CASE {type} WHEN 'boolean' THEN {value}::boolean END"
    cast_on_postgresql = "::boolean"


class JsonPresence(JsonPart):
    """The type of what stands in a document; NULL where there is nothing, or null."""

    inherit_cache: bool | None = True
    on_sqlite: ClassVar[str] = "nullif({type}, 'null')"
    on_postgresql = "nullif({type}, 'null')"


@dataclass(frozen=True, slots=True)
class _Sort:
    """One of the types that JSON knows."""

    kind: Kind
    part: type[JsonPart]
    column_type: TypeEngine[Any]
    python: tuple[type, ...]


# Paths are part of the SQL, where each of these means something else.
_UNWRITABLE = frozenset("'\"%\\\0")
_HIGH, _LOW = (rf"\\u[dD][{digits}][0-9a-fA-F][0-9a-fA-F]" for digits in ("89abAB", "c-fC-F"))
_UNREADABLE = rf"\\u0000|{_HIGH}(?!{_LOW})|(?<!{_HIGH}){_LOW}"
_NUMBERS = (int, float, Decimal)
_SORTS: Mapping[type, _Sort] = MappingProxyType(
    {
        bool: _Sort(Kind("boolean", (bool,)), JsonFlag, Boolean(), (bool,)),
        str: _Sort(Kind("text", (str,)), JsonText, String(), (str,)),
        int: _Sort(Kind("integer", (int,), -(2**63), 2**63 - 1), JsonNumber, BigInteger(), _NUMBERS),
        float: _Sort(Kind("float", (float, int)), JsonNumber, ExactNumber(), _NUMBERS),
        Decimal: _Sort(Kind("decimal", (Decimal, int)), JsonNumber, ExactNumber(), _NUMBERS),
    }
)


@dataclass(frozen=True, slots=True)
class JsonTarget:
    """A value inside the documents of a column.

    Attributes:
        document: The column and its name.
        keys: The names that lead to the value, from outside to inside.
        sort: What is looked for; None where only its presence counts.
        part: The same in SQL.
    """

    document: ColumnTarget
    keys: tuple[str, ...]
    sort: _Sort | None
    part: JsonPart
    ready: bool = True

    @property
    def kind(self) -> Kind | None:
        """What is looked for."""
        return None if self.sort is None else self.sort.kind

    def where(self, build: Build) -> ColumnElement[bool]:
        """Give the condition that ``build`` makes of the value."""
        return build(self.part)

    def found(self, item: object) -> list[object]:
        """Give what an object's document holds here, without None."""
        values = self.document.found(item)
        for key in self.keys:
            values = [attribute_of(cast("object", value), key) for value in values if isinstance(value, Mapping)]
        return [each for each in values if self._is_looked_for(each)]

    def _is_looked_for(self, value: object) -> bool:
        if self.sort is None:
            return value is not None
        return isinstance(value, self.sort.python) and isinstance(value, bool) is (bool in self.sort.python)


def json_target(document: ColumnTarget, keys: tuple[str, ...], python: tuple[type, ...]) -> JsonTarget:
    """Give the value under ``keys``, of the type that a field is annotated with; of any where ``python`` is empty.

    Raises:
        TypeError: JSON has no such type.
        ValueError: A key cannot be written in a path.
    """
    for key in keys:
        if not key or not _UNWRITABLE.isdisjoint(key):
            raise ValueError(
                f"{key!r} cannot be a key of a path into a document: it is empty, or holds a quote, a percent sign or "
                "a backslash; use Where(...) with an expression of your own"
            )
    if not python:
        return JsonTarget(document, keys, None, JsonPresence(document.column, keys, String()))
    for known, sort in _SORTS.items():
        if all(issubclass(each, known) for each in python):
            return JsonTarget(document, keys, sort, sort.part(document.column, keys, sort.column_type))
    names = " or ".join(each.__name__ for each in python)
    raise TypeError(f"JSON holds str, int, float, Decimal or bool, not {names}; annotate the field with one of these")
