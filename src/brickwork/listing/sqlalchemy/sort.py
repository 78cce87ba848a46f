"""What clients may sort by: names that stand for expressions, and the order that becomes of them."""

import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, cast

from pydantic_core import PydanticCustomError
from sqlalchemy import ColumnElement, UnaryExpression, inspect
from sqlalchemy.orm import Mapper

from .._rules.order import Nulls
from .expressions import (
    SortExpression,
    can_be_null,
    check_steps,
    columns_of,
    element_of,
    is_unique,
    model_of,
    name_of,
    reader_of,
)
from .joins import column_beside
from .related import Related
from .targets import mapper_of

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)*")
_LARGEST: Final = frozenset({"postgresql", "oracle"})


@dataclass(frozen=True, slots=True, eq=False)
class OrderKey:
    """One term of an order, of a statement or of items in Python.

    Attributes:
        name: What clients call it.
        expression: What a database sorts by; None for items in Python alone.
        read: Gives the value of an item in Python.
        descending: Whether the highest value comes first.
        nulls: Where NULL goes, whichever way the key runs; None for where the database puts it.
        nullable: Whether there can be NULLs.
        unique: Whether no two rows share this key and those before it.
    """

    name: str
    expression: ColumnElement[Any] | None
    read: Callable[[object], object]
    descending: bool = False
    nulls: Nulls | None = None
    nullable: bool = True
    unique: bool = False

    @property
    def element(self) -> ColumnElement[Any]:
        """What a database sorts by.

        Raises:
            TypeError: The key is for items in Python alone.
        """
        if self.expression is None:
            raise TypeError(
                f"{self.name!r} is an attribute of items in Python: give Sort a column to sort statements by"
            )
        return self.expression

    def nulls_in(self, dialect: str) -> Nulls:
        """Tell where NULL goes in a database: there it counts as the largest value, or as the smallest."""
        return self.nulls or self._nulls_left_to(dialect)

    def order_by(self, dialect: str) -> UnaryExpression[Any]:
        """Give the term for ORDER BY; the place of NULL is named only where the database would choose another.

        Args:
            dialect: Name of the database's dialect; empty where it is not known.

        Raises:
            TypeError: The key is for items in Python alone.
        """
        term = self.element.desc() if self.descending else self.element.asc()
        # An index is of use only where the words are those that it was made with, which most are made without.
        if not self.nullable or self.nulls is None or (dialect and self.nulls == self._nulls_left_to(dialect)):
            return term
        return term.nulls_first() if self.nulls == "first" else term.nulls_last()

    def _nulls_left_to(self, dialect: str) -> Nulls:
        return "last" if (dialect in _LARGEST) != self.descending else "first"

    def reversed(self) -> "OrderKey":
        """Give the same key running the other way."""
        opposite: dict[Nulls | None, Nulls | None] = {"first": "last", "last": "first", None: None}
        return replace(self, descending=not self.descending, nulls=opposite[self.nulls])


@dataclass(frozen=True, slots=True, eq=False)
class SortKey:
    """Something to sort by that is more than a column.

    ```python
    from sqlalchemy import Column, Integer, MetaData, String, Table, func

    from brickwork.listing import SortKey

    products = Table("products", MetaData(), Column("id", Integer, primary_key=True), Column("name", String))
    by_name = SortKey(func.lower(products.c.name), name="name", nulls="last")
    ```

    Args:
        expression: A column, any SQL expression, a column of the one row that is `Related`, or the name of an attribute
            of items in Python.
        name: What clients call it; a column has a name already, and that of `Related(Book.author, Author.name)` is
            ``author__name``.
        nulls: Put NULLs first or last, whichever way the key runs and whatever the database; by default it is the
            database that places them (PostgreSQL as the largest value, SQLite and items in Python as the smallest).
        nullable: Whether there can be NULLs, where the columns do not tell. To be said of a column of another table
            than the listing's model, which each statement has to join.
        python: Gives the value of an item in Python, where there is an expression that Python cannot read.

    Raises:
        TypeError: It is no column or expression, or an expression without a name.
        ValueError: The name or the place of NULLs cannot be.
    """

    expression: SortExpression
    name: str = ""
    nulls: Nulls | None = None
    nullable: bool | None = None
    python: Callable[[Any], object] | None = None

    def __post_init__(self) -> None:
        name = self.name or name_of(self.expression)
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} cannot be a name to sort by: use letters, digits and _, and begin with a letter"
            )
        if self.nulls not in ("first", "last", None):
            raise ValueError(f'nulls={self.nulls!r} must be "first", "last" or None')
        object.__setattr__(self, "name", name)
        if isinstance(self.expression, Related):
            check_steps(self.expression)
        else:
            element_of(self.expression)

    def order(self, model: "Mapper[Any] | None") -> OrderKey:
        """Give the key as a term of an order of a model's rows, running upwards."""
        return OrderKey(
            name=self.name,
            expression=element_of(self.expression),
            read=self.python or reader_of(self.expression),
            nulls=self.nulls,
            nullable=can_be_null(self.expression, model) if self.nullable is None else self.nullable,
        )


