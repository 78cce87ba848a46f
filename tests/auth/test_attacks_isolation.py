"""Attacks across borders: from one `Auth` to another, from request to request, from an ended account to its routes."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import ASGITransport, AsyncClient, Response
from starlette.types import Receive, Scope, Send

from brickwork.auth import Auth, CookieTransport, MemoryTokenStore, MemoryUser, MemoryUserStore
from brickwork.problems import add_problem_handlers
from tests.auth.site import HASHER, OTHER_PASSWORD, PASSWORD, SECRET, Site, bearer, open_site

# Numbers start anew in every table: the first customer and the first of the staff have the same.
FIRST = "1"


@dataclass
class TwoSites:
    """An app with customers and staff, whose `Auth` have one secret and one store of sessions.

    Attributes:
        app: The app, with the routes of customers below ``/auth`` and those of the staff below ``/staff``.
        inbox: The tokens that were sent to customers.
    """

    app: FastAPI = field(default_factory=FastAPI)
    customers: MemoryUserStore[MemoryUser] = field(default_factory=MemoryUserStore)
    staff: MemoryUserStore[MemoryUser] = field(default_factory=MemoryUserStore)
    inbox: list[str] = field(default_factory=list[str])

    async def send(self, _user: MemoryUser, token: str) -> None:
        """Send a token to a customer."""
        self.inbox.append(token)


@asynccontextmanager
async def two_sites(**options: Any) -> AsyncGenerator[tuple[TwoSites, AsyncClient]]:
    """Open the app; ``options`` are those of the staff."""
    both = TwoSites()
    shared: dict[str, Any] = {
        "secret": SECRET,
        "hasher": HASHER,
        "tokens": MemoryTokenStore(),
        "on_password_reset": both.send,
        "on_verify_email": both.send,
    }
    customers = Auth(both.customers, **shared)
    staff = Auth(both.staff, **{**shared, "realm": "staff", **options})
    password_hash = await HASHER.hash(PASSWORD)
    await both.customers.create({"id": FIRST, "login": "ada", "password_hash": password_hash})
    await both.staff.create({"id": FIRST, "login": "boss", "password_hash": password_hash, "roles": ("admin",)})
    both.app.include_router(customers.router(), prefix="/auth")
    both.app.include_router(staff.router(), prefix="/staff")
    add_problem_handlers(both.app)
    async with AsyncClient(transport=ASGITransport(app=both.app), base_url="https://test") as client:
        yield both, client


async def tokens_of(client: AsyncClient) -> dict[str, Any]:
    """Log the customer in."""
    answer = await client.post("/auth/login", json={"login": "ada", "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.promise("auth-116")
async def test_an_access_token_of_customers_is_none_of_the_staff() -> None:
    """Though secret, store of sessions and number of the user are the same."""
    async with two_sites() as (_, client):
        tokens = await tokens_of(client)

        answers = [
            await client.get(f"{prefix}/me", headers=bearer(tokens["access_token"])) for prefix in ("/auth", "/staff")
        ]

    assert [answer.status_code for answer in answers] == [200, 401]


@pytest.mark.promise("auth-116")
@pytest.mark.parametrize("options", [{}, {"issuer": "api", "audience": "staff"}], ids=["realm", "audience"])
async def test_a_refresh_token_of_customers_is_none_of_the_staff(options: dict[str, Any]) -> None:
    """Nor does the attempt end the session that it belongs to."""
    async with two_sites(**options) as (_, client):
        body = {"refresh_token": (await tokens_of(client))["refresh_token"]}

        foreign = await client.post("/staff/refresh", json=body)

        revoked = await client.post("/staff/revoke", data={"token": body["refresh_token"]})
        own = await client.post("/auth/refresh", json=body)
    assert [answer.status_code for answer in (foreign, revoked, own)] == [401, 200, 200]


@pytest.mark.promise("auth-116")
async def test_a_link_for_a_customer_does_nothing_to_the_staff() -> None:
    """Neither to their password nor to their address, and afterwards it still serves the customer."""
    async with two_sites() as (both, client):
        await client.post("/auth/password/forgot", json={"login": "ada"})
        await client.post("/auth/verify-email/request", json={"login": "ada"})
        reset, verify = both.inbox

        answers = [
            (
                await client.post(f"{prefix}/password/reset", json={"token": reset, "new_password": OTHER_PASSWORD}),
                await client.post(f"{prefix}/verify-email", json={"token": verify}),
            )
            for prefix in ("/staff", "/auth")
        ]

        boss = await client.post("/staff/login", json={"login": "boss", "password": PASSWORD})
    assert [[each.status_code for each in pair] for pair in answers] == [[400, 400], [204, 204]]
    assert boss.status_code == 200


@pytest.mark.promise("auth-116")
async def test_cookies_of_customers_are_nothing_to_the_staff() -> None:
    """The same cookies, sent to the other routes, let nobody in and refresh nothing."""
    async with two_sites(transports=("cookie",)) as (_, client):
        tokens = await tokens_of(client)
        cookies = {"__Host-access": tokens["access_token"], "__Host-refresh": tokens["refresh_token"]}
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}

        answers = [await client.get("/staff/me", headers=headers), await client.post("/staff/refresh", headers=headers)]

    assert [answer.status_code for answer in answers] == [401, 403]


@pytest.mark.promise("auth-112")
async def test_requests_that_share_their_state_do_not_share_who_calls() -> None:
    """A server that forgets to copy the state of the lifespan makes nobody somebody else."""
    async with open_site() as site:
        users = [await site.add(login) for login in ("ada", "bob")]
        headers = [bearer((await site.tokens(user.login))["access_token"]) for user in users]
        state: dict[str, Any] = {}

        async def careless(scope: Scope, receive: Receive, send: Send) -> None:
            scope["state"] = state
            await site.app(scope, receive, send)

        async with AsyncClient(transport=ASGITransport(app=careless), base_url="https://test") as client:
            answers: list[Response] = [await client.get("/auth/me", headers=each) for each in (*headers, {})]

    assert [answer.json().get("login") for answer in answers] == ["ada", "bob", None]
    assert answers[2].status_code == 401


@pytest.mark.promise("auth-105")
def test_a_client_that_was_opened_while_acting_is_nobody_afterwards() -> None:
    """The block ends for a running test client too, lifespan and all."""
    users = MemoryUserStore()
    auth = Auth(users, secret=SECRET, hasher=HASHER)
    app = FastAPI()
    app.include_router(auth.router(), prefix="/auth")
    client = TestClient(app)

    with auth.act_as(MemoryUser(login="ada")):
        client.__enter__()
        inside = client.get("/auth/me").status_code
    outside = client.get("/auth/me").status_code
    client.__exit__(None, None, None)

    assert (inside, outside) == (200, 401)


async def disabled(site: Site, user: MemoryUser) -> None:
    """Switch an account off, and nothing else, as an admin page of the application's own may do."""
    await site.users.update(user.id, {"active": False})


