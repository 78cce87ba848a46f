"""What goes out: envelopes, bare lists, chosen fields, links, entity tags."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

import pytest
from fastapi import Depends, FastAPI
from pydantic import BaseModel, Field, computed_field, field_validator

from brickwork.listing import (
    CursorEnvelope,
    CursorPage,
    CursorQuery,
    CursorResult,
    Envelope,
    LimitOffset,
    LimitOffsetPage,
    Listing,
    ListQuery,
    Page,
    PageResult,
    Total,
)
from brickwork.problems import add_problem_handlers
from tests.listing.apps import WALL, Brick, blamed, get, numbered, walked, wall

Item = TypeVar("Item")


class Answer(Envelope[Item]):
    """An envelope as a team may have it."""

    data: list[Item]
    meta: dict[str, int | bool | None]

    @classmethod
    def build(cls, result: PageResult[Any]) -> Mapping[str, object]:
        return {"data": result.items, "meta": {"count": result.total, "more": result.has_next, "pages": result.pages}}


class Stripe(CursorEnvelope[Item]):
    """An envelope of walks as a team may have it."""

    data: list[Item]
    has_more: bool
    links: dict[str, str]

    @classmethod
    def build(cls, result: CursorResult[Any]) -> Mapping[str, object]:
        return {"data": result.items, "has_more": result.next is not None, "links": result.links}


class Price(BaseModel):
    """Part of a brick, under other names than Python's."""

    id: int
    price: int = Field(serialization_alias="priceInCents")


class Labelled(Price):
    """A brick that writes more than its fields."""

    @computed_field
    def label(self) -> str:
        return f"#{self.id}"


@pytest.mark.promise("listing-65")
async def test_a_page_says_where_it_stands() -> None:
    """The usual envelope has items, page, size, pages, neighbours and total."""
    answer = await get(wall(numbered()), "/bricks?page=2&size=3")

    assert {name: value for name, value in answer.json().items() if name != "items"} == {
        "page": 2, "size": 3, "pages": 14, "has_next": True, "has_previous": True, "total": 40,
        "total_is_estimate": False,
    }  # fmt: skip


@pytest.mark.promise("listing-65")
async def test_an_own_envelope_is_a_subclass() -> None:
    """A team's own shape goes out, and OpenAPI shows it, with the items' model inside."""
    app, listing = FastAPI(), numbered()

    @app.get("/bricks")
    async def list_bricks(query: Annotated[ListQuery[Brick], Depends(listing)]) -> Answer[Brick]:
        return query.slice(WALL, into=Answer[Brick])

    answer = await get(app, "/bricks?size=1")

    assert answer.json() == {"data": [WALL[0].model_dump()], "meta": {"count": 40, "more": True, "pages": 40}}
    assert app.openapi()["components"]["schemas"]["Answer_Brick_"]["properties"]["data"]["items"] == {
        "$ref": "#/components/schemas/Brick"
    }


@pytest.mark.promise("listing-65")
async def test_an_own_envelope_of_a_walk() -> None:
    """Walks have envelopes of their own, which get the links as well."""
    app, listing = FastAPI(), walked(links=False)

    @app.get("/bricks")
    async def list_bricks(query: Annotated[CursorQuery[Brick], Depends(listing)]) -> Stripe[Brick]:
        return query.slice(WALL, into=Stripe[Brick])

    answer = await get(app, "/bricks?size=1")

    assert answer.json()["has_more"]
    assert set(answer.json()["links"]) == {"first", "next"}
    assert "link" not in answer.headers


@pytest.mark.promise("listing-65")
async def test_an_envelope_must_say_how_it_is_built() -> None:
    """Forgetting to is an error that says what to write."""

    class Silent(Envelope[int]):
        data: list[int]

    class Quiet(CursorEnvelope[int]):
        data: list[int]

    with pytest.raises(NotImplementedError, match=r"override the class method build"):
        Silent.build(PageResult(items=[], size=1, offset=0, has_next=False))
    with pytest.raises(NotImplementedError, match=r"override the class method build"):
        Quiet.build(CursorResult(items=[], size=1))


