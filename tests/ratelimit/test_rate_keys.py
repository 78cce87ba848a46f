"""Counting by what a request carries, by keys of one's own, and by several keys."""

import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, Request
from starlette.authentication import SimpleUser, UnauthenticatedUser
from starlette.requests import HTTPConnection
from starlette.testclient import TestClient

from brickwork._core.scope import state_caller
from brickwork.ratelimit import by_cookie, by_form, by_header, by_ip, by_json, by_route, by_user
from brickwork.ratelimit._service.keys import Identity, Key, KeyFailedError, as_key, found_by, stated
from tests.ratelimit.scopes import connection

ABSENT = Identity(("absent",), "absent")


async def parts(key: Key, headers: dict[str, str] | None = None, **more: Any) -> tuple[str, ...]:
    """Give what a key finds."""
    return (await found_by(key, connection(headers, **more))).parts


async def test_a_header_tells_callers_apart() -> None:
    """The value counts, in one spelling of the name, with all lines of the header."""
    key = by_header("X-API-Key")

    assert await parts(key, {"x-api-key": " ada "}) == ("header", "x-api-key", "ada")
    assert (await found_by(key, connection([("x-api-key", "a"), ("X-API-KEY", "b")]))).parts[2] == "a,b"
    assert by_header("x-api-key") == key


async def test_a_cookie_tells_callers_apart() -> None:
    """The cookie of that name counts, and no other."""
    assert await parts(by_cookie("sid"), {"cookie": "sid=ada; other=1"}) == ("cookie", "sid", "ada")
    assert await parts(by_cookie("sid"), {"cookie": "SID=ada"}) == ("absent",)


@pytest.mark.promise("ratelimit-24")
@pytest.mark.parametrize(
    ("key", "headers"),
    [
        (by_header("x-api-key"), {}),
        (by_header("x-api-key"), {"x-api-key": "  "}),
        (by_cookie("sid"), {}),
        (by_cookie("sid"), {"cookie": "sid="}),
        (by_form("username"), {}),
        (by_json("email"), {}),
    ],
)
async def test_leaving_it_out_is_no_way_out(key: Key, headers: dict[str, str]) -> None:
    """Who leaves out what is counted by shares a bucket with all who do, or is counted by the next key."""
    assert await found_by(key, connection(headers)) == ABSENT
    assert await parts(key | by_ip(), headers) == ("ip", "198.51.100.9")


@pytest.mark.promise("ratelimit-24")
async def test_the_first_key_that_finds_somebody_counts() -> None:
    """Keys are asked in order; the last one's word holds where none finds anybody."""
    key = by_header("x-api-key") | by_cookie("sid") | by_ip()

    assert await parts(key, {"x-api-key": "ada", "cookie": "sid=1"}) == ("header", "x-api-key", "ada")
    assert await parts(key, {"cookie": "sid=1"}) == ("cookie", "sid", "1")
    assert await parts(key) == ("ip", "198.51.100.9")
    assert (await found_by(key, connection(peer=None))).missing == "address"
    assert await found_by(by_ip() | by_header("x-api-key"), connection(peer=None)) == ABSENT
    assert key == by_header("x-api-key") | (by_cookie("sid") | by_ip())


async def test_two_keys_count_together() -> None:
    """With & each pair is a caller; where one is absent the other still counts, and a next key is asked."""
    key = by_header("x-api-key") & by_ip()

    assert await parts(key, {"x-api-key": "ada"}) == ("header", "x-api-key", "ada", "ip", "198.51.100.9")
    assert await found_by(key, connection()) == Identity(("absent", "ip", "198.51.100.9"), "absent")
    assert await parts(key | by_ip()) == ("ip", "198.51.100.9")
    assert (await found_by(by_ip() & by_header("a"), connection(peer=None))).missing == "address"


def test_what_needs_the_route_says_so() -> None:
    """A middleware cannot read bodies and knows no route; keys that need them say so, joined ones too."""
    assert by_form("a").in_endpoint
    assert by_json("a").in_endpoint
    assert by_route().in_endpoint
    assert (by_ip() | by_form("a")).in_endpoint
    assert (by_ip() & by_form("a")).in_endpoint
    assert not (by_ip() & by_user() | by_header("a")).in_endpoint


async def test_a_route_is_counted_with_its_method() -> None:
    """All callers of a route share its bucket, whatever its parameters; HEAD is GET."""
    app, found = FastAPI(), []

    async def read_scope(request: Request) -> None:
        found.append((await found_by(by_route(), request)).parts)

    app.add_api_route("/seen/{item}", read_scope, methods=["GET", "HEAD", "POST"])
    client = TestClient(app)
    for method, path in [("GET", "/seen/1"), ("HEAD", "/seen/2"), ("POST", "/seen/3")]:
        client.request(method, path)

    assert found == [("route", "GET", "/seen/{item}")] * 2 + [("route", "POST", "/seen/{item}")]
    assert await parts(by_route(), path="/nowhere") == ("route", "GET", "/nowhere")


