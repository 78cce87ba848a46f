"""What a listing takes from a request, and what it refuses."""

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Security
from fastapi.security import APIKeyQuery
from sqlalchemy.orm import aliased

from brickwork.listing import Keyset, LimitOffset, Listing, Offset, Sort, SortKey
from tests.listing.apps import SECRET, WALL, Brick, BrickFilter, blamed, get, ids, numbered, walked, wall
from tests.listing.models import Category, Product


@pytest.mark.promise("listing-56")
async def test_filters_sort_and_page_work_together() -> None:
    """A page holds the rows that match, in the order asked for, from the place asked for."""
    app = wall(numbered())

    found = await ids(app, "/bricks?colour__in=red,grey&price__gte=2&sort=-price,id&page=2&size=3")

    assert found == [39, 33, 34]


@pytest.mark.promise("listing-57")
@pytest.mark.parametrize("path", ["/bricks?prize__gte=1", "/bricks?price__foo=1", "/bricks?x=1", "/bricks?=1"])
async def test_an_unknown_parameter_is_named(path: str) -> None:
    """A parameter that nothing on the route declares is 422, never a filter that does nothing."""
    answer = await get(wall(numbered()), path)

    assert blamed(answer) == [path.partition("?")[2].partition("=")[0]]


@pytest.mark.promise("listing-57")
async def test_a_misspelt_parameter_gets_the_right_one_said() -> None:
    """The refusal says what the client may have meant."""
    answer = await get(wall(numbered()), "/bricks?prize__gte=1")

    assert "'price__gte'" in answer.json()["detail"][0]["msg"]


@pytest.mark.promise("listing-57")
@pytest.mark.parametrize("name", ["verbose=true", "tenant=a", "api_key=k", "colour=red&max_price=3"])
async def test_what_the_route_declares_elsewhere_passes(name: str) -> None:
    """Parameters of the endpoint, of other dependencies, of routers and of security schemes are known."""
    listing = numbered()
    app, router = FastAPI(), APIRouter()

    async def tenant(tenant: str = "") -> None: ...

    async def shades(colour: str = "", max_price: int = 0) -> None: ...

    @router.get("/bricks", dependencies=[Depends(listing), Depends(shades)])
    async def list_bricks(verbose: bool = False) -> list[int]:
        return []

    key = Security(APIKeyQuery(name="api_key", auto_error=False))
    app.include_router(router, prefix="/v1", dependencies=[Depends(tenant), key])
    answer = await get(app, f"/v1/bricks?{name}")

    assert answer.status_code == 200


@pytest.mark.promise("listing-57")
async def test_unknown_parameters_can_be_let_pass() -> None:
    """It takes a word in the app's code to ignore what a client sends."""
    answer = await get(wall(numbered(allow_unknown=True)), "/bricks?utm_source=mail&price__gte=9")

    assert answer.json()["total"] == 5


@pytest.mark.promise("listing-58")
@pytest.mark.parametrize("name", ["page=1&page=2", "size=1&size=1", "price__gte=1&price__gte=1"])
async def test_one_value_given_twice_is_refused(name: str) -> None:
    """A parameter that takes one value is never read as the last of several."""
    answer = await get(wall(numbered()), f"/bricks?{name}")

    assert blamed(answer) == [name.partition("=")[0]]


@pytest.mark.promise("listing-59")
@pytest.mark.parametrize(
    "name",
    [
        *(
            "page=0",
            "page=-1",
            f"page={10**18}",
            f"page={10**30}",
            "page=abc",
            "page=1e3",
            "page=٣",
            "page=",
            "page=1.0",
        ),
        *("page=1_0", "size=0", "size=-1", "size=101", f"size={10**18}", "size=abc", "page=%00", "page=NaN"),
    ],
)
async def test_pages_and_sizes_that_cannot_be_are_refused(name: str) -> None:
    """Page and size are whole numbers within their bounds, and anything else is 422."""
    answer = await get(wall(numbered()), f"/bricks?{name}")

    assert blamed(answer) == [name.partition("=")[0]]


@pytest.mark.promise("listing-59")
@pytest.mark.parametrize("style", [Offset(5, max_size=7, clamp=True), Keyset(5, max_size=7, secret=SECRET, clamp=True)])
@pytest.mark.parametrize("size", ["8", "100", str(10**30)])
async def test_a_listing_can_clamp_sizes(style: Offset | Keyset, size: str) -> None:
    """With `clamp=True` a size beyond the largest counts as the largest; nothing is still refused."""
    app = wall(numbered(page=style))

    assert len(await ids(app, f"/bricks?size={size}")) == 7
    assert blamed(await get(app, "/bricks?size=0")) == ["size"]


