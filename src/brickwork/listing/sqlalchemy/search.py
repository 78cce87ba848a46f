"""Search over several columns, full text, and conditions of one's own."""

from collections.abc import Callable
from typing import Any

from pydantic_core import PydanticCustomError
from sqlalchemy import ColumnElement, String, and_, func, literal_column, or_
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.exc import CompileError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Boolean, TypeEngine

from .._rules.operators import OPERATORS
from .._rules.values import refuse_unstorable
from .clauses import CLAUSES
from .conditions import Condition, FieldForm, each_of_type
from .paths import Compared, target_of
from .related import Related
from .targets import ColumnTarget, Target


class Search:
    """Every word that was sent, somewhere in the columns, whatever the case.

    The text is split at white space; a row matches when each word is in at least one of the columns. Wildcards match
    themselves.

    A field says ``q: Annotated[str | None, Search(Product.name, Related(Product.category, Category.title))] = None``.

    Args:
        columns: Text columns, of the model or `Related`.
        max_terms: How many words a request may send.
        max_length: How many characters a request may send.
    """

    def __init__(self, *columns: Compared, max_terms: int = 8, max_length: int = 200) -> None:
        if not columns:
            raise TypeError("Search needs the columns to look in: Search(Product.name, Product.description)")
        if max_terms < 1 or max_length < 1:
            raise ValueError("max_terms and max_length must be at least 1")
        self.columns = columns
        self.max_terms = max_terms
        self.max_length = max_length

    def condition(self, model: type | None, form: FieldForm) -> Condition:
        """Give the condition for a field."""
        _refuse_other_than_text(form, "Search")
        return _SearchCondition(self, form.name, [target_of(model, each, form.python) for each in self.columns])


class FullText:
    """PostgreSQL's full text search, written as people write in a search box: `"exact phrase" -not this or that`.

    It looks in `to_tsvector('english', a)`, with several columns in
    `to_tsvector('english', coalesce(a, '') || ' ' || coalesce(b, ''))`, and an index over the same expression serves
    it; a column of type `TSVECTOR` is taken as it is. Other databases refuse the statement.

    Args:
        columns: Text columns of the model.
        language: A text search configuration of PostgreSQL.
        max_length: How many characters a request may send.
    """

    def __init__(self, *columns: Compared, language: str = "english", max_length: int = 200) -> None:
        if not columns or any(isinstance(each, Related) for each in columns):
            raise TypeError("FullText needs columns of the model itself: FullText(Product.name, Product.description)")
        if not language.isidentifier():
            raise ValueError(
                f"language is the name of a text search configuration, such as 'english', not {language!r}"
            )
        self.columns = columns
        self.language = language
        self.max_length = max_length

    def condition(self, model: type | None, form: FieldForm) -> Condition:
        """Give the condition for a field."""
        _refuse_other_than_text(form, "FullText")
        return _FullTextCondition(self, form.name, [target_of(model, each, ()) for each in self.columns])


class Where:
    """A condition of one's own, for what no operator says.

    A field says ``in_stock: Annotated[bool | None, Where(lambda wanted: (Product.stock > 0) == wanted)] = None``.

    Args:
        condition: Takes the value and gives the SQL; None where the value asks for nothing.
        python: Takes an object and the value, and decides the same for `matches`.
    """

    def __init__(
        self,
        condition: Callable[[Any], ColumnElement[bool] | None],
        python: Callable[[Any, Any], bool] | None = None,
    ) -> None:
        self.build = condition
        self.python = python

    def condition(self, model: type | None, form: FieldForm) -> Condition:
        """Give the condition for a field."""
        return _OwnCondition(self, form.name)


class _Unbounded:
    """What conditions do that check nothing beforehand and have no bounds."""

    @property
    def summary(self) -> str | None:
        """Nothing is known of what the parameter asks for."""
        return None

    def prepare(self) -> bool:
        """There is nothing to check."""
        return True

    def read(self, raw: Any) -> Any:
        """Take what the client sent."""
        return raw

    def check(self, value: Any) -> Any:
        """Take every value."""
        return value

    def document(self, schema: dict[str, Any]) -> None:
        """Add nothing."""


