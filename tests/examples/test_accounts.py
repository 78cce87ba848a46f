"""Accounts of the bookshop: who may do what, by token, by cookie and by API key."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI

from brickwork.testing import assert_problem, open_client
from examples.shop.app import create_app
from tests.examples.people import (
    ADMIN_PASSWORD,
    PASSWORD,
    log_in,
    open_customer,
    order,
    promote,
    register,
)

HERE = "http://localhost:8000"


@pytest.fixture
def app() -> FastAPI:
    """A shop that has just opened, with an administrator."""
    return create_app(admin_password=ADMIN_PASSWORD)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody who is not logged in."""
    async with open_client(app, base_url=HERE) as opened:
        yield opened


@pytest.fixture
async def ada(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """A customer."""
    async with open_customer(app, "ada") as opened:
        yield opened


async def staff(client: httpx2.AsyncClient, login: str) -> dict[str, str]:
    """Hire somebody, and give the header of a login."""
    await register(client, login)
    await promote(client, login, "staff")
    return await log_in(client, login)


async def fulfilment_key(client: httpx2.AsyncClient, employee: dict[str, str]) -> dict[str, str]:
    """Make the API key of the program that ships, and give the header that shows it."""
    made = await client.post("/auth/keys", json={"name": "warehouse", "scopes": ["orders:fulfil"]}, headers=employee)
    return {"X-API-Key": made.json()["key"]}


# --- customers


async def test_who_registers_is_a_customer(client: httpx2.AsyncClient) -> None:
    """A new account may see orders of its own and place them, whatever else it asks for."""
    answer = await client.post("/auth/register", json={"login": "Ada", "password": PASSWORD})
    greedy = await client.post("/auth/register", json={"login": "eve", "password": PASSWORD, "roles": ["admin"]})

    assert (answer.status_code, answer.json()["login"]) == (201, "ada")
    assert answer.json()["roles"] == ["customer"]
    assert answer.json()["scopes"] == ["orders:read", "orders:write"]
    assert_problem(greedy, 422)


async def test_a_login_is_somebodys_once(ada: httpx2.AsyncClient) -> None:
    """A login that somebody has, in whatever case, is 409; a password that is easy to guess is 422."""
    taken = await ada.post("/auth/register", json={"login": "ADA", "password": PASSWORD})
    weak = await ada.post("/auth/register", json={"login": "eve", "password": "eveeveeveeve"})

    assert_problem(taken, 409, slug="login-taken")
    assert_problem(weak, 422, slug="weak-password")


async def test_browsing_needs_no_login(client: httpx2.AsyncClient) -> None:
    """The catalogue is open to everybody."""
    answers = [await client.get(path) for path in ("/books", "/books/feed", "/books/64")]

    assert [answer.status_code for answer in answers] == [200, 200, 200]


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/orders"), ("GET", "/orders"), ("GET", "/orders/00000000-0000-4000-8000-000000000000")],
)
async def test_orders_need_a_login(client: httpx2.AsyncClient, method: str, path: str) -> None:
    """Who is not logged in is told how to come in."""
    answer = await client.request(method, path, json=order((64, 1)) if method == "POST" else None)

    assert_problem(answer, 401, slug="not-authenticated")
    assert answer.headers["www-authenticate"] == 'Bearer realm="api"'


async def test_customers_find_their_orders_and_no_others(ada: httpx2.AsyncClient) -> None:
    """Each customer walks through orders of their own, the newest first."""
    await register(ada, "grace")
    grace = await log_in(ada, "grace")
    placed = [(await ada.post("/orders", json=order((book_id, 1)))).json() for book_id in (64, 2, 8)]
    await ada.post("/orders", json=order((64, 1)), headers=grace)

    first = (await ada.get("/orders", params={"size": 2})).json()
    second = (await ada.get("/orders", params={"size": 2, "cursor": first["next"]})).json()

    assert first["items"] + second["items"] == placed[::-1]
    assert second["next"] is None


async def test_an_order_of_somebody_else_is_not_there(ada: httpx2.AsyncClient) -> None:
    """Nobody learns whether a number is that of another customer's order: 404, as for one that nobody has."""
    await register(ada, "eve")
    placed = await ada.post("/orders", json=order((64, 1)))

    foreign = await ada.get(placed.headers["location"], headers=await log_in(ada, "eve"))
    unknown = await ada.get("/orders/00000000-0000-4000-8000-000000000000")

    assert_problem(foreign, 404, slug="order-not-found", detail=unknown.json()["detail"])


async def test_a_narrowed_token_is_held_to_its_scope(ada: httpx2.AsyncClient) -> None:
    """A token for reading orders places none, although its user may."""
    form = {"grant_type": "password", "username": "ada", "password": PASSWORD, "scope": "orders:read"}
    token = (await ada.post("/auth/token", data=form)).json()["access_token"]
    narrowed = {"Authorization": f"Bearer {token}"}

    read = await ada.get("/orders", headers=narrowed)
    bought = await ada.post("/orders", json=order((64, 1)), headers=narrowed)

    assert read.status_code == 200
    assert_problem(bought, 403, slug="insufficient-scope", scope="orders:write")