@pytest.mark.promise("listing-60")
async def test_a_page_too_deep_is_refused() -> None:
    """The refusal says which page is the last that can be asked for, and that page is served."""
    app = wall(numbered(page=Offset(5, max_offset=20)))

    answer = await get(app, "/bricks?page=6")

    assert blamed(answer) == ["page"]
    assert "last page that can be asked for is 5" in answer.json()["detail"][0]["msg"]
    assert len(await ids(app, "/bricks?page=5")) == 5


@pytest.mark.promise("listing-60")
async def test_a_page_past_the_end_is_empty() -> None:
    """It is an answer like any other, with the right total."""
    answer = await get(wall(numbered()), "/bricks?page=100")

    assert answer.json()["items"] == []
    assert (answer.json()["total"], answer.json()["has_next"], answer.json()["has_previous"]) == (40, False, True)


@pytest.mark.promise("listing-61")
@pytest.mark.parametrize("path", ["sort=-price,id", "sort=-price&sort=id", "sort=-price,%2Bid", "sort=-price,+id"])
async def test_sort_terms_may_be_joined_or_repeated(path: str) -> None:
    """Several fields come with commas or one by one, a plus sign before one means nothing."""
    assert await ids(wall(numbered()), f"/bricks?size=2&{path}") == [40, 36]


@pytest.mark.promise("listing-61")
@pytest.mark.parametrize("term", ["nope", "__init__", "metadata", "-", "", "id;drop", "--id", "id,id", "id,-id", "ID"])
async def test_only_what_is_offered_sorts(term: str) -> None:
    """A field that is not on the list, or one named twice, is 422."""
    answer = await get(wall(numbered()), f"/bricks?sort={term}" if term else "/bricks?sort=,")

    assert set(blamed(answer)) == {"sort"}


@pytest.mark.promise("listing-62")
async def test_parameters_go_by_other_names() -> None:
    """The wire has the names of the client's contract, and the old ones are unknown."""
    app = wall(numbered(names={"page": "p", "size": "per_page"}))

    answer = await get(app, "/bricks?p=2&per_page=3")

    assert [item["id"] for item in answer.json()["items"]] == [4, 5, 6]
    assert '</bricks?p=3&per_page=3>; rel="next"' in answer.headers["link"]
    assert blamed(await get(app, "/bricks?page=2")) == ["page"]
    assert blamed(await get(app, "/bricks?per_page=101")) == ["per_page"]


@pytest.mark.promise("listing-62")
async def test_sort_and_direction_can_be_two_parameters() -> None:
    """Naming `order` makes them `sort_by=price&order=desc`."""
    app = wall(numbered(names={"sort": "sort_by", "order": "order"}))

    assert await ids(app, "/bricks?sort_by=id&order=desc&size=2") == [40, 39]
    assert await ids(app, "/bricks?sort_by=id&size=2") == [1, 2]
    assert blamed(await get(app, "/bricks?order=desc")) == ["order"]
    assert blamed(await get(app, "/bricks?sort_by=-id")) == ["sort_by"]
    assert blamed(await get(app, "/bricks?order=down")) == ["order"]


@pytest.mark.promise("listing-62")
async def test_rows_can_be_skipped_and_limited() -> None:
    """`skip` and `limit` are there for clients that have that contract, with the same guards."""
    app = wall(numbered(page=LimitOffset(5, max_limit=10, max_offset=30)))

    answer = await get(app, "/bricks?skip=7&limit=3")

    assert [item["id"] for item in answer.json()["items"]] == [8, 9, 10]
    assert '</bricks?skip=4&limit=3>; rel="prev"' in answer.headers["link"]
    assert blamed(await get(app, "/bricks?skip=31")) == ["skip"]
    assert blamed(await get(app, "/bricks?limit=11")) == ["limit"]
    assert blamed(await get(app, "/bricks?skip=-1")) == ["skip"]


@pytest.mark.promise("listing-63")
async def test_two_lists_of_one_app_do_not_meet() -> None:
    """Each listing has its own model, names and bounds, also where both are on one route."""
    app = FastAPI()
    first, second = numbered(names={"page": "a", "size": "b", "sort": "c"}), Listing(page=Offset(2, max_size=2))

    @app.get("/both", dependencies=[Depends(first), Depends(second)])
    async def both() -> None: ...

    assert (await get(app, "/both?a=1&b=50&page=1&size=2&price__gte=1")).status_code == 200
    assert blamed(await get(app, "/both?size=3")) == ["size"]


