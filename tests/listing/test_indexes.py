"""On PostgreSQL an index serves a filter wherever one naturally can."""

from decimal import Decimal
from typing import Annotated, Any

import pytest
from sqlalchemy import create_engine, event, select, text
from sqlalchemy.orm import Session

from brickwork.listing import FilterSet, FullText
from tests.listing.models import Base, Product


class ProductFilter(FilterSet, model=Product):
    """What an index can serve."""

    price__between: list[Decimal] | None = None
    rank__in: list[int] | None = None
    name: str | None = None
    name__startswith: str | None = None
    name__iexact: str | None = None
    name__contains: str | None = None
    name__icontains: str | None = None
    details__maker__name: str | None = None
    details__size: int | None = None
    q: Annotated[str | None, FullText(Product.name, Product.description)] = None


CASES: list[tuple[str, dict[str, object]]] = [
    ("(price)", {"price__between": "1,2"}),
    ("(rank)", {"rank__in": "1,2"}),
    ("(name)", {"name": "a"}),
    ("(name text_pattern_ops)", {"name__startswith": "a%"}),
    ("(lower(name))", {"name__iexact": "A"}),
    ("USING gin (name gin_trgm_ops)", {"name__contains": "brick"}),
    ("USING gin (name gin_trgm_ops)", {"name__icontains": "brick"}),
    ("USING gin (details)", {"details__maker__name": "Ada"}),
    ("USING gin (details jsonb_path_ops)", {"details__size": 5}),
    (
        "USING gin (to_tsvector('english', coalesce(name, '') || ' ' || coalesce(description, '')))",
        {"q": "brick"},
    ),
]


@pytest.mark.promise("listing-18")
def test_indexes_serve(postgres_url: str) -> None:
    """Each of these filters is answered by its index, with values that are sent as parameters."""
    engine = create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://"))
    Base.metadata.create_all(engine)
    event.listen(engine, "before_cursor_execute", _explained, retval=True)

    with Session(engine) as session:
        session.execute(text("SET enable_seqscan = off"))
        trigrams = _has_trigrams(session)
        plans = [(index, _plan(session, index, given)) for index, given in CASES if trigrams or "trgm" not in index]
    engine.dispose()

    assert [index for index, plan in plans if "candidate" not in plan] == []


def _explained(_: Any, __: Any, sql: str, parameters: Any, context: Any, ___: bool) -> tuple[str, Any]:
    return (f"EXPLAIN {sql}" if "explained" in context.execution_options else sql), parameters


def _has_trigrams(session: Session) -> bool:
    known = "SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_trgm'"
    if not session.scalar(text(known)):
        return False
    session.execute(text("CREATE EXTENSION pg_trgm"))
    return True


def _plan(session: Session, index: str, given: dict[str, object]) -> str:
    """Explain the statement with that index alone."""
    statement = ProductFilter.model_validate(given).apply(select(Product.id))
    session.execute(text(f"CREATE INDEX candidate ON products {index}"))
    lines = session.connection().execute(statement, execution_options={"explained": True}).scalars()
    plan = "\n".join(map(str, lines))
    session.execute(text("DROP INDEX candidate"))
    return plan