class _SearchCondition(_Unbounded):
    def __init__(self, search: Search, name: str, targets: list[Target]) -> None:
        self._search = search
        self._name = name
        self._targets = targets
        self._build = CLAUSES["icontains"]

    @property
    def summary(self) -> str:
        return "Words to look for, each of which must be found."

    def prepare(self) -> bool:
        ready = [each for each in self._targets if each.ready]
        for each in ready:
            _refuse_other_columns(self._name, each)
        return len(ready) == len(self._targets)

    def check(self, value: str | None) -> str | None:
        if value is not None:
            _refuse_long(value, self._search.max_length)
            if len(value.split()) > self._search.max_terms:
                raise PydanticCustomError(
                    "too_many_terms", "Input should have at most {most} words", {"most": self._search.max_terms}
                )
        return value

    def clause(self, value: str) -> ColumnElement[bool] | None:
        terms = value.split()
        return and_(*(self._anywhere(term) for term in terms)) if terms else None

    def _anywhere(self, term: str) -> ColumnElement[bool]:
        return or_(*(each.where(lambda column: self._build(column, term)) for each in self._targets))

    def holds(self, item: object, value: str) -> bool:
        found = [each for target in self._targets for each in target.found(item)]
        return all(OPERATORS["icontains"].holds(found, term) for term in value.split())

    def document(self, schema: dict[str, Any]) -> None:
        each_of_type(schema, "string", {"maxLength": self._search.max_length})


class TextSearchMatch(FunctionElement[bool]):
    """A document of PostgreSQL's full text search that matches a query."""

    inherit_cache: bool | None = True
    type: TypeEngine[Any] = Boolean()


@compiles(TextSearchMatch)
def _refuse_elsewhere(element: TextSearchMatch, compiler: SQLCompiler, **options: Any) -> str:
    if compiler.dialect.name not in {"postgresql", "default"}:  # the latter when a statement is printed
        raise CompileError(
            f"FullText is PostgreSQL's, and this database is {compiler.dialect.name}; "
            "use Search(...), or Where(...) with what it has itself"
        )
    document, query = (compiler.process(each, **options) for each in element.clauses)
    return f"({document} @@ {query})"


class _FullTextCondition(_Unbounded):
    def __init__(self, search: FullText, name: str, targets: list[Target]) -> None:
        self._search = search
        self._name = name
        self._language: ColumnElement[str] = literal_column(f"'{search.language}'", String())
        columns = [_column_of(name, each) for each in targets]
        self._document = self._document_of(columns)

    @property
    def summary(self) -> str:
        return 'Words to look for; "quotes" keep words together, a minus excludes a word, and `or` gives a choice.'

    def _document_of(self, columns: list[ColumnElement[Any]]) -> ColumnElement[Any]:
        if len(columns) == 1:
            column = columns[0]
            return column if isinstance(column.type, TSVECTOR) else func.to_tsvector(self._language, column)
        text: ColumnElement[str] = func.coalesce(columns[0], literal_column("''", String()))
        for each in columns[1:]:
            text = text.op("||")(literal_column("' '", String())).op("||")(
                func.coalesce(each, literal_column("''", String()))
            )
        return func.to_tsvector(self._language, text)

    def check(self, value: str | None) -> str | None:
        if value is not None:
            _refuse_long(value, self._search.max_length)
        return value

    def clause(self, value: str) -> ColumnElement[bool] | None:
        if not value.strip():
            return None
        return TextSearchMatch(self._document, func.websearch_to_tsquery(self._language, value))

    def holds(self, item: object, value: str) -> bool:
        raise TypeError(f"{self._name}: FullText is PostgreSQL's and has no counterpart in Python; use Search(...)")

    def document(self, schema: dict[str, Any]) -> None:
        each_of_type(schema, "string", {"maxLength": self._search.max_length})


class _OwnCondition(_Unbounded):
    def __init__(self, where: Where, name: str) -> None:
        self._where = where
        self._name = name

    def read(self, raw: Any) -> Any:
        return refuse_unstorable(raw) if isinstance(raw, str) else raw

    def clause(self, value: Any) -> ColumnElement[bool] | None:
        return self._where.build(value)

    def holds(self, item: object, value: Any) -> bool:
        if self._where.python is None:
            raise TypeError(
                f"{self._name}: this Where is written in SQL only; give it python= to filter objects as well"
            )
        return self._where.python(item, value)


def _refuse_long(value: str, most: int) -> None:
    refuse_unstorable(value)
    if len(value) > most:
        raise PydanticCustomError("too_long", "Input should have at most {most} characters", {"most": most})


def _refuse_other_than_text(form: FieldForm, marker: str) -> None:
    if form.many or form.python != (str,):
        raise TypeError(f"{form.name}: {marker} takes text; annotate it str | None")


def _refuse_other_columns(name: str, target: Target) -> None:
    kind = target.kind
    if kind is None or kind.name not in {"text", "any"}:
        raise TypeError(
            f"{name}: Search looks in columns of text, and one holds {'something else' if kind is None else kind.name}"
        )


def _column_of(name: str, target: Target) -> ColumnElement[Any]:
    if not isinstance(target, ColumnTarget):
        raise TypeError(f"{name}: FullText takes plain columns of the model")
    return target.column
