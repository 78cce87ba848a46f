"""What is wrong in a filter is refused when its class is written, with what to write instead."""

import gc
import re
from decimal import Decimal
from typing import Annotated, Any, Literal, cast
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, create_model, field_validator
from sqlalchemy import ARRAY, ForeignKey, Integer, Numeric, String, Uuid, func, select, union
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import DeclarativeBase, Mapped, aliased, configure_mappers, mapped_column, relationship, synonym
from sqlalchemy.types import Enum, Time, TypeDecorator

from brickwork.listing import Between, Eq, FilterSet, FullText, Gte, In, Lte, Related, Search
from tests.listing.models import Category, Product, Status


def define(model: type | None, /, **fields: Any) -> Any:
    """Write a class of filters."""
    definitions: dict[str, Any] = {name: (annotation, None) for name, annotation in fields.items()}
    keywords = {} if model is None else {"model": model}
    return create_model("Filter", __base__=FilterSet, __cls_kwargs__=keywords, **definitions)


class Cents(TypeDecorator[Decimal]):
    """Money as a whole number of cents."""

    impl = Integer
    cache_ok = True


class OddBase(DeclarativeBase):
    """Tables that are never created."""


class Host(TypeDecorator[str]):
    """An address of the network."""

    impl = INET
    cache_ok = True


class Folding(String.Comparator[str]):
    """Compares text whatever the case."""

    def __eq__(self, other: object) -> Any:
        return func.lower(self.expr) == func.lower(other)

    __hash__ = String.Comparator.__hash__


class Email(TypeDecorator[str]):
    """Text that is equal whatever the case."""

    impl = String
    cache_ok = True
    comparator_factory = Folding  # pyright: ignore[reportAssignmentType]


class Odd(OddBase):
    """A table of unusual columns."""

    __tablename__ = "odd"

    key: Mapped[int] = mapped_column(primary_key=True)
    double__under: Mapped[str] = mapped_column(String(10))
    tags: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    address: Mapped[str] = mapped_column(INET)
    host: Mapped[str] = mapped_column(Host)
    code: Mapped[str] = mapped_column(Uuid(as_uuid=False))
    closes: Mapped[Any] = mapped_column(Time(timezone=True))
    grade: Mapped[str] = mapped_column(Enum("a", "b", name="grade"))
    cents: Mapped[Any] = mapped_column(Cents)
    email: Mapped[str] = mapped_column(Email)
    ratio: Mapped[float] = mapped_column(Numeric(10, 2, asdecimal=False))
    total: Mapped[Decimal] = mapped_column(Numeric)
    json: Mapped[str] = mapped_column(String(10))
    alias: Mapped[str] = synonym("double__under")
    owner_id: Mapped[int] = mapped_column(ForeignKey("odd.key"))
    owner: Mapped["Odd"] = relationship(remote_side=[key])

    @hybrid_property
    def twice(self) -> int:
        """A value that is computed."""
        return self.key * 2


