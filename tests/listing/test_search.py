"""Search over several columns, full text, and conditions of one's own."""

from typing import Annotated, Any

import pytest
from pydantic import ValidationError
from sqlalchemy import Computed, String, column, create_engine, insert, select, table, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.exc import CompileError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from brickwork.listing import FilterSet, FullText, Related, Search, Where
from tests.listing.finding import found, found_sync
from tests.listing.models import Category, Product, Tag


class ProductFilter(FilterSet, model=Product):
    """A search box, and a condition of our own."""

    q: Annotated[
        str | None,
        Search(
            Product.name,
            Product.description,
            Related(Product.category, Category.title),
            Related(Product.tags, Tag.name),
            max_terms=3,
            max_length=30,
        ),
    ] = None
    in_stock: Annotated[
        bool | None,
        Where(lambda wanted: (Product.stock > 0) == wanted, python=lambda item, wanted: (item.stock > 0) is wanted),
    ] = None


QUESTIONS: list[tuple[dict[str, Any], str]] = [
    ({"q": "red"}, "Red chair|Table"),
    ({"q": "RED chair"}, "Red chair"),
    ({"q": "  chair\tfurniture "}, "Red chair|Stool"),
    ({"q": "5%"}, "Table"),
    ({"q": "%"}, "Table"),
    ({"q": "_"}, ""),
    ({"q": "chair table"}, ""),
    ({"q": "   "}, "Red chair|Table|Stool"),
    ({"q": ""}, "Red chair|Table|Stool"),
    ({"in_stock": "true"}, "Red chair"),
    ({"in_stock": "false"}, "Table|Stool"),
    ({"in_stock": "true", "q": "red"}, "Red chair"),
]


def rows() -> list[Product]:
    """Three products whose words stand in different places."""
    furniture = Category(slug="f", title="Furniture")
    return [
        Product(id=1, name="Red chair", category=furniture, stock=3),
        Product(id=2, name="Table", description="5% off", tags=[Tag(name="red")]),
        Product(id=3, name="Stool", description="a chair without a back", category=furniture),
    ]


@pytest.mark.promise("listing-10")
async def test_every_word_is_somewhere(session: AsyncSession) -> None:
    """A row is found when each word is in one of the columns, of its own or related, whatever the case."""
    session.add_all(rows())
    await session.flush()

    answers = [(asked, "|".join(await found(session, ProductFilter.model_validate(asked)))) for asked, _ in QUESTIONS]

    assert answers == QUESTIONS


def test_search_synchronously(sync_session: Session) -> None:
    """A synchronous session finds the same."""
    sync_session.add_all(rows())
    sync_session.flush()

    answers = [
        (asked, "|".join(found_sync(sync_session, ProductFilter.model_validate(asked)))) for asked, _ in QUESTIONS
    ]

    assert answers == QUESTIONS


@pytest.mark.promise("listing-10")
@pytest.mark.parametrize(
    ("value", "reason"), [("a b c d", "at most 3 words"), ("a" * 31, "at most 30 characters"), ("a\0", "NUL")]
)
def test_search_is_capped(value: str, reason: str) -> None:
    """Too many words, too long a text and NUL are refused."""
    with pytest.raises(ValidationError, match=reason):
        ProductFilter.model_validate({"q": value})


class Documents(DeclarativeBase):
    """Tables that only PostgreSQL has."""


class Article(Documents):
    """A text with a vector that the database keeps."""

    __tablename__ = "articles"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(80))
    body: Mapped[str | None] = mapped_column(String(400))
    vector: Mapped[Any] = mapped_column(TSVECTOR, Computed("to_tsvector('english', title)", persisted=True))


class ArticleFilter(FilterSet, model=Article):
    """Full text of one column, of two, and of a vector."""

    title_says: Annotated[str | None, FullText(Article.title)] = None
    says: Annotated[str | None, FullText(Article.title, Article.body)] = None
    vector_says: Annotated[str | None, FullText(Article.vector)] = None
    simply: Annotated[str | None, FullText(Article.title, language="simple", max_length=20)] = None


