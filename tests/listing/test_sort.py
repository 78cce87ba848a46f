"""What can be sorted by: what was offered, under its name, and completed so that no two rows are at one place."""

from itertools import count
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    func,
    literal_column,
    select,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    aliased,
    column_property,
    composite,
    mapped_column,
    relationship,
    synonym,
)

from brickwork.listing import Listing, Related, Sort, SortKey
from brickwork.listing.sqlalchemy.sort import OrderKey, check_terms


class Base(DeclarativeBase):
    """The base of the models of these tests."""


class Author(Base):
    """Has every kind of attribute."""

    __tablename__ = "authors"
    __table_args__ = (UniqueConstraint("code"), UniqueConstraint("first", "last"), Index("by_last", "last"))

    id: Mapped[int] = mapped_column(primary_key=True)
    first: Mapped[str] = mapped_column()
    last: Mapped[str] = mapped_column()
    born: Mapped[int | None]
    email: Mapped[str] = mapped_column(unique=True)
    phone: Mapped[str | None] = mapped_column(unique=True)
    code: Mapped[str]
    kind: Mapped[str]
    books: Mapped[list["Book"]] = relationship(back_populates="author")

    surname = synonym("last")
    whole: Mapped[str] = column_property(literal_column("first || last", String))
    pair = composite(lambda first, last: (first, last), first, last)

    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "author"}  # noqa: RUF012

    @hybrid_property
    def family(self) -> str:
        """The column itself."""
        return self.last

    @hybrid_property
    def initial(self) -> str:
        """An expression."""
        return self.first[:1]

    @initial.inplace.expression
    @classmethod
    def _initial(cls) -> Any:
        return func.substr(cls.first, 1, 1)


class Poet(Author):
    """An author in a table of its own."""

    __tablename__ = "poets"

    id: Mapped[int] = mapped_column(ForeignKey("authors.id"), primary_key=True)
    metre: Mapped[str]
    __mapper_args__ = {"polymorphic_identity": "poet"}  # noqa: RUF012


class Book(Base):
    """Has a key of two columns."""

    __tablename__ = "books"

    shelf: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column("no", primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))
    author: Mapped[Author] = relationship(back_populates="books")


def sql(keys: tuple[OrderKey, ...], dialect: str = "sqlite") -> list[str]:
    """Give the terms of ORDER BY."""
    return [str(key.order_by(dialect)) for key in keys]


def test_names_are_those_of_attributes() -> None:
    """Of columns, synonyms, hybrids and column properties; of anything else the name that it is given."""
    sort = Sort(
        Author.last,
        Author.surname,
        Author.whole,
        Author.family,
        Author.initial,
        SortKey(func.lower(Author.first), name="first"),
        func.length(Author.last).label("length"),
        SortKey(Author.born, name="age", nulls="last"),
        Related(Book.author, Author.last),
        "attribute.of.items",
    )

    assert sort.names == (
        *("last", "surname", "whole", "family", "initial", "first", "length", "age", "author__last"),
        "attribute.of.items",
    )


def test_terms_become_an_order() -> None:
    """A hyphen turns the direction; the terms come in the order of the client."""
    sort = Sort(Author.last, Author.born, SortKey(func.lower(Author.first), name="first"))

    keys = sort.order(["-first", "born"], Author)

    assert sql(keys) == ["lower(authors.first) DESC", "authors.born ASC", "authors.id ASC"]
    assert [key.name for key in keys] == ["first", "born", "id"]


def test_the_default_stands_where_the_client_names_nothing() -> None:
    """As one term, several, or several in one text; without one it is the primary key alone."""
    for default in ("-last,born", ["-last", "born"], ("-last", "born")):
        sort = Sort(Author.last, Author.born, default=default)

        assert sort.default == ("-last", "born")
        assert sql(sort.order((), Author)) == ["authors.last DESC", "authors.born ASC", "authors.id ASC"]
    assert sql(Sort().order((), Author)) == ["authors.id ASC"]


@pytest.mark.promise("listing-23")
def test_the_primary_key_completes_an_order() -> None:
    """Each column of it that is not there yet, in the direction of the last term, which one index then serves."""
    sort = Sort(Book.author_id, Book.shelf, Book.number)

    assert sql(sort.order(["-author_id"], Book)) == ["books.author_id DESC", "books.shelf DESC", "books.no DESC"]
    assert sql(sort.order(["-shelf"], Book)) == ["books.shelf DESC", "books.no DESC"]
    assert sql(sort.order(["number", "-shelf"], Book)) == ["books.no ASC", "books.shelf DESC"]
    assert [key.unique for key in sort.order(["author_id"], Book)] == [False, False, True]