WRONG: list[tuple[type, dict[str, Any], type[Exception], str]] = [
    (Product, {"prize__gte": int | None}, ValueError, "Product has no attribute 'prize'; it has active, attributes,"),
    (Product, {"stock__foo": int | None}, ValueError, "'foo' is no operator"),
    (Product, {"stock__foo__gte": int | None}, ValueError, "plain column with nothing behind it"),
    (Product, {"metadata": str | None}, ValueError, "has no attribute 'metadata'"),
    (Product, {"stock__contains": str | None}, TypeError, "contains compares text, and this column holds integer"),
    (Product, {"status__gt": Status | None}, TypeError, "gt needs an order"),
    (Product, {"active__between": list[bool] | None}, TypeError, "between needs an order"),
    (Product, {"status__in": Status | None}, TypeError, r"in takes many; annotate it list\[\.\.\.\]"),
    (Product, {"stock": list[int] | None}, TypeError, "eq takes one; annotate it one type"),
    (Product, {"stock__in": list | None}, TypeError, "the field is annotated Any; annotate it int"),
    (Product, {"stock__between": set[int] | None}, TypeError, "a lower and an upper bound"),
    (Product, {"stock__isnull": str | None}, TypeError, "isnull takes true or false; annotate it bool"),
    (Product, {"stock": str | None}, TypeError, "the column holds int, and the field is annotated str"),
    (Product, {"stock": bool | None}, TypeError, "annotated bool"),
    (Product, {"stock": Any}, TypeError, "annotated Any"),
    (Product, {"price": float | None}, TypeError, "the column holds Decimal or int, and the field is annotated float"),
    (Product, {"released_on": "datetime | None"}, TypeError, "below what its annotations name"),
    (Product, {"status": str | None}, TypeError, "the column holds Status"),
    (Product, {"picture": bytes | None}, TypeError, "only isnull asks about it"),
    (Product, {"attributes": dict[str, int] | None}, TypeError, "only isnull|JSON holds"),
    (Product, {"attributes__color": UUID | None}, TypeError, "JSON holds str, int, float, Decimal or bool, not UUID"),
    (Product, {"attributes__in": list[str] | None}, ValueError, "for a key of that name write attributes__in__eq"),
    (Product, {"category": int | None}, TypeError, "is a relationship; name a column behind it"),
    (
        Product,
        {"category__slug": Annotated[str | None, Eq(cast("str", object()))]},
        TypeError,
        "a filter compares an attribute",
    ),
    (Product, {"wrong": Annotated[str | None, Eq(Product.stock)]}, TypeError, "wrong: the column holds int"),
    (Odd, {"tags": int | None}, TypeError, "use Where"),
    (Odd, {"address": str | None}, TypeError, "use Where"),
    (Odd, {"host": str | None}, TypeError, "use Where"),
    (Odd, {"code": UUID | None}, TypeError, "use Where"),
    (Odd, {"closes": str | None}, TypeError, "use Where"),
    (Odd, {"alias": str | None}, TypeError, "Odd.alias is no column"),
    (Product, {"x": Annotated[str | None, Eq("attributes.it's")]}, ValueError, "cannot be a key"),
    (Product, {"attributes____isnull": bool | None}, ValueError, "cannot be a key"),
    (int, {"x": str | None}, TypeError, "no model of SQLAlchemy's ORM"),
]


@pytest.mark.promise("listing-13")
@pytest.mark.parametrize(("model", "fields", "error", "reason"), WRONG, ids=lambda each: str(each)[:50])
def test_refused_classes(model: type, fields: dict[str, Any], error: type[Exception], reason: str) -> None:
    """An unknown column or operator, or an annotation that does not fit, is refused when the class is written."""
    with pytest.raises(error, match=reason):
        define(model, **fields)


@pytest.mark.promise("listing-13")
@pytest.mark.parametrize("name", ["apply", "matches", "json", "model_fields"])
def test_hidden_names(name: str) -> None:
    """A field that would hide a method is refused, and told how to keep the parameter's name."""
    with pytest.raises(ValueError, match=f"would hide {name} of FilterSet"):
        define(Odd, **{name: str | None})


def test_markers_refuse_nonsense() -> None:
    """A list must have room for a value."""
    with pytest.raises(ValueError, match="at least 1"):
        In(Product.stock, max_values=0)


def test_related_must_fit() -> None:
    """Where the models are complete already, a path that leaves its relation is refused with the class."""
    configure_mappers()

    with pytest.raises(TypeError, match="leads to Category, which has no"):
        define(Product, x=Annotated[str | None, Eq(Related(Product.category, Product.name))])


class OddFilter(FilterSet, model=Odd):
    """Filters of columns that few models have."""

    double__under: str | None = None
    double__under__in: list[str] | None = None
    twice__gt: int | None = None
    grade: str | None = None
    cents: str | None = None
    ratio: float | None = None
    total: Decimal | None = None
    text: Annotated[str | None, Eq(Odd.json)] = Field(default=None, alias="json")
    length: Annotated[int | None, Gte(func.length(Odd.json))] = None
    unknown: Annotated[int | None, Gte(func.whatever(Odd.json))] = None
    renamed: Annotated[list[int] | None, Between("owner.key")] = None
    hybrid: Annotated[int | None, Lte(Odd.twice)] = None


