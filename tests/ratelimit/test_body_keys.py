"""Counting by what a body says, and leaving the body to the endpoint."""

import json
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Form, Request
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient

from brickwork.ratelimit import by_form, by_json
from brickwork.ratelimit._service.keys import Identity, Key, found_by
from tests.ratelimit.scopes import connection, request

URLENCODED = "application/x-www-form-urlencoded"
JSON = "application/json"
ABSENT = Identity(("absent",), "absent")


class Login(BaseModel):
    """What an endpoint wants to read."""

    username: str


class Site:
    """An app whose routes read their bodies in many ways, each behind a dependency that reads it for a key."""

    def __init__(self, key: Key) -> None:
        self.found: list[Identity] = []
        self.app = FastAPI(dependencies=[Depends(self._look)])
        self._key = key
        router = APIRouter(dependencies=[Depends(self._look)])
        router.post("/form")(_form)
        router.post("/json")(_json)
        for read in (_own_form, _own_json, _own_body, _own_stream, _nothing):
            router.post(f"/{read.__name__}")(read)
        self.app.include_router(router)
        self.client = TestClient(self.app, raise_server_exceptions=False)

    async def _look(self, request: Request) -> None:
        self.found.append(await found_by(self._key, request))


async def _form(username: Annotated[str, Form()]) -> str:
    return username


async def _json(login: Login) -> str:
    return login.username


async def _own_form(request: Request) -> str:
    return str((await request.form())["username"])


async def _own_json(request: Request) -> str:
    return str((await request.json())["username"])


async def _own_body(request: Request) -> str:
    return (await request.body()).decode()


async def _nothing() -> None:
    pass


async def _own_stream(request: Request) -> str:
    return b"".join([part async for part in request.stream()]).decode()


@pytest.mark.promise("ratelimit-26")
@pytest.mark.parametrize(
    ("path", "answer"),
    [("/form", "Ada"), ("/_own_form", "Ada"), ("/_own_body", "username=Ada"), ("/_own_stream", "username=Ada")],
)
def test_a_form_is_there_for_the_endpoint(path: str, answer: str) -> None:
    """However an endpoint reads a form, it finds what was sent, and the key finds the field."""
    site = Site(by_form("username"))

    response = site.client.post(path, data={"username": "Ada"})

    assert (response.status_code, response.json()) == (200, answer)
    assert site.found == [Identity(("form", "username", "ada"))]


@pytest.mark.promise("ratelimit-26")
@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/json", "Ada"),
        ("/_own_json", "Ada"),
        ("/_own_body", '{"username":"Ada"}'),
        ("/_own_stream", '{"username":"Ada"}'),
    ],
)
def test_json_is_there_for_the_endpoint(path: str, answer: str) -> None:
    """However an endpoint reads JSON, it finds what was sent, and the key finds the member."""
    site = Site(by_json("username"))

    response = site.client.post(path, content=b'{"username":"Ada"}', headers={"content-type": JSON})

    assert (response.status_code, response.json()) == (200, answer)
    assert site.found == [Identity(("json", "username", "ada"))]


@pytest.mark.promise("ratelimit-26")
@pytest.mark.parametrize("path", ["/form", "/_own_form"])
def test_a_form_with_files_is_there_for_the_endpoint(path: str) -> None:
    """Files go with a form as they would without the key, and a file is no login."""
    site = Site(by_form("username"))
    files = Site(by_form("upload"))

    response = site.client.post(path, data={"username": "Ada"}, files={"upload": b"x" * 2_000_000})
    files.client.post(path, data={"username": "Ada"}, files={"upload": b"x"})

    assert (response.status_code, response.json()) == (200, "Ada")
    assert site.found == [Identity(("form", "username", "ada"))]
    assert files.found == [ABSENT]