@pytest.mark.promise("listing-65")
async def test_an_envelope_of_the_other_kind_is_refused() -> None:
    """A page by number does not fit the envelope of a walk, nor the other way round, and the error says which does."""
    app, listing, walk = FastAPI(), numbered(), walked()

    @app.get("/bricks")
    async def list_bricks(
        query: Annotated[ListQuery[Brick], Depends(listing)],
    ) -> None:
        with pytest.raises(TypeError, match="below Envelope"):
            query.slice(WALL, into=Stripe[Brick])

    @app.get("/walk")
    async def walk_bricks(query: Annotated[CursorQuery[Brick], Depends(walk)]) -> None:
        with pytest.raises(TypeError, match="below CursorEnvelope"):
            query.slice(WALL, into=Answer[Brick])

    assert (await get(app, "/bricks")).status_code == 200
    assert (await get(app, "/walk")).status_code == 200


@pytest.mark.promise("listing-65")
async def test_stretches_have_an_envelope_too() -> None:
    """Clients that skip and limit read back what they asked for."""
    app, listing = FastAPI(), numbered(page=LimitOffset(5))

    @app.get("/bricks")
    async def list_bricks(query: Annotated[ListQuery[Brick], Depends(listing)]) -> LimitOffsetPage[Brick]:
        return query.slice(WALL, into=LimitOffsetPage[Brick])

    answer = await get(app, "/bricks?skip=39")

    assert answer.json() == {
        "items": [WALL[39].model_dump()], "skip": 39, "limit": 5, "has_next": False, "has_previous": True, "total": 40,
        "total_is_estimate": False,
    }  # fmt: skip


@pytest.mark.promise("listing-66")
async def test_rows_are_converted_once() -> None:
    """What `into` converts, FastAPI does not convert again."""
    seen: list[int] = []

    class Watched(BaseModel):
        id: int

        @field_validator("id")
        @classmethod
        def watch(cls, value: int) -> int:
            seen.append(value)
            return value

    app, listing = FastAPI(), numbered()

    @app.get("/bricks")
    async def list_bricks(query: Annotated[ListQuery[Brick], Depends(listing)]) -> Page[Watched]:
        return query.slice(WALL, into=Watched)

    await get(app, "/bricks")

    assert seen == [1, 2, 3, 4, 5]


@pytest.mark.promise("listing-66")
async def test_rows_stay_rows_where_nothing_says_into_what() -> None:
    """Without `into` the page holds the very objects, for use in code; returned, FastAPI converts them."""
    app, listing = FastAPI(), numbered()
    pages: list[Page[Brick]] = []

    @app.get("/bricks", response_model=Page[Price])
    async def list_bricks(query: Annotated[ListQuery[Brick], Depends(listing)]) -> Page[Brick]:
        pages.append(query.slice(WALL))
        return pages[0]

    answer = await get(app, "/bricks?size=1")

    assert pages[0].items[0] is WALL[0]
    assert answer.json()["items"] == [{"id": 1, "priceInCents": 0}]


@pytest.mark.promise("listing-67")
@pytest.mark.parametrize(("chosen", "kept"), [("price", {"price"}), ("price,id", {"price", "id"})])
async def test_a_client_chooses_the_fields(chosen: str, kept: set[str]) -> None:
    """With `fields=` each item has the chosen fields and no others; the app's own objects stay whole."""
    answer = await get(wall(numbered(fields=Brick)), f"/bricks?fields={chosen}")

    assert all(set(item) == kept for item in answer.json()["items"])
    assert set(WALL[0].model_dump()) == {"id", "colour", "price"}


@pytest.mark.promise("listing-67")
async def test_fields_go_by_their_names_on_the_wire() -> None:
    """What OpenAPI calls them is what a client chooses."""
    app, listing = FastAPI(), numbered(fields=Price)

    @app.get("/bricks")
    async def list_bricks(query: Annotated[ListQuery[Brick], Depends(listing)]) -> Page[Price]:
        return query.slice(WALL, into=Price)

    answer = await get(app, "/bricks?fields=priceInCents&size=1")

    assert answer.json()["items"] == [{"priceInCents": 0}]
    assert blamed(await get(app, "/bricks?fields=price")) == ["fields"]