class Sort:
    """What clients may sort by, and no more; nothing where no keys are given.

    ```python
    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

    from brickwork.listing import Sort

    class Base(DeclarativeBase): ...

    class Product(Base):
        __tablename__ = "products"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]
        price: Mapped[int]

    sort = Sort(Product.name, Product.price, default="-price")
    ```

    Every order ends with the primary key, running as the term before it does, so that no two rows are at one place.

    Args:
        *keys: Columns by the names of their attributes, `SortKey` for more; names of attributes for items in Python.
            Without any, the tie-breaker alone is the order, and clients have no say.
        default: Terms to sort by where the client names none, such as ``"-created_at"`` or ``["status", "-price"]``.
        tie_breaker: What no two rows share, for statements that select no entity, and for items in Python.

    Raises:
        TypeError: A key is no column or expression, or an expression without a name.
        ValueError: Two keys have one name, or the default names none of them.
    """

    def __init__(
        self,
        *keys: SortExpression | SortKey,
        default: str | Sequence[str] = (),
        tie_breaker: SortExpression | SortKey | Sequence[SortExpression | SortKey] = (),
    ) -> None:
        self._keys = {key.name: key for key in map(_as_key, keys)}
        if len(self._keys) != len(keys):
            raise ValueError("two sort keys have one name: give one of them another, as SortKey(…, name=…)")
        breakers = tie_breaker if isinstance(tie_breaker, list | tuple) else (tie_breaker,)
        self._tie_breaker = tuple(map(_as_key, cast("Sequence[SortExpression | SortKey]", breakers)))
        self.default: tuple[str, ...] = tuple(default.split(",")) if isinstance(default, str) else tuple(default)
        unknown = [term for term in self.default if term.removeprefix("-") not in self._keys]
        if unknown:
            raise ValueError(f"default={unknown[0]!r} is not among the names to sort by: {', '.join(self._keys)}")
        check_terms(self.default)
        # Terms come from clients: the choices are finite, but many.
        self._orders = lru_cache(maxsize=256)(self._order)

    @property
    def names(self) -> tuple[str, ...]:
        """The names that clients may use, each also with ``-`` before it."""
        return tuple(self._keys)

    def order(self, terms: Sequence[str] = (), model: type[Any] | None = None) -> tuple[OrderKey, ...]:
        """Give the order that terms name, completed so that no two rows are at one place where that can be known.

        Args:
            terms: Names to sort by, with ``-`` before those that run downwards; the default where there are none.
            model: The entity whose rows are sorted, which gives the tie-breaker.

        Raises:
            ValueError: A term is none of the names.
        """
        return self._orders(tuple(terms) or self.default, cast("Hashable", model))

    def walked_model(self, *, filtered: bool) -> type[Any] | None:
        """Give the model whose rows pages by cursor walk through, where nothing but the sort tells.

        Args:
            filtered: Whether filters need it too, which a tie-breaker does not replace.

        Returns:
            The one model whose attributes are sorted by; None where there need be none, or for items in Python.

        Raises:
            TypeError: What is sorted by is SQL, and of no model or of several.
        """
        keys = (*self._keys.values(), *self._tie_breaker)
        expressions = [key.expression for key in keys if not isinstance(key.expression, str)]
        if not expressions or (self._tie_breaker and not filtered):
            return None
        models = {model for model in map(model_of, expressions) if model is not None}
        if len(models) != 1:
            raise TypeError(
                "pages by cursor need to know whose rows they are, which the keys to sort by do not tell: write "
                "Listing(…, model=Product), or where there are no filters name what no two rows share as "
                "Sort(…, tie_breaker=…)"
            )
        return models.pop()

    def refuse_other_tables(self, model: type[Any]) -> None:
        """Refuse columns that are not of a model, unless they say what a join makes of them.

        Raises:
            TypeError: A column is of another table.
        """
        mapper = mapper_of(model).mapper  # an alias has one as well
        tables = {table for each in mapper.self_and_descendants for table in each.tables}
        for key in (*self._keys.values(), *self._tie_breaker):
            element = None if isinstance(key.expression, Related) else element_of(key.expression)
            column = None if element is None else column_beside(tables, element)
            if column is not None and key.nullable is None:
                name = mapper.class_.__name__
                raise TypeError(
                    f"cannot sort {name} by {column}, which is of another table: follow a relation to it, "
                    f"SortKey(Related({name}.…, …)), or write SortKey(…, nullable=…) for statements that join its table"
                )

    def _order(self, terms: tuple[str, ...], model: type[Any] | None) -> tuple[OrderKey, ...]:
        mapper = None if model is None else cast("Mapper[Any]", cast("Any", inspect(model)).mapper)
        keys, orders = list[SortKey](), list[OrderKey]()
        for term in terms:
            key = self._keys.get(term.removeprefix("-"))
            if key is None:
                raise ValueError(f"{term!r} is not among the names to sort by: {', '.join(self._keys)}")
            keys.append(key)
            orders.append(replace(key.order(mapper), descending=term.startswith("-")))
        down = bool(orders) and orders[-1].descending
        for key in self._missing(keys, model, mapper):
            orders.append(replace(key.order(mapper), descending=down))
        if orders and (mapper is not None or self._tie_breaker):
            orders[-1] = replace(orders[-1], unique=True)
        return tuple(orders)

    def _missing(
        self, keys: Sequence[SortKey], model: type[Any] | None, mapper: Mapper[Any] | None
    ) -> Sequence[SortKey]:
        """Find what an order lacks so that no two rows are at one place."""
        if self._tie_breaker or mapper is None:
            return [key for key in self._tie_breaker if key.name not in {each.name for each in keys}]
        used = [column for key in keys for column in columns_of(key.expression, mapper)]
        if any(is_unique(column) for column in used):
            return []
        lacking = [column for column in mapper.primary_key if column not in used]
        return [SortKey(getattr(model, mapper.get_property_by_column(column).key)) for column in lacking]


def check_terms(terms: Sequence[str]) -> Sequence[str]:
    """Refuse terms of which two name the same field.

    Raises:
        ValueError: A field is named twice.
    """
    names = [term.removeprefix("-") for term in terms]
    for at, name in enumerate(names):
        if name in names[:at]:
            raise PydanticCustomError("named_twice", "Input should name {field} once", {"field": name})
    return terms


def _as_key(key: SortExpression | SortKey) -> SortKey:
    return key if isinstance(key, SortKey) else SortKey(key)
