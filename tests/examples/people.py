"""People who come into the shop: they register, log in, and are given roles."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from fastapi import FastAPI

from brickwork.testing import open_client

PASSWORD = "three sparrows on one wire"
ADMIN_PASSWORD = "nine herons by the old mill"


async def register(client: httpx2.AsyncClient, login: str) -> None:
    """Become a customer."""
    answer = await client.post("/auth/register", json={"login": login, "password": PASSWORD})
    assert answer.status_code == 201, answer.text


async def log_in(client: httpx2.AsyncClient, login: str, password: str = PASSWORD) -> dict[str, str]:
    """Log in, and give the header that says so."""
    answer = await client.post("/auth/login", json={"login": login, "password": password})
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@asynccontextmanager
async def open_customer(
    app: FastAPI, login: str = "ada", *, base_url: str = "http://localhost:8000"
) -> AsyncIterator[httpx2.AsyncClient]:
    """Open a client that is logged in as somebody who has just registered."""
    async with open_client(app, base_url=base_url) as client:
        await register(client, login)
        client.headers.update(await log_in(client, login))
        yield client


async def promote(client: httpx2.AsyncClient, login: str, role: str) -> httpx2.Response:
    """Have the administrator give somebody a role."""
    admin = await log_in(client, "admin", ADMIN_PASSWORD)
    return await client.put(f"/accounts/{login}/role", json={"role": role}, headers=admin)


def order(*lines: tuple[int, int]) -> dict[str, Any]:
    """The body of an order: numbers of books, and how many copies of each."""
    return {"lines": [{"book_id": book_id, "quantity": quantity} for book_id, quantity in lines]}