@pytest.mark.promise("listing-23")
@pytest.mark.parametrize(
    ("term", "names"),
    [
        ("id", ["id"]),
        ("email", ["email"]),
        ("code", ["code"]),
        ("phone", ["phone", "id"]),
        ("last", ["last", "id"]),
        ("family", ["family", "id"]),
        ("whole", ["whole", "id"]),
        ("initial", ["initial", "id"]),
    ],
)
def test_what_is_unique_already_needs_no_more(term: str, names: list[str]) -> None:
    """A unique column that is never NULL ends an order; one that can be NULL does not."""
    sort = Sort(
        *(getattr(Author, name) for name in ("id", "email", "code", "phone", "last", "family", "whole", "initial"))
    )

    keys = sort.order([term], Author)

    assert [key.name for key in keys] == names
    assert keys[-1].unique


def test_inherited_tables_have_one_key() -> None:
    """The attribute that is the key of both tables, once; a base may lack the columns of a subclass."""
    assert sql(Sort(Poet.metre).order(["metre"], Poet)) == ["poets.metre ASC", "poets.id ASC"]
    assert sql(Sort(Poet.id).order(["id"], Poet)) == ["poets.id ASC"]
    assert [key.nullable for key in Sort(Poet.metre).order(["metre"], Author)] == [True, False]
    assert [key.nullable for key in Sort(Author.last).order(["last"], Poet)] == [False, False]


def test_an_alias_is_completed_by_its_own_key() -> None:
    """Not by that of the table it stands for."""
    other = aliased(Author, name="other")

    assert sql(Sort(other.last).order(["last"], other)) == ["other.last ASC", "other.id ASC"]


def test_a_tie_breaker_of_ones_own_completes_an_order() -> None:
    """For statements without an entity and for items; what the client sorts by is not repeated."""
    table = Table("t", MetaData(), Column("a", Integer, nullable=False), Column("b", String))
    sort = Sort(table.c.a, table.c.b, tie_breaker=[table.c.a, SortKey(table.c.b, nulls="last")])

    assert sql(sort.order(["-b"])) == ["t.b DESC", "t.a DESC"]
    assert [key.name for key in Sort("price", tie_breaker="id").order(["-price"])] == ["price", "id"]
    assert not Sort("price").order(["price"])[-1].unique


@pytest.mark.promise("listing-36")
@pytest.mark.parametrize(
    ("term", "nulls", "sqlite", "postgresql", "unknown"),
    [
        ("born", None, "ASC", "ASC", "ASC"),
        ("-born", None, "DESC", "DESC", "DESC"),
        ("born", "first", "ASC", "ASC NULLS FIRST", "ASC NULLS FIRST"),
        ("born", "last", "ASC NULLS LAST", "ASC", "ASC NULLS LAST"),
        ("-born", "first", "DESC NULLS FIRST", "DESC", "DESC NULLS FIRST"),
        ("-born", "last", "DESC", "DESC NULLS LAST", "DESC NULLS LAST"),
    ],
)
def test_the_place_of_null_is_named_only_where_it_differs(
    term: str, nulls: Any, sqlite: str, postgresql: str, unknown: str
) -> None:
    """So that an index that was made without words about NULL serves; an unknown database is told always."""
    key = Sort(SortKey(Author.born, nulls=nulls)).order([term], Author)[0]

    for dialect, expected in (("sqlite", sqlite), ("postgresql", postgresql), ("", unknown)):
        assert str(key.order_by(dialect)) == f"authors.born {expected}"
    for dialect in ("sqlite", "postgresql"):
        assert {key.nulls_in(dialect), key.reversed().nulls_in(dialect)} == {"first", "last"}


def test_what_is_never_null_needs_no_words_about_it() -> None:
    """Neither a column that cannot be NULL nor a key that is said not to be."""
    sort = Sort(SortKey(Author.last, nulls="last"), SortKey(Author.born, nulls="last", nullable=False))

    assert sql(sort.order(["last", "-born"], Author)) == ["authors.last ASC", "authors.born DESC", "authors.id DESC"]


@pytest.mark.promise("listing-35")
@pytest.mark.parametrize(
    "sort",
    [
        Sort(Book.number, Author.last),
        Sort(SortKey(func.lower(Author.last), name="author")),
        Sort(Book.number, tie_breaker=Author.id),
        Sort(SortKey(aliased(Author).last, name="author")),
    ],
    ids=["column", "expression", "tie-breaker", "alias"],
)
def test_columns_of_other_tables_are_refused_when_the_listing_is_written(sort: Sort) -> None:
    """No request has to find out that a table is missing; the error names both ways to sort by it."""
    with pytest.raises(TypeError, match=r"cannot sort Book by .*SortKey\(Related\(Book\.….*SortKey\(…, nullable=…\)"):
        Listing(model=Book, sort=sort)


