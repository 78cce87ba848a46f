"""How tokens travel: which places are read, and what two of them come to."""

from http.cookies import SimpleCookie
from typing import Annotated, Any

import pytest
from fastapi import Depends, Response

from brickwork.auth import CookieTransport, HeaderTransport, MemoryUser, QueryTransport, SocketTransport, TokenResponse
from brickwork.testing import assert_problem
from tests.auth.site import Site, bearer, open_site

AMBIGUOUS = 'Bearer realm="api", error="invalid_request"'


def protect(site: Site) -> None:
    """Add a route for users."""

    @site.app.get("/who")
    async def who(user: Annotated[MemoryUser, Depends(site.auth.user)]) -> str:
        return user.login


async def token_of(site: Site) -> str:
    """Give an access token."""
    return (await site.auth.issue(await site.add())).access_token


@pytest.mark.promise("auth-117")
async def test_a_cookie_is_read_where_cookies_are_on() -> None:
    """The access token of the cookie lets its user in."""
    async with open_site(transports=["cookie"]) as site:
        protect(site)
        cookie = f"other=1; __Host-access={await token_of(site)}; broken"

        response = await site.client.get("/who", headers={"Cookie": cookie})

    assert response.json() == "ada"


@pytest.mark.promise("auth-117")
@pytest.mark.parametrize("place", ["cookie", "query", "subprotocol"])
async def test_what_was_not_asked_for_is_not_read(place: str) -> None:
    """With the header and sockets, tokens anywhere else are nothing; a subprotocol of a request is none."""
    async with open_site(transports=["header", "websocket"]) as site:
        protect(site)
        token = await token_of(site)
        requests: dict[str, Any] = {
            "cookie": {"url": "/who", "headers": {"Cookie": f"__Host-access={token}"}},
            "query": {"url": f"/who?token={token}&my_access_token={token}"},
            "subprotocol": {"url": "/who", "headers": {"Sec-WebSocket-Protocol": f"bearer, {token}"}},
        }

        response = await site.client.get(**requests[place])

    assert (response.status_code, response.headers["www-authenticate"]) == (401, 'Bearer realm="api"')


@pytest.mark.promise("auth-117")
async def test_the_header_is_not_read_where_it_is_off() -> None:
    """With cookies alone, a bearer token is nothing."""
    async with open_site(transports=["cookie"]) as site:
        protect(site)

        response = await site.client.get("/who", headers=bearer(await token_of(site)))

    assert response.status_code == 401


@pytest.mark.promise("auth-118")
@pytest.mark.parametrize("parameter", ["access_token", "t"])
async def test_a_query_is_read_only_when_it_is_named(parameter: str) -> None:
    """`QueryTransport` reads the parameter it was made with, and no other."""
    async with open_site(transports=["header", QueryTransport(parameter)]) as site:
        protect(site)
        token = await token_of(site)

        urls = [f"/who?a=1&{parameter}={token}", f"/who?x{parameter}={token}", "/who"]
        answers = [await site.client.get(url) for url in urls]

    assert [each.status_code for each in answers] == [200, 401, 401]


@pytest.mark.promise("auth-118")
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}, {"Cookie": "__Host-access=x"}])
@pytest.mark.parametrize(
    ("transports", "place"),
    [
        (["header"], "the Authorization header"),
        (["cookie", "websocket"], "the cookie or the subprotocol of the WebSocket"),
        ([QueryTransport("t"), "header"], "the query or the Authorization header"),
    ],
)
async def test_a_token_in_the_url_is_refused_with_the_place_for_it(
    transports: list[Any], place: str, headers: dict[str, str]
) -> None:
    """Alone or beside another, good or bad: whoever sends it hears that it is in a log now."""
    async with open_site(transports=transports) as site:
        protect(site)
        token = await token_of(site)

        answers = [
            await site.client.get(f"/who?a=1&access_token={each}", headers=headers) for each in (token, "bad", "")
        ]

    for answer in answers:
        body = assert_problem(answer, 400, slug="ambiguous-credentials")
        assert body["detail"] == f"Send the access token in {place}, never in the URL."
        assert answer.headers["www-authenticate"] == AMBIGUOUS


@pytest.mark.promise("auth-119")
@pytest.mark.parametrize("places", ["header header", "header cookie", "cookie cookie", "query query", "header query"])
async def test_two_tokens_are_refused(places: str) -> None:
    """Two credentials in one request are 400, be they the same."""
    async with open_site(transports=["header", "cookie", QueryTransport("access_token")]) as site:
        protect(site)
        token = await token_of(site)
        carried = {
            "header": ("Authorization", f"Bearer {token}"),
            "cookie": ("Cookie", f"__Host-access={token}"),
        }
        listed = places.split()
        query = "&".join(f"access_token={token}" for place in listed if place == "query")

        response = await site.client.get(f"/who?{query}", headers=[carried[each] for each in listed if each in carried])

    assert (response.status_code, response.headers["www-authenticate"]) == (400, AMBIGUOUS)


