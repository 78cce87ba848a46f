"""Pages by keyset: each begins after the values of the last row before it, so no page is deeper than another.

An order of several keys, in any mixture of directions and with NULLs anywhere, becomes one condition that begins with a
range of the first key, which an index answers. Where the first key can be NULL there are two such ranges, one after
the other; only the page in which one ends and the other begins needs two queries.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    GenerativeSelect,
    Integer,
    Result,
    Row,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    false,
    func,
    inspect,
    or_,
    select,
)
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData

from .._rules.cursors import CursorError, Position
from .._rules.order import KeysetRows, Nulls, neighbours, order_digest
from .._rules.scalars import Beginning
from .groups import refuse_ungrouped_keys
from .joins import columns_in, page_of_entities
from .reading import Plan, Read
from .sort import OrderKey
from .stored import Stored, stored_form
from .structure import can_repeat, distinct_on, entity_of, grouping_of, is_distinct, is_joined, is_select, window_of

# Rows are named tuples, whose public names begin with an underscore.
_names_of: Final = attrgetter("_fields")
_LABEL: Final = "brickwork_sort_key_{}"
_VALUE: Final = "brickwork_after_{}"
_ROWS: Final = "brickwork_rows"
# Characters of text in a cursor, which as UTF-8 and base64 are six times as many at most.
_LONGEST: Final = 500


class _Term(NamedTuple):
    """One key in the direction of reading, with the value that was last read.

    Attributes:
        column: What is compared.
        value: The value to go on after; None for NULL.
        descending: Whether values fall.
        nulls: Where NULL is met; None where there is no NULL.
    """

    column: ColumnElement[Any]
    value: ColumnElement[Any] | None
    descending: bool
    nulls: Nulls | None


class Walk:
    """How to walk through the rows of a statement: what is made once for all its pages.

    Args:
        statement: Selects all rows; an order of its own is replaced.
        keys: The order; no two rows may be at one place in it.
        dialect_name: What the database speaks, as `dialect_of` tells.

    Raises:
        TypeError: Such pages cannot be cut from the statement, or its order leaves rows at one place.
    """

    def __init__(self, statement: GenerativeSelect, keys: Sequence[OrderKey], dialect_name: str) -> None:
        selected = _checked(statement, keys)
        entity = entity_of(selected)
        selected = selected.order_by(None).order_by(*(key.order_by(dialect_name) for key in keys))
        if entity is not None and is_joined(selected):
            selected = page_of_entities(selected, entity)
        self._statement = selected
        self._keys = keys
        self._dialect = dialect_name
        self._unique = entity is not None and can_repeat(selected, entity)
        self._forms = [stored_form(key, dialect_name) for key in keys]
        self._order = _digest(keys, self._forms, dialect_name)
        self._row = None if entity is None else _finder(entity, keys, self._forms)
        self._made: dict[tuple[bool, tuple[type, ...]], Sequence[Select[Any]]] = {}

    def plan(
        self,
        position: Position | None = None,
        *,
        size: int,
        scalars: bool,
        narrow: Callable[[Select[Any]], Select[Any]] = lambda statement: statement,
    ) -> Plan[KeysetRows[Any]]:
        """Plan to read the page at a position.

        Args:
            position: Where to read on; None for the beginning.
            size: Rows of the page at most, 1 or more.
            scalars: Whether rows of one thing are given as that thing, as sessions do and connections do not.
            narrow: Adds conditions to the statement.

        Raises:
            CursorError: (``other-query``) The position is of another order, or its values are no longer possible.
        """
        position = position or Position()
        if position.values and position.order != self._order:
            raise CursorError("other-query")
        present = [(at, value) for at, value in enumerate(position.values) if value is not None]
        parameters = {_VALUE.format(at): self._forms[at].load(value) for at, value in present}
        read: list[Row[Any]] = []
        for statement in self._pages(position):
            parameters[_ROWS] = size + 1 - len(read)
            read += yield Read(narrow(statement), "rows", self._unique, parameters)
            if len(read) > size:
                break
        rows = read[:size][:: -1 if position.backward else 1]
        edges = (self._values(rows[0]), self._values(rows[-1])) if rows else None
        previous, following = neighbours(position, self._order, edges, more=len(read) > size)
        return KeysetRows(_without_keys(self._statement, rows, len(self._keys), scalars=scalars), following, previous)

    def _pages(self, position: Position) -> Sequence[Select[Any]]:
        """Give the statements whose rows, one after the other, are all that follow a position."""
        key = (position.backward, tuple(map(_form_of, position.values)))
        made = self._made.get(key)
        if made is None:
            ordered = _ordered(self._statement, self._keys, self._forms, self._dialect, backward=position.backward)
            limited = ordered.limit(bindparam(_ROWS, type_=Integer()))
            conditions = _conditions(self._terms(position))
            made = self._made[key] = [_restricted(limited, condition) for condition in conditions]
        return made

    def _terms(self, position: Position) -> Sequence[_Term]:
        terms: list[_Term] = []
        for at, (key, form, value) in enumerate(zip(self._keys, self._forms, position.values, strict=False)):
            directed = key.reversed() if position.backward else key
            given: ColumnElement[Any] = bindparam(_VALUE.format(at), type_=form.kind)
            bound = None if value is None else given
            if self._row is not None and isinstance(value, Beginning):
                # Where the row is gone, its beginning has to do.
                bound = func.coalesce(self._row.value(form), given, type_=form.kind)
            nulls = directed.nulls_in(self._dialect) if key.nullable or value is None else None
            terms.append(_Term(form.compared, bound, directed.descending, nulls))
        return terms

    def _values(self, row: Row[Any]) -> tuple[object, ...]:
        values = [form.dump(value) for form, value in zip(self._forms, row[-len(self._forms) :], strict=True)]
        if self._row is not None:
            longest = _LONGEST // len(values)
            for at, value in enumerate(values):
                if isinstance(value, str) and len(value) > longest and at not in self._row.keys:
                    values[at] = Beginning(value[:longest])
        return tuple(values)


class _Finder(NamedTuple):
    """Finds the row that a cursor was made of, for values that are too long to be in it.

    Attributes:
        entity: What is listed.
        keys: Which of the sort keys are the primary key.
        found: The conditions on them.
    """

    entity: Any
    keys: Sequence[int]
    found: Sequence[ColumnElement[bool]]

    def value(self, form: Stored) -> ScalarSelect[Any]:
        """Give the value that the row has now."""
        return select(form.compared).select_from(self.entity).where(*self.found).correlate(None).scalar_subquery()


def _finder(entity: Any, keys: Sequence[OrderKey], forms: Sequence[Stored]) -> _Finder | None:
    """Find a row by its primary key, if the order holds all of it."""
    primary = inspect(entity).mapper.primary_key
    places = [at for at, key in enumerate(keys) if any(key.element.compare(column) for column in primary)]
    if len(places) < len(primary):
        return None
    found = [forms[at].compared == bindparam(_VALUE.format(at), type_=forms[at].kind) for at in places]
    return _Finder(entity, places, found)


def _form_of(value: object) -> type:
    """Tell the values apart that are compared in different ways: none, the beginning of one, and whole ones."""
    return type(value) if value is None or isinstance(value, Beginning) else object


def _checked(statement: GenerativeSelect, keys: Sequence[OrderKey]) -> Select[Any]:
    if not is_select(statement) or window_of(statement) != (None, 0) or distinct_on(statement):
        raise TypeError(
            "pages by cursor cannot be cut from a union, nor from a statement with limit(), offset() or DISTINCT ON: "
            "select from it as a subquery"
        )
    if not keys or not keys[-1].unique:
        raise TypeError(
            "pages by cursor need an order in which no two rows are at one place: list the rows of a model, "
            "or name what is unique as Sort(…, tie_breaker=…)"
        )
    if is_distinct(statement) and entity_of(statement) is None:
        _refuse_hidden_keys(statement, keys)
    refuse_ungrouped_keys(statement, keys)
    return statement


def _refuse_hidden_keys(statement: Select[Any], keys: Sequence[OrderKey]) -> None:
    """Refuse keys that are not among distinct columns: read along with them, they would make equal rows several."""
    for key in keys:
        if any(statement.selected_columns.corresponding_column(each) is None for each in columns_in(key.element)):
            raise TypeError(
                f"pages by cursor of a distinct select need {key.name!r} among its columns: select it as well, or sort "
                "by what is selected, with Sort(…, tie_breaker=…) in place of the primary key"
            )


def _digest(keys: Sequence[OrderKey], forms: Sequence[Stored], dialect_name: str) -> bytes:
    """Mark the order, and with it the types of its values: a cursor from before a change of either is refused."""
    parts = zip(keys, forms, strict=True)
    return order_digest(
        (key.name, key.descending, key.nulls_in(dialect_name), type(form.kind).__name__) for key, form in parts
    )


def _ordered(
    statement: Select[Any], keys: Sequence[OrderKey], forms: Sequence[Stored], dialect_name: str, *, backward: bool
) -> Select[Any]:
    """Sort the statement in the direction of reading, and let it give the values of the keys after all else."""
    directed = [key.reversed() if backward else key for key in keys]
    values = [form.read.label(_LABEL.format(at)) for at, form in enumerate(forms)]
    # Read and not taken from the entity: a session may hold an entity as it was before, or without the attribute.
    return statement.add_columns(*values).order_by(None).order_by(*(key.order_by(dialect_name) for key in directed))


def _conditions(terms: Sequence[_Term]) -> Sequence[ColumnElement[bool] | None]:
    """Give the conditions whose rows, one after the other, are all that follow; None for no condition."""
    if not terms:
        return [None]
    first, rest = terms[0], terms[1:]
    if first.value is None:
        here = _after_equal(first.column.is_(None), rest)
        return [here] if first.nulls == "last" else [here, first.column.is_not(None)]
    here = _after_value(first, rest)
    return [here, first.column.is_(None)] if first.nulls == "last" else [here]


def _after(terms: Sequence[_Term]) -> ColumnElement[bool]:
    """Say what follows the values of all terms."""
    if not terms:
        return false()
    first, rest = terms[0], terms[1:]
    if first.value is None:
        equal = _after_equal(first.column.is_(None), rest)
        return equal if first.nulls == "last" else or_(first.column.is_not(None), equal)
    here = _after_value(first, rest)
    return or_(here, first.column.is_(None)) if first.nulls == "last" else here


def _after_value(first: _Term, rest: Sequence[_Term]) -> ColumnElement[bool]:
    column, value = first.column, first.value
    beyond = column < value if first.descending else column > value
    if not rest:
        return beyond
    # `a >= x AND (a > x OR …)` and not `a > x OR (a = x AND …)`: only the former is a range to every planner.
    return and_(column <= value if first.descending else column >= value, or_(beyond, _after(rest)))


def _after_equal(equal: ColumnElement[bool], rest: Sequence[_Term]) -> ColumnElement[bool]:
    return and_(equal, _after(rest))


def _restricted(statement: Select[Any], condition: ColumnElement[bool] | None) -> Select[Any]:
    if condition is None:
        return statement
    # After grouping both what rows are grouped by and what is made of a group can be compared.
    return statement.having(condition) if grouping_of(statement) else statement.where(condition)


def _without_keys(statement: Select[Any], rows: Sequence[Row[Any]], count: int, *, scalars: bool) -> Sequence[Any]:
    """Give the rows as the statement that was given would have."""
    if not rows:
        return []
    width = len(rows[0]) - count
    if scalars and width == 1:
        return [row[0] for row in rows]
    names = _names_of(rows[0])[:-count]
    if len(names) < width:  # an alias of an entity may have none
        names = [each["name"] or "" for each in statement.column_descriptions]
    kept: Result[Any] = IteratorResult(SimpleResultMetaData(names), (row[:width] for row in rows))
    return kept.all()
