"""The router: which routes there are, how they are chosen and named, and what each may answer."""

from typing import Any

import pytest
from httpx2 import Response
from openapi_spec_validator import validate

from brickwork.auth._depends.auth import Auth
from brickwork.auth.memory import MemoryUserStore
from brickwork.testing import assert_problem
from tests.auth.site import HASHER, PASSWORD, SECRET, Site, bearer, open_site

CLIENTS = {"gateway": "the secret of the gateway, made long enough"}
ALL = {
    "token": "POST /auth/token",
    "login": "POST /auth/login",
    "refresh": "POST /auth/refresh",
    "logout": "POST /auth/logout",
    "logout_all": "POST /auth/logout-all",
    "register": "POST /auth/register",
    "change_password": "POST /auth/password",
    "forgot_password": "POST /auth/password/forgot",
    "reset_password": "POST /auth/password/reset",
    "verify_email": "POST /auth/verify-email",
    "request_verification": "POST /auth/verify-email/request",
    "me": "GET /auth/me",
    "sessions": "GET /auth/sessions",
    "end_session": "DELETE /auth/sessions/{session_id}",
    "jwks": "GET /auth/jwks.json",
    "revoke": "POST /auth/revoke",
    "introspect": "POST /auth/introspect",
    "create_key": "POST /auth/keys",
    "keys": "GET /auth/keys",
    "revoke_key": "DELETE /auth/keys/{key_id}",
    "rotate_key": "POST /auth/keys/{key_id}/rotate",
}


# --- which


@pytest.mark.promise("auth-140")
async def test_all_routes_are_there_under_stable_names() -> None:
    """Each has an operation ID of its own, a summary, and its path."""
    async with open_site(clients=CLIENTS) as site:
        found = _operations(site)

    assert {name.removeprefix("auth_"): where for name, (where, _) in found.items()} == ALL
    assert all(operation["summary"] for _, operation in found.values())


@pytest.mark.promise("auth-141")
@pytest.mark.parametrize("name", sorted(ALL))
async def test_each_route_can_be_left_out_or_renamed(name: str) -> None:
    """By its name; the others stay."""
    method, _, path = ALL[name].partition(" ")
    renamed = path.removeprefix("/auth").replace("/", "/my-", 1)
    async with (
        open_site(clients=CLIENTS, router={"exclude": [name]}) as without,
        open_site(clients=CLIENTS, router={"paths": {name: renamed}}) as with_other,
    ):
        left = {where for where, _ in _operations(without).values()}
        moved = {where for where, _ in _operations(with_other).values()}

    assert left == set(ALL.values()) - {ALL[name]}
    assert moved == {*left, f"{method} /auth{renamed}"}


@pytest.mark.promise("auth-142")
async def test_a_route_that_lacks_what_it_needs_is_not_there() -> None:
    """No clients, no callbacks, and no header for a token to come in."""
    options: dict[str, Any] = {"on_password_reset": None, "on_verify_email": None, "transports": ["cookie"]}
    gone = {"introspect", "forgot_password", "reset_password", "verify_email", "request_verification", "token"}
    async with open_site(**options, router={"exclude": ["introspect"]}) as site:
        found = {name.removeprefix("auth_") for name in _operations(site)}

        response = await site.client.post("/auth/password/forgot", json={"login": "ada"})
        registered = await site.client.post("/auth/register", json={"login": "ada", "password": PASSWORD})

    assert found == set(ALL) - gone
    assert response.status_code == 404
    assert registered.status_code == 201


@pytest.mark.promise("auth-141")
@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"exclude": ["logn"]}, ValueError, "no route 'logn'; the routes are change_password, "),
        ({"paths": {"logn": "/x"}}, ValueError, "no route 'logn'"),
        ({"exclude": "login"}, TypeError, r"write \['login'\]"),
        ({"paths": {"login": "x"}}, ValueError, "write a path like '/login'"),
        ({"paths": {"revoke_key": "/keys"}}, ValueError, "write a path like '/keys/{key_id}'"),
    ],
    ids=["left out", "renamed", "text", "no slash", "no place for the ID"],
)
def test_what_makes_no_sense_is_refused_at_once(options: dict[str, Any], error: type[Exception], match: str) -> None:
    """When the router is made, with a sentence that says what to write."""
    auth = Auth(MemoryUserStore(), secret=SECRET, hasher=HASHER)

    with pytest.raises(error, match=match):
        auth.router(**options)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"access_ttl": 0}, "access_ttl=0"),
        ({"session_limit": 0}, "session_limit=0"),
        ({"access_ttl": 100, "refresh_ttl": 99}, "access_ttl <= refresh_ttl"),
        ({"reuse_grace": -1}, "reuse_grace=-1"),
        ({"login_fields": "login"}, "takes a list"),
        ({"login_fields": ()}, "takes a list"),
        ({"key_prefix": "my_key"}, "letters and digits"),
        ({"key_prefix": ""}, "letters and digits"),
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_refused_at_once(options: dict[str, Any], match: str) -> None:
    """When the `Auth` is made."""
    with pytest.raises(ValueError, match=match):
        Auth(MemoryUserStore(), secret=SECRET, hasher=HASHER, **options)


