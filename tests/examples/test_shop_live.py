"""Live orders: the pages of a customer hear that an order was shipped."""

import httpx2
import pytest
from fastapi import FastAPI

from brickwork.testing import SocketRefusedError, assert_problem, open_socket
from examples.shop.app import create_app
from tests.examples.people import ADMIN_PASSWORD, PASSWORD, log_in, open_customer, order, promote, register

LIVE = "ws://localhost:8000/orders/live"


@pytest.fixture
def app() -> FastAPI:
    """A shop that has just opened, with an administrator."""
    return create_app(admin_password=ADMIN_PASSWORD)


async def programs_key(client: httpx2.AsyncClient) -> dict[str, str]:
    """Have a member of staff make the key of the program that ships, and give the header that shows it."""
    await register(client, "grace")
    assert (await promote(client, "grace", "staff")).status_code == 200
    staff = await log_in(client, "grace", PASSWORD)
    made = await client.post("/auth/keys", json={"name": "ships", "scopes": ["orders:fulfil"]}, headers=staff)
    assert made.status_code == 201, made.text
    return {"X-API-Key": made.json()["key"]}


async def test_every_page_of_the_customer_hears_of_the_shipment(app: FastAPI) -> None:
    """Each tab is told once, and another customer's is not; to ship once more is no news."""
    async with open_customer(app, "ada") as ada:
        await register(ada, "eve")
        key = await programs_key(ada)
        placed = (await ada.post("/orders", json=order((64, 1)))).json()
        shipment = f"/fulfilment/orders/{placed['id']}/shipment"
        mine = {"Authorization": ada.headers["Authorization"]}
        theirs = await log_in(ada, "eve")

        async with (
            open_socket(app, LIVE, headers=mine) as tab,
            open_socket(app, LIVE, headers=mine) as other_tab,
            open_socket(app, LIVE, headers=theirs) as stranger,
        ):
            shipped = await ada.put(shipment, headers=key)
            news = [await tab.receive(), await other_tab.receive()]
            again = await ada.put(shipment, headers=key)
            unread = tab.unread(), other_tab.unread(), stranger.unread()

    assert (shipped.status_code, again.status_code) == (200, 200)
    assert news == 2 * [{"type": "order_shipped", "order_id": placed["id"], "shipped_at": shipped.json()["shipped_at"]}]
    assert unread == ([], [], [])


async def test_strangers_hear_nothing(app: FastAPI) -> None:
    """Whoever is not logged in is refused with 401, and a page of another site with 403."""
    async with open_customer(app) as customer:
        login = {"Authorization": customer.headers["Authorization"]}

        with pytest.raises(SocketRefusedError) as stranger:
            async with open_socket(app, LIVE):
                pass
        with pytest.raises(SocketRefusedError) as page:
            async with open_socket(app, LIVE, headers={**login, "Origin": "https://evil.example"}):
                pass

    assert_problem(stranger.value, 401)
    assert_problem(page.value, 403, slug="origin-not-allowed")
