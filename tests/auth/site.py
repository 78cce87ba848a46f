"""A site with users, a client, a clock that is moved by hand, and an inbox for what is sent to users."""

import json as jsonlib
from base64 import urlsafe_b64decode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient, Response

from brickwork.auth import AuthEvent
from brickwork.auth._depends.auth import Auth
from brickwork.auth.memory import MemoryUser, MemoryUserStore
from brickwork.auth.passlib import PasswordHasher
from brickwork.problems import add_problem_handlers
from brickwork.testing import ManualClock
from tests.leaks import SECRETS

SECRET = "a secret of more than thirty-two bytes"
PASSWORD = "violet kettle under seventeen bridges"
OTHER_PASSWORD = "amber teapot over ninety-one rivers"
HASHER = PasswordHasher.testing()
SECRETS.update({SECRET, PASSWORD, OTHER_PASSWORD})


class Site:
    """An app with an `Auth`, and who calls it.

    Attributes:
        auth: What is under test.
        app: The app with its router below ``/auth``.
        client: Calls the app in process.
        clock: What the time is.
        users: Who there is.
        inbox: The logins and tokens that were sent out.
        events: What happened, as the audit log has it.
    """

    auth: Auth[MemoryUser]
    client: AsyncClient

    def __init__(self) -> None:
        self.app = FastAPI()
        self.clock = ManualClock()
        self.users = MemoryUserStore()
        self.inbox: list[tuple[str, str]] = []
        self.events: list[AuthEvent] = []

    async def add(self, login: str = "ada", **fields: Any) -> MemoryUser:
        """Add a user with the usual password."""
        return await self.users.create({"login": login, "password_hash": await HASHER.hash(PASSWORD), **fields})

    async def log_in(self, login: str = "ada", password: str = PASSWORD, **more: Any) -> Response:
        """Log in by JSON."""
        return await self.client.post("/auth/login", json={"login": login, "password": password, **more})

    async def tokens(self, login: str = "ada") -> dict[str, Any]:
        """Log in, and give the tokens."""
        response = await self.log_in(login)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def token(self, **form: str) -> Response:
        """Ask the token endpoint."""
        return await self.client.post("/auth/token", data=form)

    async def refresh(self, refresh_token: str) -> Response:
        """Refresh by JSON."""
        return await self.client.post("/auth/refresh", json={"refresh_token": refresh_token})

    async def me(self, access_token: str) -> int:
        """Give the status that the token gets."""
        return (await self.client.get("/auth/me", headers=bearer(access_token))).status_code

    async def post(self, path: str, tokens: dict[str, Any], json: Any = None) -> Response:
        """Post as who has the tokens."""
        return await self.client.post(f"/auth{path}", json=json, headers=bearer(tokens["access_token"]))

    async def get(self, path: str, tokens: dict[str, Any]) -> Any:
        """Get JSON as who has the tokens."""
        response = await self.client.get(f"/auth{path}", headers=bearer(tokens["access_token"]))
        assert response.status_code == 200, response.text
        return response.json()

    async def delete(self, path: str, tokens: dict[str, Any]) -> Response:
        """Delete as who has the tokens."""
        return await self.client.delete(f"/auth{path}", headers=bearer(tokens["access_token"]))

    def kinds(self) -> list[str]:
        """Give what happened, in a word each."""
        return [event.kind for event in self.events]

    async def _send(self, user: MemoryUser, token: str) -> None:
        self.inbox.append((user.login, token))


@asynccontextmanager
async def open_site(
    *, router: dict[str, Any] | None = None, handlers: bool = True, **options: Any
) -> AsyncGenerator[Site]:
    """Open a site whose `Auth` has these options."""
    site = Site()
    usual: dict[str, Any] = {
        "secret": SECRET,
        "hasher": HASHER,
        "clock": site.clock,
        "on_password_reset": site._send,
        "on_verify_email": site._send,
        "on_event": site.events.append,
    }
    site.auth = Auth(site.users, **{**usual, **options})
    site.app.include_router(site.auth.router(**(router or {})), prefix="/auth")
    if handlers:
        add_problem_handlers(site.app)
    transport = ASGITransport(app=site.app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="https://test") as site.client:
        yield site


def bearer(token: str) -> dict[str, str]:
    """Give the header for a token."""
    return {"Authorization": f"Bearer {token}"}


def payload(token: str) -> dict[str, Any]:
    """Give what an access token says."""
    text = token.split(".")[1]
    found: dict[str, Any] = jsonlib.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found
