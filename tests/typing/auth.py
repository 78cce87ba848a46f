"""Authentication as people write it; strict type checkers accept every line and know who the user is."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Never, assert_type

from fastapi import Depends, FastAPI, WebSocket
from fastapi.params import Security
from sqlalchemy import JSON
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from starlette.requests import HTTPConnection

from brickwork.auth import (
    ApiKey,
    Auth,
    Claims,
    CookieTransport,
    Key,
    Keys,
    Lockout,
    MemoryTokenStore,
    MemoryUser,
    MemoryUserStore,
    NewApiKey,
    PasswordHasher,
    PasswordPolicy,
    QueryTransport,
    Session,
    TokenResponse,
    UserStore,
)

# --- users of any class


class Base(DeclarativeBase):
    """The tables of a shop."""


class Customer(Base):
    """A mapped class is a user by its members."""

    __tablename__ = "customer"

    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str]
    password_hash: Mapped[str | None]
    active: Mapped[bool]
    token_version: Mapped[int]
    roles: Mapped[list[str]] = mapped_column(JSON)
    scopes: Mapped[list[str]] = mapped_column(JSON)
    city: Mapped[str]


@dataclass(frozen=True)
class Member:
    """So is a dataclass."""

    login: str
    password_hash: str | None = None
    active: bool = True
    token_version: int = 0
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    id: int = field(default=0)


def customers() -> UserStore[Customer]:
    """Any object with the methods is a store."""
    raise NotImplementedError


async def by_city(customer: Customer) -> set[str]:
    """Give the permissions of a customer."""
    return {customer.city}


async def send(customer: Customer, token: str) -> None:
    """Send a link."""


auth = Auth(
    customers(),
    secret=["new", "old"],
    tokens=MemoryTokenStore(),
    transports=("header", CookieTransport(origins=["https://app.example"]), QueryTransport("ticket")),
    hasher=PasswordHasher(),
    policy=PasswordPolicy(),
    lockout=Lockout(5, per=900),
    scopes={"orders:read": "Read your orders"},
    permissions=by_city,
    claims=lambda customer: {"city": customer.city},
    on_password_reset=send,
)
assert_type(auth, Auth[Customer])
assert_type(auth.keys, Keys)

assert_type(Auth(MemoryUserStore(), secret=""), Auth[MemoryUser])
assert_type(Auth(MemoryUserStore(Member), secret="", tokens=None, lockout=None), Auth[Member])
Auth(MemoryUserStore(), secret=b"", permissions={"admin": ["read"]}, transports=["cookie", "header", "websocket"])

# A service that only verifies knows nobody.
reader = Auth(None, keys=Keys(None, Key.from_jwk({})), tokens=None, issuer="https://accounts.example", audience="shop")
assert_type(reader, Auth[Never])
Reading = Annotated[Claims, reader.require_claims(scopes="orders:read")]


# --- in endpoints

CurrentCustomer = Annotated[Customer, Depends(auth.user)]
MaybeCustomer = Annotated[Customer | None, Depends(auth.optional_user)]
Admin = Annotated[Customer, auth.require(roles="admin")]
Robot = Annotated[ApiKey, auth.require_key(scopes="orders:read")]

assert_type(auth.require_claims(scopes=["orders:read"], fresh=300), Security)
assert_type(auth.require(any_of=[auth.require(roles=["admin", "owner"]), auth.require(fresh=300)]), Security)

app = FastAPI(dependencies=[auth.require()])
app.include_router(auth.router(exclude=["register"], paths={"login": "/session"}), prefix="/auth")
app.dependency_overrides[auth.user] = customers


@app.get("/me", dependencies=[auth.require(scopes="orders:read", all_of=[auth.require(permissions="Oslo")])])
async def me(customer: CurrentCustomer, admin: Admin, claims: Annotated[Claims, Depends(auth.claims)]) -> str:
    """The user has its own type."""
    assert_type(customer, Customer)
    assert_type(claims.scopes, tuple[str, ...])
    return customer.city + admin.city


@app.get("/greeting")
async def greeting(customer: MaybeCustomer, key: Robot) -> str:
    """Nobody is to be reckoned with."""
    assert_type(key.owner, str)
    return key.name if customer is None else customer.login


@app.websocket("/ws")
async def ws(socket: WebSocket, customer: CurrentCustomer) -> None:
    """On a socket it is the same."""
    await socket.accept()
    await socket.send_text(customer.city)


# --- everywhere


async def act(customer: Customer, connection: HTTPConnection) -> None:
    """Calls give what they say."""
    assert_type(await auth.create_user("ada", "x", roles=["admin"], fields={"city": "Oslo"}), Customer)
    assert_type(await auth.verify("token"), Claims)
    assert_type(await reader.verify("token"), Claims)
    assert_type(await auth.authenticate("token"), Customer)
    assert_type(await auth.issue(customer, ["orders:read"], client="robot"), TokenResponse)
    assert_type(await auth.create_key(customer, name="robot", scopes="orders:read", expires_in=60), NewApiKey)
    assert_type(await auth.rotate_key("id", overlap=60), NewApiKey)
    await auth.revoke_key("id")
    await auth.revoke("token")
    await auth.revoke(session="id")
    await auth.revoke(user=customer)
    listed = await auth.sessions(customer)
    assert_type(listed[0], Session)
    with auth.act_as(customer, scopes=["orders:read"], fresh=False):
        assert_type(await auth.user(connection=connection), Customer)


def infers(authenticate: Callable[..., Awaitable[Any]]) -> None:
    """What takes a dependency takes this one."""


infers(auth.user)