# --- the document


@pytest.mark.promise("auth-143")
@pytest.mark.parametrize("handlers", [True, False])
@pytest.mark.parametrize("transports", [["header"], ["cookie"], ["header", "cookie", "websocket"]], ids=str)
async def test_the_document_is_valid(handlers: bool, transports: list[str]) -> None:
    """For every way that tokens can travel."""
    async with open_site(clients=CLIENTS, handlers=handlers, transports=transports) as site:
        document = site.app.openapi()

    validate(document)


@pytest.mark.promise("auth-143")
async def test_the_document_names_forms_and_their_errors() -> None:
    """The routes of OAuth take forms, and say what is wrong in its words."""
    async with open_site(clients=CLIENTS) as site:
        found = _operations(site)

    for name in ("token", "revoke", "introspect"):
        _, operation = found[f"auth_{name}"]
        assert list(operation["requestBody"]["content"]) == ["application/x-www-form-urlencoded"]
        error = operation["responses"]["400"]["content"]["application/json"]["schema"]
        assert error == {"$ref": "#/components/schemas/OAuthErrorBody"}
        assert "content" not in operation["responses"]["413"]
        assert "422" not in operation["responses"]


@pytest.mark.promise("auth-143")
async def test_no_document_shows_a_secret() -> None:
    """Passwords are write-only, and no example or default holds anything."""
    async with open_site(clients=CLIENTS) as site:
        text = str(site.app.openapi())

    assert CLIENTS["gateway"] not in text
    assert SECRET not in text
    assert "password_hash" not in text


async def test_two_realms_share_one_document() -> None:
    """The operations of each are told apart by the realm."""
    async with open_site() as site:
        other = Auth(MemoryUserStore(), secret=SECRET, hasher=HASHER, realm="admin")
        site.app.include_router(other.router(), prefix="/admin")

        found = _operations(site)

    assert {"auth_login", "auth_admin_login"} <= set(found)
    assert found["auth_admin_login"][0] == "POST /admin/login"


# --- forms


@pytest.mark.promise("auth-144")
@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": "PASSWORD"}, "unsupported_grant_type"),
        ({"grant_type": "password"}, "invalid_request"),
        ({"grant_type": "password", "username": "ada"}, "invalid_request"),
        ({"grant_type": "password", "username": "ada", "password": ""}, "invalid_request"),
        ({"grant_type": "password", "username": "ada", "password": "wrong"}, "invalid_grant"),
        ({"grant_type": "password", "username": "ada", "password": "x" * 5_000}, "invalid_grant"),
        ({"grant_type": "password", "username": "ada", "password": PASSWORD, "scope": "b"}, "invalid_scope"),
        ({"grant_type": "password", "username": "ada", "password": PASSWORD, "scope": "a  a"}, "invalid_scope"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "nonsense"}, "invalid_grant"),
    ],
    ids=str,
)
async def test_the_token_endpoint_says_what_is_wrong(form: dict[str, str], error: str) -> None:
    """In the words of OAuth, with 400, and in no cache."""
    async with open_site() as site:
        await site.add(scopes=("a",))

        response = await site.token(**form)

    _assert_refused(response, error)


@pytest.mark.promise("auth-144")
@pytest.mark.parametrize(
    "sent",
    [
        {"content": f"grant_type=password&username=ada&password={PASSWORD}&password=x"},
        {"content": "grant_type=password&username=ada&grant_type=password&password=x"},
        {"content": "grant_type=password&username=%FF&password=x"},
        {"content": b"grant_type=\xff"},
        {"content": "&".join(f"a{number}=1" for number in range(100))},
        {"content": f"grant_type=password&username=ada&password={PASSWORD}", "type": "text/plain"},
        {"content": '{"grant_type": "password"}', "type": "application/json"},
        {"content": "grant_type=password", "type": "multipart/form-data"},
        {"content": "", "params": {"grant_type": "password", "username": "ada", "password": PASSWORD}},
        {"content": f"grant_type=password&username=ada&password={PASSWORD}", "params": {"client_secret": "x"}},
    ],
    ids=["twice", "grant twice", "not UTF-8", "raw bytes", "too many", "text", "JSON", "multipart", "query", "both"],
)
async def test_the_token_endpoint_takes_forms_alone(sent: dict[str, Any]) -> None:
    """Each parameter once, in UTF-8, and none in the URL."""
    async with open_site() as site:
        await site.add()
        headers = {"Content-Type": sent.get("type", "application/x-www-form-urlencoded; charset=utf-8")}

        response = await site.client.post(
            "/auth/token", content=sent["content"], headers=headers, params=sent.get("params")
        )

    _assert_refused(response, "invalid_request")
    assert PASSWORD not in response.text


