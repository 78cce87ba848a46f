"""Attributes that say themselves how they are compared are compared so, in filters of every kind."""

from typing import Annotated, Any, cast

import pytest
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.hybrid import Comparator, hybrid_property
from sqlalchemy.orm import ColumnProperty, DeclarativeBase, Mapped, Session, column_property
from sqlalchemy.sql.operators import OperatorType

from brickwork.listing import Contains, Eq, FilterSet, Search
from tests.listing.models import Product


class Folded(Comparator[str]):
    """Text whose case does not count, whatever is asked of it."""

    def operate(self, op: OperatorType, *other: Any, **kwargs: Any) -> ColumnElement[Any]:
        """Compare in lower case."""
        element = func.lower(cast("Any", self.__clause_element__()))
        return cast("ColumnElement[Any]", op(element, *map(func.lower, other), **kwargs))


class Reversed(ColumnProperty.Comparator[int]):
    """A number that equals its negative."""

    def __eq__(self, other: object) -> ColumnElement[bool]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return func.abs(self.__clause_element__()) == func.abs(other)

    __hash__ = ColumnProperty.Comparator.__hash__


class Base(DeclarativeBase):
    """Another view of the catalogue."""


class Label(Base):
    """What stands on a product."""

    __table__ = Product.__table__

    id: Mapped[int]
    name: Mapped[str]
    rank: Mapped[int | None] = column_property(Product.__table__.c.rank, comparator_factory=Reversed)

    @hybrid_property
    def title(self) -> str:
        """The name, upper case or not."""
        return self.name

    @title.inplace.comparator
    @classmethod
    def _title(cls) -> Folded:
        return Folded(cls.__table__.c.name)

    @hybrid_property
    def plain(self) -> str:
        """The name as it is written."""
        return self.name


class LabelFilter(FilterSet, model=Label):
    """One of each operator."""

    title: str | None = None
    title__ne: str | None = None
    title__gt: str | None = None
    title__in: list[str] | None = None
    title__not_in: list[str] | None = None
    title__between: list[str] | None = None
    title__isnull: bool | None = None
    title__contains: str | None = None
    title__startswith: str | None = None
    title__iexact: str | None = None
    marked: Annotated[str | None, Eq(Label.title)] = None
    part: Annotated[str | None, Contains(Label.title)] = None
    q: Annotated[str | None, Search(Label.title)] = None
    plain: str | None = None
    rank: int | None = None
    rank__ne: int | None = None
    rank__in: list[int] | None = None
    rank__gt: int | None = None


QUESTIONS: list[tuple[dict[str, object], list[int]]] = [
    ({"title": "BRICK"}, [1, 2]),
    ({"title__ne": "BRICK"}, [3]),
    ({"title__gt": "Brick"}, [3]),
    ({"title__in": ["BRICK", "x"]}, [1, 2]),
    ({"title__in": []}, []),
    ({"title__not_in": ["BRICK"]}, [3]),
    ({"title__not_in": []}, [1, 2, 3]),
    ({"title__between": ["A", "BRICK"]}, [1, 2]),
    ({"title__isnull": True}, []),
    ({"title__contains": "RIC"}, [1, 2]),
    ({"title__contains": "%"}, [3]),
    ({"title__contains": ""}, [1, 2, 3]),
    ({"title__startswith": "TI"}, [3]),
    ({"title__iexact": "bRiCk"}, [1, 2]),
    ({"marked": "BRICK"}, [1, 2]),
    ({"part": "RIC"}, [1, 2]),
    ({"q": "RIC"}, [1, 2]),
    ({"plain": "Brick"}, [1]),
    ({"rank": 2}, [1, 2]),
    ({"rank__ne": 2}, [3]),
    ({"rank__in": [2, 7]}, [1, 2]),
    ({"rank__gt": 0}, [1]),
]


@pytest.mark.promise("listing-2")
def test_comparators_are_asked(sync_session: Session) -> None:
    """What a hybrid or a column of the model takes for equal is equal, and the opposite of that is `ne`."""
    names = [("Brick", 2), ("brick", -2), ("Tile 5%", None)]
    sync_session.add_all(Product(id=at, name=name, rank=rank) for at, (name, rank) in enumerate(names, start=1))
    sync_session.flush()

    answers = [
        list(sync_session.scalars(LabelFilter.model_validate(asked).apply(select(Label.id)).order_by(Label.id)))
        for asked, _ in QUESTIONS
    ]

    assert answers == [ids for _, ids in QUESTIONS]


def test_text_of_a_comparator_that_knows_none(sync_session: Session) -> None:
    """A comparator that says nothing of text leaves it to us, who tell upper and lower case apart everywhere."""

    class Exact(Comparator[str]):
        pass

    class Other(DeclarativeBase):
        pass

    class Named(Other):
        __table__ = Product.__table__

        name: Mapped[str]

        @hybrid_property
        def title(self) -> str:
            return self.name

        @title.inplace.comparator
        @classmethod
        def _title(cls) -> Exact:
            return Exact(cls.__table__.c.name)

    class NamedFilter(FilterSet, model=Named):
        title__contains: str | None = None

    sync_session.add_all([Product(id=1, name="Brick"), Product(id=2, name="brick")])
    sync_session.flush()

    statement = NamedFilter(title__contains="Bri").apply(select(Named.__table__.c.id))

    assert list(sync_session.scalars(statement)) == [1]