@pytest.mark.promise("listing-67")
def test_a_model_that_needs_all_its_fields_is_refused() -> None:
    """What writes more than its fields cannot be cut to a few, and the listing says so when it is written."""
    with pytest.raises(TypeError, match="use a model without them"):
        numbered(fields=Labelled)


class BrickPage(Page[Brick]):
    """An envelope of bricks alone."""


class AnyPage(Page[Any]):
    """An envelope that does not say of what."""


@pytest.mark.promise("listing-67")
@pytest.mark.parametrize("query", ["", "?fields=id"])
@pytest.mark.parametrize("kind", [numbered, walked])
@pytest.mark.parametrize("into", [Price, Page[Price], CursorPage[Price]])
async def test_fields_and_items_are_of_one_model(kind: Callable[..., Listing], into: Any, query: str) -> None:
    """Fields of one model and items of another are refused at once, whether a client chooses or not."""
    app, listing = FastAPI(), kind(fields=Brick)
    errors: list[str] = []

    @app.get("/bricks")
    async def list_bricks(query: Annotated[Any, Depends(listing)]) -> None:
        try:
            query.slice(WALL, into=into)
        except TypeError as error:
            errors.append(str(error))

    await get(app, f"/bricks{query}")

    assert [error.partition(":")[0] for error in errors] == [f"into={into.__name__}"]
    assert "choose among the fields of Brick" in errors[0]


@pytest.mark.promise("listing-67")
@pytest.mark.parametrize("into", [BrickPage, AnyPage, Page[Brick]])
async def test_an_envelope_of_the_same_model_can_be_chosen_from(into: Any) -> None:
    """Whether the envelope names the model itself, by a class that it is made from, or not at all."""
    app, listing = FastAPI(), numbered(fields=Brick)

    @app.get("/bricks")
    async def list_bricks(query: Annotated[Any, Depends(listing)]) -> Page[Brick]:
        page: Page[Brick] = query.slice(WALL, into=into)
        return page

    answer = await get(app, "/bricks?fields=id&size=1")

    assert answer.json()["items"] == [{"id": 1}]


@pytest.mark.promise("listing-67")
async def test_fields_are_unknown_unless_offered() -> None:
    """Choosing is off until the listing names a model for it."""
    assert blamed(await get(wall(numbered()), "/bricks?fields=id")) == ["fields"]


@pytest.mark.promise("listing-70")
async def test_openapi_shows_every_parameter() -> None:
    """Filters, pages, sort and fields are typed and described; lists are arrays, choices are enums."""
    app = wall(numbered(fields=Brick))

    shown = {each["name"]: each for each in app.openapi()["paths"]["/bricks"]["get"]["parameters"]}

    assert set(shown) == {"verbose", "colour__in", "price__gte", "price__lte", "page", "size", "sort", "fields"}
    assert "By default: id." in shown["sort"]["description"]
    assert shown["sort"]["schema"]["items"]["enum"] == ["price", "-price", "colour", "-colour", "id", "-id"]
    assert shown["fields"]["schema"]["items"]["enum"] == ["id", "colour", "price"]
    assert (shown["size"]["schema"]["minimum"], shown["size"]["schema"]["maximum"]) == (1, 100)
    assert shown["colour__in"]["schema"]["anyOf"][0]["type"] == "array"
    assert all(each["description"] for name, each in shown.items() if name != "verbose")
    assert not any(each["required"] for each in shown.values())


@pytest.mark.promise("listing-70")
async def test_openapi_shows_the_refusal_of_cursors() -> None:
    """A list whose pages go by cursor says that it can answer 400; one by number cannot."""
    app = wall(walked())
    add_problem_handlers(app)

    responses = app.openapi()["paths"]["/bricks"]["get"]["responses"]

    assert "invalid-cursor" in str(responses["400"]) or "InvalidCursor" in str(responses["400"])
    assert not numbered().__problems__


@pytest.mark.promise("listing-65")
def test_a_page_that_was_not_counted_says_so() -> None:
    """Pages and total are null, never a guess."""
    result: PageResult[object] = PageResult(items=[], size=20, offset=40, has_next=True)

    assert (result.page, result.pages, result.has_previous) == (3, None, True)
    assert Total.none().kind == "none"