async def test_guessing_is_slowed_down(ada: httpx2.AsyncClient) -> None:
    """After five wrong passwords in a row there is a pause, also for the right one."""
    guess = {"login": "ada", "password": "not the password"}
    guesses = [(await ada.post("/auth/login", json=guess)).status_code for _ in range(5)]

    answer = await ada.post("/auth/login", json={"login": "ada", "password": PASSWORD})

    assert guesses == [401] * 5
    assert_problem(answer, 429, slug="too-many-attempts")


# --- staff


async def test_staff_change_books_that_they_have_seen(client: httpx2.AsyncClient) -> None:
    """A change names the state it starts from: without it 428, with one that is past 412."""
    employee = await staff(client, "mary")
    seen = (await client.get("/books/217")).headers["etag"]
    restock = {"stock": 12}

    blind = await client.patch("/books/217", json=restock, headers=employee)
    done = await client.patch("/books/217", json=restock, headers={**employee, "If-Match": seen})
    late = await client.patch("/books/217", json=restock, headers={**employee, "If-Match": seen})

    assert_problem(blind, 428)
    assert (done.status_code, done.json()["stock"], done.json()["price"]) == (200, 12, "11.50")
    assert done.headers["etag"] == (await client.get("/books/217")).headers["etag"] != seen
    assert_problem(late, 412)


@pytest.mark.parametrize(
    ("path", "change", "status"),
    [
        ("/books/9999", {"stock": 1}, 404),
        ("/books/64", {"stock": -1}, 422),
        ("/books/64", {"stock": None}, 422),
        ("/books/64", {"price": "0"}, 422),
        ("/books/64", {"title": "Another"}, 422),
    ],
)
async def test_a_change_that_makes_no_sense_is_refused(
    client: httpx2.AsyncClient, path: str, change: dict[str, object], status: int
) -> None:
    """Staff change price and stock of books that there are, to what these can be."""
    employee = await staff(client, "mary")

    answer = await client.patch(path, json=change, headers={**employee, "If-Match": "*"})

    assert_problem(answer, status)


async def test_customers_are_not_staff(ada: httpx2.AsyncClient) -> None:
    """Books are there for all to see, so a customer who would change one is told: 403."""
    change = await ada.patch("/books/64", json={"stock": 100}, headers={"If-Match": "*"})
    promotion = await ada.put("/accounts/ada/role", json={"role": "admin"})

    assert_problem(change, 403, slug="forbidden")
    assert_problem(promotion, 403, slug="forbidden")


async def test_the_administrator_gives_roles(ada: httpx2.AsyncClient) -> None:
    """Who is given a role has its rights from the next login on, and the tokens of the former one are dead."""
    answer = await promote(ada, "Ada", "staff")

    stale = await ada.get("/orders")
    new = await ada.patch("/books/64", json={"stock": 7}, headers={**await log_in(ada, "ada"), "If-Match": "*"})
    assert answer.json()["roles"] == ["staff"]
    assert "books:write" in answer.json()["scopes"]
    assert_problem(stale, 401, slug="invalid-token")
    assert new.status_code == 200


async def test_roles_are_not_given_to_oneself_nor_to_nobody(client: httpx2.AsyncClient) -> None:
    """The administrator cannot step down by mistake, and a login that nobody has is 404."""
    own = await promote(client, "admin", "customer")
    nobody = await promote(client, "nobody", "staff")
    unknown = await promote(client, "admin", "king")

    assert_problem(own, 403, slug="forbidden")
    assert_problem(nobody, 404, slug="account-not-found")
    assert_problem(unknown, 422)


# --- the program that ships


async def test_a_program_ships_orders_with_an_api_key(ada: httpx2.AsyncClient) -> None:
    """With a key that staff made, a program finds all open orders, the oldest first, and ships them."""
    key = await fulfilment_key(ada, await staff(ada, "mary"))
    placed = [(await ada.post("/orders", json=order((book_id, 1)))).json()["id"] for book_id in (64, 2)]

    listed = (await ada.get("/fulfilment/orders", headers=key)).json()["items"]
    shipped = await ada.put(f"/fulfilment/orders/{placed[0]}/shipment", headers=key)
    again = await ada.put(f"/fulfilment/orders/{placed[0]}/shipment", headers=key)

    left = (await ada.get("/fulfilment/orders", headers=key)).json()["items"]
    seen = (await ada.get("/orders", params={"shipped": True})).json()["items"]
    assert [each["id"] for each in listed] == placed
    assert again.json() == shipped.json()
    assert [each["id"] for each in left] == placed[1:]
    assert seen == [shipped.json()]


async def test_an_order_that_nobody_placed_is_not_shipped(client: httpx2.AsyncClient) -> None:
    """A number that is no order's is 404."""
    key = await fulfilment_key(client, await staff(client, "mary"))

    answer = await client.put("/fulfilment/orders/00000000-0000-4000-8000-000000000000/shipment", headers=key)

    assert_problem(answer, 404, slug="order-not-found")