@pytest.mark.promise("auth-144")
async def test_unknown_parameters_are_ignored() -> None:
    """As OAuth wants it; so is the empty client of a browser's form."""
    async with open_site() as site:
        await site.add()

        response = await site.client.post(
            "/auth/token",
            data={"grant_type": "password", "username": "ada", "password": PASSWORD, "audience": "x", "scope": ""},
            params={"tenant": "north"},
            auth=("", ""),
        )

    assert response.status_code == 200


async def test_tokens_are_never_got() -> None:
    """A GET is refused, whatever it holds."""
    async with open_site() as site:
        response = await site.client.get("/auth/token", params={"grant_type": "password"})

    assert response.status_code == 405


# --- caches


@pytest.mark.promise("auth-146")
@pytest.mark.parametrize("handlers", [True, False])
async def test_nothing_that_carries_tokens_is_kept_by_a_cache(handlers: bool) -> None:
    """Neither answers nor errors."""
    async with open_site(handlers=handlers, clients=CLIENTS) as site:
        await site.add()
        tokens = await site.tokens()

        answers = [
            await site.log_in(),
            await site.log_in(password="wrong"),
            await site.token(grant_type="password", username="ada", password=PASSWORD),
            await site.token(grant_type="password", username="ada", password="wrong"),
            await site.token(),
            await site.refresh(tokens["refresh_token"]),
            await site.refresh("nonsense"),
            await site.post("/keys", tokens, {"name": "ci"}),
            await site.post("/password", tokens, {"current_password": "wrong", "new_password": "x"}),
            await site.client.get("/auth/me", headers=bearer("nonsense")),
            await site.client.post("/auth/introspect", data={"token": "x"}, auth=("gateway", CLIENTS["gateway"])),
            await site.client.post("/auth/introspect", data={"token": "x"}),
            await site.client.post("/auth/revoke", data={"token": "x"}),
        ]

    for answer in answers:
        assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")


# --- delivery


@pytest.mark.promise("auth-147")
async def test_the_first_transport_delivers_unless_asked() -> None:
    """By cookie the body shows no token; by header there is no cookie."""
    for transports in (["header", "cookie"], ["cookie", "header"]):
        async with open_site(transports=transports) as site:
            await site.add()

            unasked = await site.log_in()
            site.client.cookies.clear()
            asked = {name: await site.log_in(transport=name) for name in ("cookie", "header")}

        assert ("access_token" in unasked.json()) is (transports[0] == "header")
        assert set(asked["cookie"].json()) == {"expires_in", "scope", "csrf_token"}
        assert "__Host-access" in str(asked["cookie"].headers.get_list("set-cookie"))
        assert "access_token" in asked["header"].json()
        assert "set-cookie" not in asked["header"].headers


@pytest.mark.promise("auth-147")
async def test_a_login_by_cookie_ends_the_session_that_it_replaces() -> None:
    """The former tokens of that browser are worth nothing any more."""
    async with open_site(transports=["cookie"]) as site:
        user = await site.add()
        first = await site.log_in()
        (former,) = await site.auth.sessions(user)

        second = await site.log_in()

        (session,) = await site.auth.sessions(user)
    assert first.json()["csrf_token"] != second.json()["csrf_token"]
    assert session.id != former.id


@pytest.mark.promise("auth-147")
async def test_cookies_live_as_long_as_their_session() -> None:
    """Never beyond its absolute end."""
    async with open_site(transports=["cookie"], refresh_ttl=1_000, absolute_ttl=1_500) as site:
        await site.add()
        login = await site.log_in()
        site.clock.advance(900)

        refreshed = await site.client.post("/auth/refresh", headers={"X-CSRF-Token": login.json()["csrf_token"]})

    assert "Max-Age=1000" in _cookie(login, "__Host-refresh")
    assert "Max-Age=900" in _cookie(login, "__Host-access")
    assert "Max-Age=600" in _cookie(refreshed, "__Host-refresh")
    assert "Max-Age=600" in _cookie(refreshed, "__Host-access")


async def test_two_cookies_of_one_name_are_refused() -> None:
    """Somebody has put one there."""
    async with open_site(transports=["cookie"]) as site:
        response = await site.client.post("/auth/refresh", headers={"Cookie": "__Host-refresh=a; __Host-refresh=b"})

    assert_problem(response, 400, slug="ambiguous-credentials")


def _operations(site: Site) -> dict[str, tuple[str, dict[str, Any]]]:
    paths: dict[str, dict[str, dict[str, Any]]] = site.app.openapi()["paths"]
    return {
        operation["operationId"]: (f"{method.upper()} {path}", operation)
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


def _assert_refused(response: Response, error: str) -> None:
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/json"
    assert set(response.json()) == {"error", "error_description"}
    assert response.json()["error"] == error
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["pragma"] == "no-cache"


def _cookie(response: Response, name: str) -> str:
    return next(each for each in response.headers.get_list("set-cookie") if each.startswith(f"{name}="))