def test_columns_of_other_tables_may_be_joined() -> None:
    """Where the model has the column, the listing has none, or a key says what the join makes of it, it is allowed."""
    joined = SortKey(Author.last, nullable=False)
    related = SortKey(Related(Book.author, Author.last))

    for model, sort in (
        (Book, Sort(Book.number, joined, related, "title")),
        (Author, Sort(Poet.metre, Author.born)),
        (aliased(Author), Sort(Author.last)),
        (None, Sort(Author.last)),
    ):
        Listing(model=model, sort=sort)


@pytest.mark.promise("listing-35")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Sort(Author.books), "'books' is a relationship"),
        (lambda: Sort(Author.pair), "cannot be sorted by"),
        (lambda: Sort(SortKey(Author, name="author")), "cannot be sorted by"),  # type: ignore[arg-type]
        (lambda: Sort(func.lower(Author.last)), "SortKey"),
        (lambda: Sort(select(Author.id).scalar_subquery()), "name='…'"),
        (lambda: Sort(Author.last == "x"), "name='…'"),
        (lambda: Sort(Related(Author.books, Book.number)), "'books' leads to many rows"),
        (lambda: Sort(Related(Book.number, Author.last)), "'number' leads to many rows, or to none"),
        (lambda: Sort("__class__"), "cannot be a name"),
        (lambda: Sort("a.__class__"), "cannot be a name"),
        (lambda: Sort("_private"), "cannot be a name"),
        (lambda: Sort(""), "cannot be a name"),
        (lambda: Sort(SortKey(Author.last, name="-last")), "cannot be a name"),
        (lambda: Sort(SortKey(Author.last, name="a,b")), "cannot be a name"),
        (lambda: Sort(SortKey(Author.last, nulls="middle")), 'must be "first", "last" or None'),  # type: ignore[arg-type]
        (lambda: Sort(Author.last, Author.last), "two sort keys have one name"),
        (lambda: Sort(Author.last, default="first"), "'first' is not among the names"),
        (lambda: Sort(Author.last, default="--last"), "'--last' is not among the names"),
        (lambda: Sort(Author.last, default="last,-last"), "name last once"),
    ],
    ids=count(),
)
def test_what_cannot_be_sorted_by_is_refused_at_once(make: Any, message: str) -> None:
    """Relationships, private names, expressions without a name: when they are written down, with advice."""
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_models_may_be_incomplete_yet() -> None:
    """A sort may be written before the models that its own lead to."""

    class Early(Base):
        __tablename__ = "early"

        id: Mapped[int] = mapped_column(primary_key=True)
        late_id: Mapped[int] = mapped_column(ForeignKey("late.id"))
        late: Mapped["Late"] = relationship()

    sort = Sort(Early.late_id, Related(Early.late, Author.last))
    with pytest.raises(TypeError, match="'late' is a relationship"):
        Sort(Early.late)

    class Late(Base):
        __tablename__ = "late"

        id: Mapped[int] = mapped_column(primary_key=True)
        last: Mapped[str]

    assert "late_1.last" in sql(sort.order(["late__last"], Early))[0]


@pytest.mark.promise("listing-35")
@pytest.mark.parametrize("term", ["email", "books", "__class__", "metadata", "--last", "+last", "", "last; DROP TABLE"])
def test_terms_beyond_the_list_are_refused(term: str) -> None:
    """Attributes of the model that were not offered, and what is no name at all."""
    with pytest.raises(ValueError, match="is not among the names to sort by: last"):
        Sort(Author.last).order([term], Author)


@pytest.mark.promise("listing-35")
@pytest.mark.parametrize("terms", [["last", "last"], ["last", "-last"], ["a", "b", "-a"]])
def test_a_field_named_twice_is_refused(terms: list[str]) -> None:
    """Whatever the directions."""
    with pytest.raises(ValueError, match="once"):
        check_terms(terms)
    assert check_terms(["a", "-b"]) == ["a", "-b"]


def test_values_are_read_from_items_too() -> None:
    """By attribute or key, along relations, by a function; SQL alone cannot be read, and says what to write."""
    author = Author(id=1, last="Lovelace")
    book = Book(author=author)
    keys = {
        key.name: key.read
        for key in Sort(
            Author.last,
            SortKey(Related(Book.author, Author.last), name="by"),
            "author.id",
            SortKey(func.lower(Author.last), name="lower", python=lambda item: item.last.lower()),
            SortKey(func.upper(Author.last), name="upper"),
        ).order(["last", "by", "author.id", "lower", "upper"])
    }

    assert keys["last"](author) == keys["last"]({"last": "Lovelace"}) == "Lovelace"
    assert (keys["by"](book), keys["author.id"](book)) == ("Lovelace", 1)
    assert keys["by"](Book(author=None)) is None
    assert keys["last"]({}) is None
    assert keys["lower"](author) == "lovelace"
    with pytest.raises(TypeError, match="python="):
        keys["upper"](author)