def test_unusual_columns() -> None:
    """Names with `__`, hybrids, decorated types, text enums and expressions are filtered too."""
    filters = OddFilter.model_validate(
        {
            "double__under": "a",
            "double__under__in": "a,b",
            "twice__gt": "2",
            "grade": "a",
            "cents": "3 EUR",
            "json": "x",
            "length": "1",
            "unknown": "1",
            "renamed": "1,2",
            "hybrid": "4",
        }
    )
    sql = re.sub(r"\s+", " ", str(filters.apply(select(Odd.key))))

    for each in ("double__under = ", "double__under IN", "odd.key * ", "grade =", "whatever("):
        assert each in sql
    with pytest.raises(ValueError, match="one of: a, b"):
        OddFilter(grade="c")
    with pytest.raises(ValueError, match="at most 1000 digits"):
        OddFilter(total=Decimal("1e1001"))
    with pytest.raises(TypeError, match="has no counterpart in Python"):
        OddFilter(length=1).matches(Odd(json="x"))
    assert OddFilter(json="x").matches(Odd(json="x"))
    assert OddFilter(hybrid=4).matches(Odd(key=2))


@pytest.mark.promise("listing-2")
def test_a_type_that_compares_in_its_own_way() -> None:
    """What a column type of the application takes for equal is equal, and the opposite of that is `ne`."""
    given = define(Odd, email=str | None, email__ne=str | None)(email="Ada", email__ne="Bob")

    sql = re.sub(r"\s+", " ", str(given.apply(select(Odd.key))))

    assert "lower(odd.email) = lower(:" in sql
    assert "lower(odd.email) != lower(:lower_2) OR odd.email IS NULL" in sql


@pytest.mark.promise("listing-14")
def test_validators_of_ones_own() -> None:
    """Validators on the class still run: before ours with the text, and after ours with the value."""

    class PriceFilter(FilterSet, model=Product):
        price__gte: Decimal | None = None

        @field_validator("price__gte", mode="before")
        @classmethod
        def without_sign(cls, text: str) -> str:
            return text.removeprefix("€")

        @field_validator("price__gte")
        @classmethod
        def doubled(cls, price: Decimal) -> Decimal:
            return price * 2

    assert PriceFilter.model_validate({"price__gte": "€1.50"}).price__gte == 3


def test_inheritance() -> None:
    """A subclass keeps the filters of its parents, adds its own, and may change one."""

    class Priced(FilterSet, model=Product):
        price__gte: Decimal | None = None
        stock: int | None = None

    class Named(BaseModel):
        name__contains: str | None = None

    class Both(Priced, Named):
        stock: int | None = 5
        rank__in: list[int] | None = None

    fields = set(Both.__conditions__)
    given = Both(price__gte=Decimal(1), name__contains="a", rank__in=[1])
    sql = str(given.apply(select(Product.id)))

    assert fields == {"price__gte", "stock", "name__contains", "rank__in"}
    assert all(each in sql for each in ("price >=", "stock =", "name LIKE", "rank IN"))
    assert Named.model_fields["name__contains"].metadata == []


def test_another_model_for_the_same_fields() -> None:
    """A subclass may name another model, and its fields are checked against that."""

    class ById(FilterSet, model=Product):
        id: int | None = None

    class CategoryById(ById, model=Category):
        pass

    assert "products.id" in str(ById(id=1).apply(select(Product.name)))
    assert "categories.id" in str(CategoryById(id=1).apply(select(Category.slug)))


def test_required_and_default_fields() -> None:
    """A field may be required; a default that is not None is checked, and filters until the client says otherwise."""

    class Strict(FilterSet, model=Product):
        stock: int
        rank: int | None = 99_999_999_999

    with pytest.raises(ValueError, match="Field required"):
        Strict.model_validate({"rank": 1})
    with pytest.raises(ValueError, match="at most 2147483647"):
        Strict(stock=1)


