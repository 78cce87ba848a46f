"""A filter on its own in an application: its parameters, what it costs, and the types it keeps."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import pytest
from fastapi import FastAPI, Query
from fastapi.testclient import TestClient
from pydantic import Field
from sqlalchemy import Select, select

from brickwork.listing import FilterSet, FullText, Gte, Search, Where
from tests.listing.models import Product, Status


class ProductFilter(FilterSet, model=Product):
    """What a shop offers."""

    stock__gte: int | None = None
    status__in: list[Status] | None = None
    price__between: list[Decimal] | None = None
    created_at__lt: datetime | None = None
    category__position: int | None = None
    category__slug: str | None = None
    attributes__color: str | None = None
    active: bool | None = None
    minimum: Annotated[Decimal | None, Gte(Product.price)] = None
    bracket: Annotated[int | None, Gte(Product.stock)] = Field(
        default=None, alias="stock[gte]", description="My own words."
    )
    q: Annotated[str | None, Search(Product.name)] = None
    words: Annotated[str | None, FullText(Product.name)] = None
    own: Annotated[str | None, Where(lambda value: Product.name == value)] = None


def application() -> FastAPI:
    """An app with one list."""
    app = FastAPI()

    @app.get("/products")
    def list_products(filters: Annotated[ProductFilter, Query()]) -> dict[str, Any]:
        return filters.model_dump(mode="json", exclude_defaults=True)

    return app


@pytest.mark.promise("listing-16")
def test_parameters_in_openapi() -> None:
    """OpenAPI shows every filter with its type, its values, the bounds of its column and a description."""
    operation = application().openapi()["paths"]["/products"]["get"]

    shown = {each["name"]: (each.get("description"), each["schema"]["anyOf"][0]) for each in operation["parameters"]}

    assert shown["stock__gte"] == ("stock at least this", {"type": "integer", "minimum": -32768, "maximum": 32767})
    assert shown["status__in"] == (
        "status one of these; several with commas between, or the parameter repeated",
        {"type": "array", "items": {"$ref": "#/components/schemas/Status"}, "maxItems": 100},
    )
    assert shown["price__between"][1]["type"] == "array"
    assert shown["created_at__lt"][1] == {"type": "string", "format": "date-time"}
    assert shown["category__position"] == (
        "category.position equal to this",
        {"type": "integer", "minimum": -32768, "maximum": 32767},
    )
    assert shown["attributes__color"] == ("attributes.color equal to this", {"type": "string"})
    assert shown["minimum"] == (
        "price at least this",
        {"type": "number", "minimum": -99999999.99, "maximum": 99999999.99},
    )
    assert shown["stock[gte]"][0] == "My own words."
    assert shown["q"] == (
        "Words to look for, each of which must be found.",
        {"type": "string", "maxLength": 200},
    )
    assert shown["words"][1] == {"type": "string", "maxLength": 200}
    assert shown["own"] == (None, {"type": "string"})


@pytest.mark.promise("listing-17")
def test_comma_and_repetition() -> None:
    """A list is written with commas or by repeating; repeated values are taken as they stand."""
    with TestClient(application()) as client:
        commas = client.get("/products?status__in=draft,on-sale").json()
        repeated = client.get("/products?status__in=draft&status__in=on-sale").json()
        nothing = client.get("/products?status__in=")
        bracket = client.get("/products?stock[gte]=3").json()

    assert commas == repeated == {"status__in": ["draft", "on-sale"]}
    assert nothing.status_code == 422
    assert bracket == {"bracket": 3}


@pytest.mark.promise("listing-17")
def test_both_forms_give_the_same_statement() -> None:
    """Commas and repetition end in one statement, which SQLAlchemy compiles once."""
    one = ProductFilter.model_validate({"status__in": "draft,on-sale"}).apply(select(Product.id))
    other = ProductFilter.model_validate({"status__in": ["draft", "on-sale"]}).apply(select(Product.id))

    assert str(one) == str(other)
    assert one.compile().params == other.compile().params


def test_statements_are_compiled_once() -> None:
    """Statements that differ in values alone share their place in SQLAlchemy's cache; other patterns have their own."""

    class TextFilter(FilterSet, model=Product):
        name__contains: str | None = None
        name__startswith: str | None = None
        attributes__color__icontains: str | None = None
        attributes__size__icontains: str | None = None

    def key(**given: str) -> object:
        made = TextFilter(**given).apply(select(Product.id))._generate_cache_key()
        assert made is not None
        return made.key

    assert key(name__contains="a") == key(name__contains="b%")
    assert key(name__contains="a") != key(name__startswith="a")
    assert key(attributes__color__icontains="a") == key(attributes__color__icontains="b")
    assert key(attributes__color__icontains="a") != key(attributes__size__icontains="a")


def test_a_statement_keeps_its_type() -> None:
    """What goes in comes out: a select stays the same kind of select for type checkers."""
    filters = ProductFilter(stock__gte=1)

    entities = filters.apply(select(Product))
    columns = filters.apply(select(Product.id, Product.name))

    assert isinstance(entities, Select)
    assert isinstance(columns, Select)


@pytest.mark.promise("listing-15")
def test_objects_without_a_model() -> None:
    """Without a model the fields name attributes or keys of any objects; a list matches when one member does."""

    class BrickFilter(FilterSet):
        color: str | None = None
        size__width__gte: int | None = None
        tags__in: list[str] | None = None
        maker__name__icontains: str | None = None
        old__isnull: bool | None = None
        width: Annotated[int | None, Gte("size.width")] = None
        heavy: Annotated[bool | None, Where(lambda _: None, python=lambda item, _: item["weight"] > 3)] = None

    brick = {
        "color": "red",
        "size": {"width": 5},
        "tags": ["old", "hard"],
        "maker": [{"name": "Ada"}, None, {"name": None}],
        "weight": 4,
    }

    def matches(**given: object) -> bool:
        return BrickFilter.model_validate(given).matches(brick)

    assert matches()
    assert matches(color="red", size__width__gte="5", tags__in="hard,soft", maker__name__icontains="AD")
    assert matches(old__isnull="true", width="5", heavy="true")
    assert not matches(color="blue")
    assert not matches(size__width__gte="6")
    assert not matches(tags__in="soft")
    assert not BrickFilter(size__width__gte=1).matches({"size": {"width": "wide"}})
    assert not BrickFilter(maker__name__icontains="a").matches({"maker": {"name": 5}})
    with pytest.raises(ValueError, match="a whole number"):
        matches(width="1e3")


def test_nothing_given_changes_nothing() -> None:
    """Without parameters the very same statement comes back."""
    statement = select(Product)

    assert ProductFilter().apply(statement) is statement