@pytest.mark.promise("ratelimit-26")
@pytest.mark.parametrize(
    ("path", "kind", "body", "status"),
    [
        ("/json", JSON, b"{", 422),
        ("/json", JSON, b'{"other": 1}', 422),
        ("/json", JSON, b'["Ada"]', 422),
        ("/json", JSON, b"\xff", 400),
        ("/json", "text/plain", b'{"username": "Ada"}', 422),
        ("/form", URLENCODED, b"", 422),
        ("/form", URLENCODED, b"%ff=%", 422),
        ("/form", "multipart/form-data", b"x", 400),
        ("/_own_form", "multipart/form-data", b"x", 400),
        ("/_own_form", "multipart/form-data; boundary=x", b"--y", 400),
        ("/_own_body", JSON, b"{", 200),
        ("/_own_body", JSON, b"[" * 100_000, 200),
        ("/_own_body", JSON, b"1" * 5_000, 200),
        ("/_own_body", URLENCODED, b"%ff=%", 200),
    ],
)
def test_what_is_malformed_is_the_endpoints(path: str, kind: str, body: bytes, status: int) -> None:
    """A body that makes no sense is answered as it is without the key, and never with 500."""
    bare = TestClient(_without_keys(), raise_server_exceptions=False)

    sent: dict[str, Any] = {"content": body, "headers": {"content-type": kind}}
    expected = bare.post(path, **sent).status_code

    assert expected == status
    for key in (by_json("username"), by_form("username")):
        assert Site(key).client.post(path, **sent).status_code == status


def _without_keys() -> FastAPI:
    app = FastAPI()
    app.post("/form")(_form)
    app.post("/json")(_json)
    app.post("/_own_form")(_own_form)
    app.post("/_own_body")(_own_body)
    return app


@pytest.mark.promise("ratelimit-26")
@pytest.mark.parametrize("spelling", ["ada", "ADA", " Ada ", "\uff41\uff44\uff41", "\u3000ada\u3000", "ᴬda"])
async def test_a_login_is_one_however_it_is_written(spelling: str) -> None:
    """Case, width and white space around do not make another login; where they are to count, they do."""
    body = json.dumps({"username": spelling}).encode()

    assert await found_by(by_json("username"), request(body, JSON)) == Identity(("json", "username", "ada"))
    exact = await found_by(by_json("username", casefold=False), request(body, JSON))
    assert exact == Identity(("json", "username", spelling.strip()))


@pytest.mark.parametrize(
    ("member", "expected"), [(7, "7"), (True, ""), (None, ""), (1.5, ""), ({"a": 1}, ""), ("", ""), ("  ", "")]
)
async def test_texts_and_whole_numbers_are_logins(member: Any, expected: str) -> None:
    """What is neither is counted as if nothing had been sent."""
    found = await found_by(by_json("n"), request(json.dumps({"n": member}).encode(), JSON))

    assert found == (Identity(("json", "n", expected)) if expected else ABSENT)


async def test_huge_texts_are_not_folded() -> None:
    """No text takes long to compare; one that is as long as a book counts as it stands."""
    huge = "Ä" * 5_000

    found = await found_by(by_json("n"), request(json.dumps({"n": huge}).encode(), JSON))

    assert found.parts[2] == huge


async def test_a_form_without_fastapi() -> None:
    """A key reads the form of a plain request too, whoever closes its files."""
    assert (await found_by(by_form("n"), request(b"n=Ada", URLENCODED))).parts == ("form", "n", "ada")


async def test_what_has_no_body_has_no_field() -> None:
    """A socket, which sends no body, has none of its fields."""
    assert await found_by(by_form("username"), connection()) == ABSENT


async def test_a_client_that_goes_away_is_not_counted() -> None:
    """Where the body does not arrive, the key does not pretend that it did, and the log has no error of it."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    left = request(b"", URLENCODED)
    left._receive = receive

    with pytest.raises(HTTPException, match="400"):
        await found_by(by_form("username"), left)


@pytest.mark.promise("ratelimit-26")
@pytest.mark.parametrize("charset", ["undefined", '"a\0"', "idna", "punycode", "unicode_escape", "utf-16", "rot13"])
def test_no_character_set_is_an_error_of_the_server(charset: str) -> None:
    """A form in a character set that nobody can read is refused, or read as it stands; it never ends in 500."""
    kind = f"multipart/form-data; boundary=x; charset={charset}"
    body = b'--x\r\nContent-Disposition: form-data; name="username"\r\n\r\nxn--\xff..\r\n--x--\r\n'

    response = Site(by_form("username")).client.post("/_nothing", content=body, headers={"content-type": kind})

    assert response.status_code in (200, 400)