@pytest.mark.promise("listing-63")
async def test_two_walks_on_one_route_go_each_its_own_way() -> None:
    """A cursor stays good while the other list goes on, and not when parameters of the endpoint change."""
    app = FastAPI()
    left = Listing(sort=Sort("id", "price", default="id"), page=Keyset(2, secret=SECRET))
    right = walked(names={"cursor": "after", "size": "rows", "sort": "by"})

    @app.get("/both")
    async def both(
        one: Annotated[Any, Depends(left)], other: Annotated[Any, Depends(right)], wanted: int = 0
    ) -> list[tuple[list[int], str | None]]:
        pages = (query.slice(WALL, into=Brick) for query in (one, other))
        return [([brick.id for brick in page.items], page.next) for page in pages]

    (first, cursor), (also, after) = (await get(app, "/both?rows=3&price__gte=1")).json()
    (second, further), (then, _) = (await get(app, f"/both?cursor={cursor}&rows=3&price__gte=1&after={after}")).json()
    (third, _), _ = (await get(app, f"/both?cursor={further}&price__gte=5&by=-price")).json()

    assert (first, second, third) == ([1, 2], [3, 4], [5, 6])
    assert (also, then) == ([4, 5, 6], [7, 8, 9])
    for path in (f"cursor={cursor}&wanted=1", f"cursor={after}", f"after={after}&price__gte=2"):
        assert (await get(app, f"/both?{path}")).status_code == 400


MISTAKES: dict[str, tuple[Callable[[], object], str]] = {
    "own name twice": (lambda: numbered(names={"size": "page"}), "two parameters are called 'page'"),
    "name of a filter": (lambda: numbered(names={"size": "price__gte"}), "two parameters are called 'price__gte'"),
    "no cursor here": (lambda: numbered(names={"cursor": "after"}), "no such parameter"),
    "no page here": (lambda: walked(names={"page": "p"}), "no such parameter"),
    "no rows": (lambda: Offset(0), "between 1 and max_size"),
    "more than most": (lambda: Offset(101), "between 1 and max_size"),
    "negative depth": (lambda: Offset(max_offset=-1), "max_offset"),
    "no limit": (lambda: LimitOffset(0), "between 1 and max_limit"),
    "depth beyond counting": (lambda: LimitOffset(max_offset=2**63), "max_offset"),
    "no rows by cursor": (lambda: Keyset(0, secret=SECRET), "between 1 and max_size"),
    "no time": (lambda: Keyset(secret=SECRET, expires=0), "seconds above 0"),
    "tags of what expires": (
        lambda: Listing(page=Keyset(secret=SECRET, expires=60), etag=True),
        "leave out one of the two",
    ),
    "short secret": (lambda: Keyset(secret="short"), "32 bytes"),
    "no secret": (lambda: Keyset(secret=[]), "need a secret"),
}


@pytest.mark.promise("listing-64")
@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_makes_no_sense_is_refused_when_it_is_written(mistake: str) -> None:
    """A listing that cannot work does not wait for a request to say so."""
    write, said = MISTAKES[mistake]

    with pytest.raises(ValueError, match=said):
        write()


@pytest.mark.promise("listing-64")
@pytest.mark.parametrize(
    "write",
    [
        lambda: Listing(BrickFilter()),  # type: ignore[arg-type]
        lambda: Listing(int),  # type: ignore[arg-type]
        lambda: Listing(page=Offset),  # type: ignore[arg-type]
        lambda: Listing(sort="name"),  # type: ignore[arg-type]
    ],
    ids=["an instance", "another class", "a class of pages", "a name"],
)
def test_what_is_of_another_kind_is_refused(write: Callable[[], Listing]) -> None:
    """The error says what to write instead."""
    with pytest.raises(TypeError, match=r"give the class|write (Sort|Offset)"):
        write()


@pytest.mark.promise("listing-64")
@pytest.mark.parametrize(
    "sort",
    [
        Sort(SortKey(Product.price * 2, name="twice")),
        Sort(Product.price, Category.slug),
        Sort(Product.price, aliased(Product).name),
    ],
    ids=["of no model", "of two", "of one and its alias"],
)
def test_a_walk_that_cannot_know_its_rows_is_refused(sort: Sort) -> None:
    """Pages by cursor need a primary key, so a model, or what does in its place; the error says how to give it."""
    with pytest.raises(TypeError, match=r"write Listing\(…, model=Product\), or .* Sort\(…, tie_breaker=…\)"):
        Listing(BrickFilter, sort=sort, page=Keyset(secret=SECRET))


@pytest.mark.promise("listing-13", "listing-64")
@pytest.mark.parametrize("options", [{"model": Product}, {"sort": Sort(Product.name), "page": Keyset(secret=SECRET)}])
def test_filters_that_the_model_of_the_listing_does_not_have_are_refused(options: dict[str, Any]) -> None:
    """Filters of no model are of the listing's, and are held to it when the listing is written."""
    with pytest.raises(ValueError, match="Product has no attribute 'colour'"):
        Listing(BrickFilter, **options)


@pytest.mark.promise("listing-64")
def test_a_secret_stays_out_of_sight() -> None:
    """Neither a page style nor a listing shows it."""
    style = Keyset(secret=SECRET)

    assert SECRET not in repr(style)
    assert SECRET not in repr(Listing(BrickFilter, sort=Sort("id"), page=style).__dict__)