async def ended(site: Site, user: MemoryUser) -> None:
    """Raise the token version, and nothing else."""
    await site.users.update(user.id, {}, end_tokens=True)


@pytest.mark.promise("auth-113")
@pytest.mark.parametrize("end", [disabled, ended])
async def test_every_route_of_an_ended_account_is_closed(end: Any) -> None:
    """With a token that has not expired: nothing is shown, no key is made or exchanged, nothing is changed."""
    async with open_site(transports=("header", CookieTransport())) as site:
        ada = await site.add()
        key = (await site.auth.create_key(ada, name="a key")).record.id
        headers = bearer((await site.tokens())["access_token"])
        session = (await site.auth.sessions(ada))[0].id
        await end(site, ada)
        calls = [
            ("GET", "/me", None),
            ("GET", "/sessions", None),
            ("DELETE", f"/sessions/{session}", None),
            ("GET", "/keys", None),
            ("POST", "/keys", {"name": "another"}),
            ("POST", f"/keys/{key}/rotate", {}),
            ("DELETE", f"/keys/{key}", None),
            ("POST", "/password", {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}),
            ("POST", "/logout-all", None),
        ]

        answers = [
            await site.client.request(method, f"/auth{path}", json=body, headers=headers)
            for method, path, body in calls
        ]

    assert {answer.status_code for answer in answers} == {401}
    assert {answer.headers["www-authenticate"] for answer in answers} == {'Bearer realm="api", error="invalid_token"'}
