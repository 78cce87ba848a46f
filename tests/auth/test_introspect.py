"""Introspection: what a token is worth, for clients that may know."""

from base64 import b64encode
from typing import Any
from urllib.parse import quote_plus

import pytest
from httpx2 import Response

from brickwork.auth._depends.auth import Auth
from brickwork.auth.memory import MemoryUserStore
from tests.auth.site import Site, open_site, payload

CLIENTS = {"gateway": "the secret of the gateway, made long enough"}
_NO_TEXT = (b"\xff:x", b"gateway:%FF")
GATEWAY = ("gateway", CLIENTS["gateway"])


@pytest.mark.promise("auth-151")
async def test_a_good_token_is_active() -> None:
    """The answer holds what the token says, and whose it is."""
    async with open_site(clients=CLIENTS) as site:
        user = await site.add(scopes=("orders:read",))
        tokens = await site.tokens()

        access = (await _ask(site, tokens["access_token"])).json()
        refresh = (await _ask(site, tokens["refresh_token"])).json()

    assert access == {
        **payload(tokens["access_token"]),
        "active": True,
        "username": "ada",
        "token_type": "Bearer",
    }
    assert refresh["active"]
    assert refresh["sub"] == user.id
    assert refresh["scope"] == "orders:read"
    assert refresh["exp"] - refresh["iat"] == 14 * 86_400


@pytest.mark.promise("auth-152")
async def test_any_other_token_is_inactive_and_no_more() -> None:
    """Expired, ended, used up, foreign or nonsense: the answer says nothing else."""
    async with open_site(clients=CLIENTS) as site, open_site(secret="another secret of the right length") as other:
        user = await site.add()
        await other.add()
        used, ended = await site.tokens(), await site.tokens()
        fresh = (await site.refresh(used["refresh_token"])).json()
        await site.post("/logout", ended)
        dead = [used["refresh_token"], *_both(ended), *_both(await other.tokens()), "nonsense", "a.b.c"]

        answers = [await _ask(site, token) for token in dead]
        await site.users.update(user.id, {"active": False})
        answers += [await _ask(site, token) for token in _both(fresh)]

    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.json() == {"active": False} for answer in answers)


@pytest.mark.promise("auth-152")
async def test_an_expired_token_is_inactive() -> None:
    """To the second."""
    async with open_site(clients=CLIENTS) as site:
        await site.add()
        tokens = await site.tokens()
        site.clock.advance(899)
        before = await _ask(site, tokens["access_token"])
        site.clock.advance(1)

        after = await _ask(site, tokens["access_token"])

    assert before.json()["active"]
    assert after.json() == {"active": False}


@pytest.mark.promise("auth-153")
@pytest.mark.parametrize(
    "asking",
    [
        {},
        {"auth": ("gateway", "wrong")},
        {"auth": ("unknown", "wrong")},
        {"auth": ("gateway", "")},
        {"auth": ("", "")},
        {"form": {"client_id": "gateway"}},
        {"form": {"client_id": "gateway", "client_secret": "wrong \u00e9"}},
        {"form": {"client_secret": CLIENTS["gateway"]}},
        {"headers": {"Authorization": "Bearer " + CLIENTS["gateway"]}},
    ],
    ids=str,
)
async def test_who_is_no_client_learns_nothing(asking: dict[str, Any]) -> None:
    """The answer is 401 with a challenge, and the same whatever is wrong."""
    async with open_site(clients=CLIENTS) as site:
        await site.add()
        token = (await site.tokens())["access_token"]

        response = await _ask(site, token, **{"auth": None, **asking})

    assert response.status_code == 401
    assert response.json() == {"error": "invalid_client", "error_description": "The client's ID or secret is wrong."}
    assert response.headers["www-authenticate"] == 'Basic realm="api", charset="UTF-8"'
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.promise("auth-153")
async def test_a_client_may_show_its_secret_in_the_form() -> None:
    """In the form or in the header, and not in both."""
    form = {"client_id": "gateway", "client_secret": CLIENTS["gateway"]}
    async with open_site(clients=CLIENTS) as site:
        await site.add()
        token = (await site.tokens())["access_token"]

        by_form = await _ask(site, token, auth=None, form=form)
        by_both = await _ask(site, token, form=form)

    assert by_form.json()["active"]
    assert by_both.status_code == 400
    assert by_both.json()["error"] == "invalid_request"


@pytest.mark.promise("auth-154")
async def test_a_client_is_encoded_as_in_a_form() -> None:
    """An ID may hold a colon and a secret any character: OAuth has both encoded before they are joined."""
    name, secret = "https://gateway.example", "50% + a colon: of thirty-two bytes, or \u00e9 more"
    encoded = (quote_plus(name), quote_plus(secret))
    async with open_site(clients={name: secret}) as site:
        await site.add()
        token = (await site.tokens())["access_token"]

        response = await _ask(site, token, auth=encoded)

    assert response.json()["active"]


@pytest.mark.parametrize("header", ["Basic", "Basic !", *("Basic " + b64encode(each).decode() for each in _NO_TEXT)])
async def test_a_malformed_header_is_a_malformed_request(header: str) -> None:
    """What cannot be read is nobody's."""
    async with open_site(clients=CLIENTS) as site:
        response = await _ask(site, "token", auth=None, headers={"Authorization": header})

    assert response.status_code in {400, 401}
    assert response.json()["error"] in {"invalid_request", "invalid_client"}


async def test_a_wrong_client_secret_is_refused_everywhere() -> None:
    """A secret that is shown is looked at, also where none is needed."""
    async with open_site() as site:
        await site.add()

        token = await site.client.post("/auth/token", data={"grant_type": "password"}, auth=("gateway", "wrong"))
        revoke = await site.client.post("/auth/revoke", data={"token": "x"}, auth=("gateway", "wrong"))

    for response in (token, revoke):
        assert response.status_code == 401
        assert response.json()["error"] == "invalid_client"


@pytest.mark.parametrize(("client", "secret"), [("", "x" * 32), ("gateway", "x" * 31)])
def test_clients_that_could_be_guessed_are_refused(client: str, secret: str) -> None:
    """When the `Auth` is made."""
    with pytest.raises(ValueError, match="client"):
        Auth(MemoryUserStore(), secret="x" * 32, clients={client: secret})


async def _ask(
    site: Site,
    token: str,
    *,
    auth: tuple[str, str] | None = GATEWAY,
    form: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    sent = {} if auth is None else {"Authorization": "Basic " + b64encode(":".join(auth).encode()).decode()}
    return await site.client.post(
        "/auth/introspect", data={"token": token, **(form or {})}, headers={**sent, **(headers or {})}
    )


def _both(tokens: dict[str, Any]) -> tuple[str, str]:
    return tokens["access_token"], tokens["refresh_token"]
