"""Links to the pages around one, and entity tags, as they go out."""

from typing import Annotated, TypeVar

import pytest
from fastapi import Depends, FastAPI, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from brickwork.listing import (
    Listing,
    ListQuery,
    Offset,
    Page,
)
from brickwork.problems import add_problem_handlers
from tests.listing.apps import WALL, Brick, get, numbered, walked, wall
from tests.listing.models import Tag

Item = TypeVar("Item")


class TagOut(BaseModel):
    """What a client gets of a tag."""

    name: str


@pytest.mark.promise("listing-68")
async def test_links_lead_to_the_pages_around() -> None:
    """A page by number links to the first, previous, next and last one, and keeps all other parameters."""
    answer = await get(wall(numbered()), "/bricks?size=10&colour__in=red&colour__in=grey&page=2&sort=-id")

    assert answer.headers["link"] == ", ".join(
        f'</bricks?size=10&colour__in=red&colour__in=grey&page={page}&sort=-id>; rel="{rel}"'
        for rel, page in (("first", 1), ("prev", 1), ("next", 3), ("last", 3))
    )


@pytest.mark.promise("listing-68")
async def test_links_never_lead_where_the_listing_refuses() -> None:
    """A page too deep is not linked to, and a total that is an estimate does not make a last page."""
    deep = await get(wall(numbered(page=Offset(5, max_offset=10))), "/bricks?page=3")

    assert 'rel="next"' not in deep.headers["link"]
    assert 'rel="last"' not in deep.headers["link"]
    assert deep.json()["has_next"]


@pytest.mark.promise("listing-68")
async def test_a_page_past_the_end_links_back_to_the_last_one() -> None:
    """The previous page of an empty one is one that has rows."""
    answer = await get(wall(numbered()), "/bricks?page=50")

    assert '</bricks?page=8>; rel="prev"' in answer.headers["link"]
    assert '</bricks?page=8>; rel="last"' in answer.headers["link"]


@pytest.mark.promise("listing-68")
@pytest.mark.parametrize(("prefix", "path"), [("/api", "/bricks"), ("/api", "/api/bricks"), ("/brick", "/bricks")])
async def test_links_hold_what_a_proxy_takes_off(prefix: str, path: str) -> None:
    """Where the application knows its prefix, links lead to what the client asked for, whether the proxy kept it."""
    app = wall(numbered())
    app.root_path = prefix

    answer = await get(app, path)

    assert f'<{prefix}/bricks?page=2>; rel="next"' in answer.headers["link"]


@pytest.mark.promise("listing-68")
async def test_links_join_those_of_the_endpoint() -> None:
    """A `Link` header that the endpoint sets itself stays."""
    app, listing = FastAPI(), numbered()

    @app.get("/bricks")
    async def list_bricks(query: Annotated[ListQuery[Brick], Depends(listing)], response: Response) -> Page[Brick]:
        response.headers["link"] = '</docs>; rel="help"'
        return query.slice(WALL, into=Brick)

    answer = await get(app, "/bricks")

    assert answer.headers.get_list("link")[0] == '</docs>; rel="help"'
    assert 'rel="next"' in answer.headers.get_list("link")[1]


@pytest.mark.promise("listing-68")
async def test_links_of_a_walk_can_be_followed() -> None:
    """The next link of each page leads through all rows, and the previous ones lead back."""
    app, path, seen = wall(walked()), "/bricks?sort=-price&price__gte=2", list[int]()
    links: dict[str, str] = {}
    for _ in range(10):
        answer = await get(app, path)
        seen += [item["id"] for item in answer.json()["items"]]
        links = {part.split('rel="')[1][:-1]: part.split(">")[0][1:] for part in answer.headers["link"].split(", ")}
        if "next" not in links:
            break
        path = links["next"]

    assert len(seen) == len(set(seen)) == 33
    assert "prev" in links


@pytest.mark.promise("listing-69")
async def test_the_same_page_has_the_same_tag() -> None:
    """A client that has the page gets 304 without a body, and the page again once it differs."""
    app = wall(numbered(etag=True))

    first = await get(app, "/bricks")
    again = await get(app, "/bricks", {"if-none-match": f'"x", {first.headers["etag"]}'})
    other = await get(app, "/bricks?page=2", {"if-none-match": first.headers["etag"]})

    assert first.headers["etag"].startswith('W/"')
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert again.headers["link"] == first.headers["link"]
    assert other.status_code == 200


@pytest.mark.promise("listing-69")
async def test_not_modified_has_no_body_with_problem_handlers() -> None:
    """304 is no problem: no document goes out with it."""
    app = wall(numbered(etag=True))
    add_problem_handlers(app)

    answer = await get(app, "/bricks", {"if-none-match": "*"})

    assert (answer.status_code, answer.content) == (304, b"")
    assert "content-type" not in answer.headers


@pytest.mark.promise("listing-69")
async def test_a_bare_list_has_a_tag_too(sqlite_session: Session) -> None:
    """Of its items and its total, which is in a header."""
    tags = Listing(model=Tag, page=Offset(2), etag=True)
    app = FastAPI()

    @app.get("/tags")
    async def list_tags(query: Annotated[ListQuery[Tag], Depends(tags)]) -> list[TagOut]:
        return query.items_sync(sqlite_session, into=TagOut)

    sqlite_session.add_all([Tag(name=name) for name in "abc"])
    sqlite_session.commit()
    first = await get(app, "/tags")
    again = await get(app, "/tags", {"if-none-match": first.headers["etag"]})
    sqlite_session.add(Tag(name="d"))
    sqlite_session.commit()
    changed = await get(app, "/tags", {"if-none-match": first.headers["etag"]})

    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert (changed.status_code, changed.json()) == (200, first.json())


@pytest.mark.promise("listing-69")
async def test_there_is_no_tag_unless_asked_for() -> None:
    """A page is not written twice for a header that nobody wanted."""
    assert "etag" not in (await get(wall(numbered()), "/bricks")).headers