@pytest.mark.promise("listing-11")
def test_full_text(postgres_url: str) -> None:
    """On PostgreSQL words are found in all their forms, phrases in quotes, and a minus excludes."""
    engine = create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://"))
    Documents.metadata.create_all(engine)
    questions: list[tuple[dict[str, str], list[int]]] = [
        ({"title_says": "brick"}, [1, 2]),
        ({"title_says": '"laying bricks"'}, [1]),
        ({"title_says": "brick -wall"}, [1]),
        ({"title_says": "wall or laying"}, [1, 2]),
        ({"title_says": "mortar"}, []),
        ({"title_says": "!!! & ("}, []),
        ({"title_says": "  "}, [1, 2]),
        ({"says": "mortar bricks"}, [1]),
        ({"says": "brick"}, [1, 2]),
        ({"vector_says": "bricks"}, [1, 2]),
        ({"simply": "brick"}, [2]),
    ]

    with Session(engine) as session:
        session.add_all([Article(title="Laying bricks", body="with mortar"), Article(title="Brick walls")])
        session.flush()
        answers = [
            (asked, list(session.scalars(ArticleFilter.model_validate(asked).apply(select(Article.id)))))
            for asked, _ in questions
        ]
    engine.dispose()

    assert answers == questions


def test_full_text_is_postgresqls_own() -> None:
    """Other databases refuse the statement with what to use instead, and Python has no such search."""
    filters = ArticleFilter(says="brick")
    engine = create_engine("sqlite://")

    with pytest.raises(CompileError, match="use Search"):
        filters.apply(select(Article.id)).compile(engine)
    with pytest.raises(TypeError, match="use Search"):
        filters.matches({"title": "brick"})
    with pytest.raises(ValidationError, match="at most 20 characters"):
        ArticleFilter(simply="a" * 21)

    engine.dispose()
    assert "websearch_to_tsquery('english'" in str(filters.apply(select(Article.id)))


@pytest.mark.promise("listing-12")
def test_sqlite_full_text_by_where(sqlite_session: Session) -> None:
    """SQLite's own full text search is three lines of `Where`."""
    sqlite_session.execute(text("CREATE VIRTUAL TABLE product_text USING fts5(name, content='')"))
    sqlite_session.execute(insert(Product), [{"id": 1, "name": "Laying bricks"}, {"id": 2, "name": "Mortar"}])
    sqlite_session.execute(text("INSERT INTO product_text(rowid, name) SELECT id, name FROM products"))

    words_of = table("product_text", column("rowid"), column("product_text"))

    def says(words: str) -> Any:
        quoted = " ".join('"' + word.replace('"', '""') + '"' for word in words.split())
        return Product.id.in_(select(words_of.c.rowid).where(words_of.c.product_text.op("MATCH")(quoted)))

    class Filter(FilterSet, model=Product):
        q: Annotated[str | None, Where(says)] = None

    names = sqlite_session.scalars(Filter(q="bricks").apply(select(Product.name))).all()

    assert names == ["Laying bricks"]
    with pytest.raises(TypeError, match="give it python="):
        Filter(q="bricks").matches(Product(name="bricks"))
    with pytest.raises(ValidationError, match="NUL"):
        Filter(q="\0")


def test_where_may_ask_for_nothing() -> None:
    """A condition that gives None adds nothing."""

    class Filter(FilterSet, model=Product):
        any_of: Annotated[str | None, Where(lambda value: None if value == "all" else Product.name == value)] = None

    statement = select(Product.id)

    assert Filter(any_of="all").apply(statement) is statement
    assert "WHERE" in str(Filter(any_of="x").apply(statement))


def test_markers_say_what_they_need() -> None:
    """What makes no search is refused when it is written."""
    with pytest.raises(TypeError, match="needs the columns"):
        Search()
    with pytest.raises(ValueError, match="at least 1"):
        Search(Product.name, max_terms=0)
    with pytest.raises(TypeError, match="of the model itself"):
        FullText(Related(Product.category, Category.title))
    with pytest.raises(ValueError, match="text search configuration"):
        FullText(Product.name, language="english'; --")
    with pytest.raises(TypeError, match="plain columns"):

        class OfJson(FilterSet, model=Product):
            q: Annotated[str | None, FullText(Product.attributes)] = None

    with pytest.raises(TypeError, match="takes text"):

        class OfNumbers(FilterSet, model=Product):
            q: Annotated[int | None, Search(Product.name)] = None

    with pytest.raises(TypeError, match="columns of text, and one holds integer"):

        class InNumbers(FilterSet, model=Product):
            q: Annotated[str | None, Search(Product.stock)] = None