@pytest.mark.promise("ratelimit-25")
async def test_a_user_is_whom_somebody_found() -> None:
    """What was stated of this request counts, and an anonymous caller is nobody."""
    known, anonymous = connection(), connection()
    state_caller(known.scope, "ada")
    state_caller(known.scope, None)
    state_caller(anonymous.scope, None)

    assert await found_by(by_user(), known) == Identity(("user", "ada"))
    assert await found_by(by_user(), anonymous) == ABSENT
    assert (await found_by(by_user() | by_ip(), anonymous)).parts == ("ip", "198.51.100.9")


@pytest.mark.promise("ratelimit-25")
async def test_a_shared_state_shares_no_user() -> None:
    """Where a server gives all requests one state, the user of one is not that of the next."""
    state: dict[str, Any] = {}
    first, second = connection(state=state), connection(state=state)
    state_caller(first.scope, "ada")

    with pytest.raises(RuntimeError, match="Depends"):
        await found_by(by_user(), second)
    state_caller(second.scope, None)
    assert await found_by(by_user(), second) == ABSENT


@pytest.mark.promise("ratelimit-25")
async def test_starlettes_user_is_one_too() -> None:
    """Whom Starlette's AuthenticationMiddleware found counts, by identity or else by name."""
    assert await parts(by_user(), user=SimpleUser("ada")) == ("user", "ada")
    assert await parts(by_user(), user=UnauthenticatedUser()) == ("absent",)
    named = SimpleNamespace(is_authenticated=True, identity="", display_name="Ada")
    assert await parts(by_user(), user=named) == ("user", "Ada")


@pytest.mark.promise("ratelimit-25")
async def test_a_user_nobody_asked_for_is_an_error() -> None:
    """Counting by user before anybody knows who calls fails loudly, also where another key would follow."""
    with pytest.raises(RuntimeError, match=r"key=Depends\(auth.user\)"):
        await found_by(by_user() | by_ip(), connection())


@pytest.mark.promise("ratelimit-22")
@pytest.mark.parametrize(
    ("given", "text"),
    [("ada", "ada"), (7, "7"), (uuid.UUID(int=1), str(uuid.UUID(int=1))), (SimpleNamespace(id=8), "8")],
)
async def test_a_key_of_ones_own(given: Any, text: str) -> None:
    """A function of the connection is a key, sync or async; it gives a text, or somebody with an ID."""

    def tell(connection: HTTPConnection) -> Any:
        return given

    async def tell_later(connection: HTTPConnection) -> Any:
        return given

    assert await parts(as_key(tell)) == ("own", text)
    assert await parts(as_key(tell_later)) == ("own", text)


@pytest.mark.promise("ratelimit-22")
@pytest.mark.parametrize("given", [None, ""])
async def test_a_key_of_ones_own_may_find_nobody(given: str | None) -> None:
    """The next key is asked, and without one it is nobody in particular."""

    def nobody(connection: HTTPConnection) -> str | None:
        return given

    assert await found_by(as_key(nobody), connection()) == Identity(("absent",), "nothing")
    assert await parts(nobody | by_ip()) == ("ip", "198.51.100.9")
    assert await parts(by_header("x-api-key") | nobody) == ("absent",)
    assert await parts(nobody & by_ip()) == ("absent", "ip", "198.51.100.9")
    assert await parts(by_ip() & nobody) == ("ip", "198.51.100.9", "absent")


@pytest.mark.promise("ratelimit-22")
async def test_what_a_key_of_ones_own_raises() -> None:
    """An HTTP error is the answer that is wanted; any other error, and what is no identity, is a failed key."""

    def refuse(connection: HTTPConnection) -> str:
        raise HTTPException(401)

    async def fail(connection: HTTPConnection) -> str:
        raise KeyError("ada")

    def confuse(connection: HTTPConnection) -> Any:
        return ["ada"]

    with pytest.raises(HTTPException):
        await found_by(as_key(refuse), connection())
    for key, cause in [(fail, KeyError), (confuse, TypeError)]:
        with pytest.raises(KeyFailedError) as caught:
            await found_by(as_key(key), connection())
        assert isinstance(caught.value.__cause__, cause)


def test_what_an_application_states() -> None:
    """A text, a number, a UUID or somebody with one as id is an identity; anything else is not."""
    assert stated("ada") == Identity(("own", "ada"))
    assert stated(None).missing == "nothing"
    with pytest.raises(TypeError, match="somebody with an id"):
        stated(object())


@pytest.mark.promise("ratelimit-16")
def test_what_is_no_key_is_refused() -> None:
    """What cannot be asked is refused, and so is a maker of keys that was not called."""
    with pytest.raises(TypeError, match=r"write by_ip\("):
        as_key(by_ip)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a key is by_ip"):
        as_key("ip")  # type: ignore[arg-type]
    for named in (by_header, by_cookie):
        with pytest.raises(ValueError, match="no name of a header or cookie"):
            named("x api key")
    for read in (by_form, by_json):
        with pytest.raises(ValueError, match="a field has a name"):
            read("")


def test_keys_are_told_apart_by_what_they_say() -> None:
    """Equal keys are equal, so that equal limits are one dependency."""
    assert by_user() == by_user()
    assert by_cookie("a") != by_cookie("A")
    assert by_form("a") != by_json("a")
    assert by_form("a") != by_form("a", casefold=False)
    assert hash(by_ip() & by_route()) == hash(by_ip() & by_route())
