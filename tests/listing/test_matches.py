"""Python finds what SQL finds, whatever is in the rows and whatever is asked."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from brickwork.listing import Eq, FilterSet
from tests.listing.models import Product, Status
from tests.listing.test_json import ProductFilter as JsonFilter
from tests.listing.test_operators import ProductFilter

# Letters whose case SQLite knows, the wildcards, and others without case.
_text = st.text(alphabet="aAbB%_!\\'\"é木 ", max_size=4)
_number = st.integers(-2, 3)
_decimal = st.decimals(Decimal(-1), Decimal(1), places=1)
_instant = st.datetimes(datetime(2024, 1, 1), datetime(2024, 1, 2), timezones=st.just(UTC))  # noqa: DTZ001
_local = st.datetimes(datetime(2024, 1, 1), datetime(2024, 1, 2))  # noqa: DTZ001
_day = st.dates(date(2024, 1, 1), date(2024, 1, 4))
_status = st.sampled_from(Status)
_duration = st.timedeltas(timedelta(hours=1), timedelta(hours=3))
_float = st.floats(-1, 1, width=16)
_json = st.recursive(
    st.none() | st.booleans() | _number | _float | _text,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["v", "inner", "0"]), inner, max_size=2)
    ),
    max_leaves=3,
)

COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "rank": _number,
    "description": _text,
    "discount": _decimal,
    "rating": _float,
    "featured": st.booleans(),
    "previous_status": _status,
    "released_on": _day,
    "opens_at": st.times(),
    "delivery": _duration,
    "sku": st.uuids(),
    "picture": st.binary(max_size=2),
    "created_at": _instant,
    "local_time": _local,
    "attributes": st.dictionaries(st.sampled_from(["v", "n", "b", "0"]), _json, max_size=3),
}
_FILTERS: list[type[FilterSet]] = [ProductFilter, JsonFilter]
_JSON_VALUES: dict[str, st.SearchStrategy[Any]] = {"v": _text, "0": _text, "n": _number, "b": st.booleans()}

_row = st.fixed_dictionaries({name: st.none() | each for name, each in COLUMNS.items()})


@st.composite
def _questions(draw: st.DrawFn) -> FilterSet:
    """One or two parameters, with values that the rows may hold."""
    filters = draw(st.sampled_from(_FILTERS))
    names = draw(st.lists(st.sampled_from([*filters.model_fields]), min_size=1, max_size=2, unique=True))
    given: dict[str, object] = {}
    for name in names:
        column, *rest = name.split("__")
        value = COLUMNS[column]
        if column == "attributes":
            value = _JSON_VALUES.get(rest[0], st.booleans())
        if rest[-1:] in (["in"], ["not_in"]):
            value = st.lists(value, max_size=3)
        elif rest[-1:] == ["between"]:
            value = st.lists(value, min_size=2, max_size=2).map(sorted)
        elif rest[-1:] == ["isnull"]:
            value = st.booleans()
        given[name] = draw(value)
    return filters.model_validate(_as_python(filters, given))


def _as_python(filters: type[FilterSet], given: dict[str, object]) -> dict[str, object]:
    """Lists of one text would be split at commas, as a query's are."""
    return {
        name: [*value, *value] if isinstance(value, list) and len(value) == 1 else value
        for name, value in given.items()
    }


@pytest.mark.promise("listing-3")
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(_row, max_size=5), filters=_questions())
def test_python_finds_what_sql_finds(sqlite_session: Session, rows: list[dict[str, Any]], filters: FilterSet) -> None:
    """For every operator, type and NULL, `matches` decides as the database does."""
    sqlite_session.execute(delete(Product))
    sqlite_session.add_all([Product(name=str(number), **row) for number, row in enumerate(rows)])
    sqlite_session.flush()
    sqlite_session.expunge_all()

    found = set(sqlite_session.scalars(filters.apply(select(Product.name))))

    everything = sqlite_session.scalars(select(Product)).all()
    assert {each.name for each in everything if filters.matches(each)} == found


@pytest.mark.promise("listing-2")
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(_row, max_size=5), number=_number, text=_text)
def test_negations_are_complements(sqlite_session: Session, rows: list[dict[str, Any]], number: int, text: str) -> None:
    """`ne` finds exactly the rows that `eq` does not, and `not_in` those that `in` does not."""
    sqlite_session.execute(delete(Product))
    sqlite_session.add_all([Product(name=str(each), **row) for each, row in enumerate(rows)])
    sqlite_session.flush()

    def found(filters: FilterSet) -> set[str]:
        return set(sqlite_session.scalars(filters.apply(select(Product.name))))

    everything = {str(each) for each in range(len(rows))}
    for yes, no in (
        (ProductFilter(rank=number), ProductFilter(rank__ne=number)),
        (ProductFilter(rank__in=[number, 0]), ProductFilter(rank__not_in=[number, 0])),
        (ProductFilter(description=text), ProductFilter(description__ne=text)),
        (JsonFilter(attributes__v=text), JsonFilter(attributes__v__ne=text)),
        (JsonFilter(attributes__n=number), JsonFilter(attributes__n__ne=number)),
    ):
        assert found(yes) == everything - found(no)


@pytest.mark.promise("listing-15")
def test_a_column_says_nothing_about_objects_of_no_model() -> None:
    """Without a model a marker names an attribute; a column there is refused when it is asked about an object."""

    class Loose(FilterSet):
        word: Annotated[str | None, Eq(Product.name)] = None

    with pytest.raises(TypeError, match="has no counterpart in Python"):
        Loose(word="a").matches(Product(name="a"))