async def test_the_back_room_opens_to_the_right_key_alone(ada: httpx2.AsyncClient) -> None:
    """A customer's token, no key and a key for something else do not do; and customers cannot make the right one."""
    wrong = await ada.post("/auth/keys", json={"name": "app", "scopes": ["orders:read"]})
    wish = await ada.post("/auth/keys", json={"name": "app", "scopes": ["orders:fulfil"]})

    token = await ada.get("/fulfilment/orders")
    key = await ada.get("/fulfilment/orders", headers={"X-API-Key": wrong.json()["key"]})

    assert_problem(token, 401, slug="invalid-api-key")
    assert_problem(key, 403, slug="insufficient-scope")
    assert_problem(wish, 403, slug="insufficient-scope")


async def test_a_key_goes_as_far_as_its_owner(client: httpx2.AsyncClient) -> None:
    """When somebody is staff no longer, keys made as staff open nothing any more."""
    key = await fulfilment_key(client, await staff(client, "mary"))
    before = await client.get("/fulfilment/orders", headers=key)

    await promote(client, "mary", "customer")

    after = await client.get("/fulfilment/orders", headers=key)
    assert before.status_code == 200
    assert_problem(after, 403, slug="insufficient-scope")


# --- the page, which has cookies


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser in which Ada is logged in by cookies; in process they need https, as everywhere but on localhost."""
    async with open_client(app, base_url="https://localhost") as opened:
        await register(opened, "ada")
        await opened.post("/auth/login", json={"login": "ada", "password": PASSWORD, "transport": "cookie"})
        yield opened


def proof(browser: httpx2.AsyncClient) -> dict[str, str]:
    """What the page's script sends along: the token of the cookie that it can read."""
    return {"X-CSRF-Token": browser.cookies["__Host-csrf"]}


async def test_the_page_is_given_no_token(client: httpx2.AsyncClient) -> None:
    """Tokens that log in are in cookies that no script can read, and not in the answer."""
    await register(client, "ada")

    answer = await client.post("/auth/login", json={"login": "ada", "password": PASSWORD, "transport": "cookie"})

    cookies = {line.partition("=")[0]: line for line in answer.headers.get_list("set-cookie")}
    assert {name for name, line in cookies.items() if "HttpOnly" in line} == {"__Host-access", "__Host-refresh"}
    assert all("Secure" in line and "SameSite=lax" in line for line in cookies.values())
    assert answer.json().keys() == {"expires_in", "scope", "csrf_token"}


async def test_another_page_buys_nothing(browser: httpx2.AsyncClient) -> None:
    """An order with cookies needs the token that only the shop's own page can read, and must come from there."""
    without = await browser.post("/orders", json=order((64, 1)))
    elsewhere = await browser.post(
        "/orders", json=order((64, 1)), headers={**proof(browser), "Origin": "https://evil.example"}
    )
    bought = await browser.post("/orders", json=order((64, 1)), headers=proof(browser))

    assert_problem(without, 403, slug="csrf-failed")
    assert_problem(elsewhere, 403, slug="csrf-failed")
    assert bought.status_code == 201
    assert [each["id"] for each in (await browser.get("/orders")).json()["items"]] == [bought.json()["id"]]


async def test_a_page_stays_logged_in(browser: httpx2.AsyncClient) -> None:
    """When the access token has gone the refresh token brings a new one, and logging out takes all of them."""
    browser.cookies.delete("__Host-access")
    gone = await browser.get("/auth/me")

    refreshed = await browser.post("/auth/refresh", headers=proof(browser))

    back = await browser.get("/auth/me")
    left = await browser.post("/auth/logout", headers=proof(browser))
    assert_problem(gone, 401)
    assert refreshed.status_code == 200
    assert back.json()["login"] == "ada"
    assert left.status_code == 204
    assert not browser.cookies


async def test_logging_out_everywhere_reaches_all(browser: httpx2.AsyncClient) -> None:
    """The one button ends the phone's login, too."""
    phone = (await browser.post("/auth/login", json={"login": "ada", "password": PASSWORD})).json()
    await browser.post("/auth/login", json={"login": "ada", "password": PASSWORD, "transport": "cookie"})

    await browser.post("/auth/logout-all", headers=proof(browser))

    bearer = {"Authorization": f"Bearer {phone['access_token']}"}
    assert_problem(await browser.get("/orders", headers=bearer), 401)
    assert_problem(await browser.post("/auth/refresh", json={"refresh_token": phone["refresh_token"]}), 401)
    assert not browser.cookies


# --- the administrator


async def test_without_a_password_nobody_is_administrator() -> None:
    """A shop that was given no password has an administrator as whom nobody logs in, and nobody else has the name."""
    async with open_client(create_app(), base_url=HERE) as client:
        registered = await client.post("/auth/register", json={"login": "admin", "password": PASSWORD})
        entered = await client.post("/auth/login", json={"login": "admin", "password": ""})

    assert_problem(registered, 409, slug="login-taken")
    assert_problem(entered, 401, slug="invalid-credentials")