@pytest.mark.promise("listing-15")
def test_apply_wants_a_model_and_a_select() -> None:
    """Without a model there is nothing to apply, and only a select takes conditions."""
    without = define(None, name=str | None)

    with pytest.raises(TypeError, match=r"class Filter\(FilterSet, model=YourModel\)"):
        without(name="x").apply(select(Product))
    with pytest.raises(TypeError, match="attribute of an object"):
        without.__conditions__["name"].clause("x")
    with pytest.raises(TypeError, match="takes a select"):
        define(Product, name=str | None)(name="x").apply(union(select(Product.id), select(Category.id)))


def test_listing_fields_are_left_alone() -> None:
    """Fields that a listing adds to the model of its query are no filters."""
    filters = define(Product, name=str | None)

    merged: Any = create_model(
        "Merged", __base__=filters, __cls_kwargs__={"listing_fields": frozenset({"page"})}, page=(int, Field(1, ge=1))
    )

    assert set(merged.__conditions__) == {"name"}
    assert merged.model_validate({"name": "a"}).apply(select(Product.id)) is not None


@pytest.mark.promise("listing-13")
@pytest.mark.parametrize(
    "marker",
    [Eq(Category.slug), Eq(func.lower(Category.slug)), Search(Product.name, Category.slug)],
    ids=["attribute", "expression", "search"],
)
def test_a_column_of_another_table_is_refused(marker: object) -> None:
    """Without a join it would find every row; the error names the two ways to ask for it."""
    with pytest.raises(TypeError, match=r"Related\(Product.*Where"):
        define(Product, word=Annotated[str | None, marker])


def test_an_alias_of_the_model() -> None:
    """A column of an alias stands for itself."""
    other = aliased(Product)
    filters = define(Product, other_name=Annotated[str | None, Eq(other.name)])

    sql = str(filters(other_name="x").apply(select(other.id)))

    assert "FROM products AS products_1 \nWHERE products_1.name" in sql


def test_annotations_of_every_form() -> None:
    """Unions, literals and annotated types are read for the types that they stand for."""
    filters = define(
        Product,
        price=Decimal | int | None,
        rank=Annotated[Literal[1, 2] | None, "whatever"],
        stock__in=list[Annotated[int, Field(ge=1)]] | None,
        views=Annotated[int, Field(ge=1)] | None,  # pyright: ignore[reportOperatorIssue]
        rank__in=tuple[int, ...] | None,
        name__in=frozenset[str] | None,
    )

    taken = filters.model_validate({"price": "1.5", "rank": 2, "stock__in": "1,2", "rank__in": "3", "name__in": "a,a"})

    assert (taken.price, taken.rank, taken.stock__in) == (Decimal("1.5"), 2, [1, 2])
    assert (taken.rank__in, taken.name__in) == ((3,), {"a"})
    for name in ("stock__in", "views"):
        with pytest.raises(ValueError, match="greater than or equal to 1"):
            filters.model_validate({name: "0"})


def test_none_asks_for_nothing() -> None:
    """None, given by name, is the same as leaving a parameter out."""
    filters = define(
        Product,
        stock=int | None,
        stock__in=list[int] | None,
        q=Annotated[str | None, Search(Product.name)],
        words=Annotated[str | None, FullText(Product.name)],
    )
    statement = select(Product)

    assert filters(stock=None, stock__in=None, q=None, words=None).apply(statement) is statement


def test_forgotten_classes_are_not_checked() -> None:
    """A class that is gone before the models are complete leaves nothing behind that could fail."""

    class Later(DeclarativeBase):
        pass

    class Book(Later):
        __tablename__ = "books"
        id: Mapped[int] = mapped_column(primary_key=True)
        author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))
        author: Mapped["Author"] = relationship()

    filters = define(Book, author__nam=str | None)
    del filters
    gc.collect()

    class Author(Later):
        __tablename__ = "authors"
        id: Mapped[int] = mapped_column(primary_key=True)

    configure_mappers()

    assert Book.author.property.mapper.class_ is Author