async def test_two_authorization_headers_are_refused_whatever_they_say() -> None:
    """A proxy and a server that take different ones must not be played off against each other."""
    async with open_site() as site:
        protect(site)
        headers = [("Authorization", f"Bearer {await token_of(site)}"), ("Authorization", "Basic YTpi")]

        response = await site.client.get("/who", headers=headers)

    assert response.status_code == 400


def cookies_of(response: Response) -> dict[str, dict[str, Any]]:
    """Give the attributes of the cookies that a response sets."""
    found: dict[str, dict[str, Any]] = {}
    for line in response.headers.getlist("set-cookie"):
        for name, morsel in SimpleCookie(line).items():
            found[name] = {"value": morsel.value, **{key: value for key, value in morsel.items() if value}}
    return found


@pytest.mark.promise("auth-120")
def test_cookies_are_out_of_reach_of_scripts_and_other_hosts() -> None:
    """Tokens go into __Host- cookies that are Secure, HttpOnly and SameSite; only the CSRF token can be read."""
    response = Response()
    tokens = TokenResponse(access_token="A", refresh_token="R", expires_in=900)

    CookieTransport().deliver(response, tokens, csrf="C", refresh_ttl=1000.5)

    kept = {"path": "/", "secure": True, "samesite": "lax"}
    assert cookies_of(response) == {
        "__Host-access": {"value": "A", "max-age": "900", "httponly": True, **kept},
        "__Host-refresh": {"value": "R", "max-age": "1000", "httponly": True, **kept},
        "__Host-csrf": {"value": "C", "max-age": "1000", **kept},
    }


@pytest.mark.promise("auth-120")
@pytest.mark.parametrize("transport", [CookieTransport(), CookieTransport(insecure=True, samesite="strict")])
def test_cookies_are_cleared_with_the_attributes_they_were_set_with(transport: CookieTransport) -> None:
    """A browser forgets all three, at once."""
    tokens = TokenResponse(access_token="A", refresh_token="R", expires_in=900)
    delivered, cleared = Response(), Response()
    transport.deliver(delivered, tokens, csrf="C", refresh_ttl=1000)

    transport.clear(cleared)

    told = ("path", "secure", "samesite", "httponly")
    before, after = cookies_of(delivered), cookies_of(cleared)
    assert {name: [each.get(key) for key in told] for name, each in before.items()} == {
        name: [each.get(key) for key in told] for name, each in after.items()
    }
    assert {(each["value"], "expires" in each) for each in after.values()} == {("", True)}
    assert all("Max-Age=0" in line for line in cleared.headers.getlist("set-cookie"))


async def test_tokens_without_a_refresh_token_set_no_cookie_for_it() -> None:
    """There is nothing to refresh with."""
    response = Response()

    CookieTransport().deliver(response, TokenResponse(access_token="A", expires_in=9), csrf="C", refresh_ttl=9)

    assert cookies_of(response).keys() == {"__Host-access", "__Host-csrf"}


@pytest.mark.promise("auth-120")
def test_less_than_that_is_said_by_name() -> None:
    """Plain http takes `insecure=True`, and costs the prefix; a namespace tells two Auth apart."""
    plain, admin = CookieTransport(insecure=True), CookieTransport(namespace="admin")
    response = Response()
    plain.clear(response)

    assert plain.access_cookie == "access"
    assert admin.access_cookie == "__Host-admin-access"
    assert all("secure" not in each for each in cookies_of(response).values())


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"namespace": "a b"}, ValueError),
        ({"namespace": "ä"}, ValueError),
        ({"samesite": "none"}, ValueError),
        ({"origins": "https://app.example"}, TypeError),
        ({"origins": ["app.example"]}, ValueError),
        ({"origins": ["https://app.example/"]}, ValueError),
        ({"origins": ["*"]}, ValueError),
    ],
)
def test_cookies_refuse_options_that_make_no_sense(options: dict[str, Any], error: type[Exception]) -> None:
    """What would weaken them in silence is an error of the start."""
    with pytest.raises(error):
        CookieTransport(**options)


def test_transports_say_how_they_are_described() -> None:
    """OpenAPI has words for the header, cookies and queries, and none for sockets."""
    described = [each.scheme is not None for each in (HeaderTransport(), CookieTransport(), QueryTransport("t"))]

    assert described == [True, True, True]
    assert SocketTransport().scheme is None
