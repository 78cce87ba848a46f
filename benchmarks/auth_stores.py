"""What sessions cost that are kept in Redis, SQLite and PostgreSQL, and what refreshing them does."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from jose import JWTError, jwk, jwt  # type: ignore[import-untyped]
from redis.asyncio import Redis
from sqlalchemy import create_engine, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from brickwork.auth import Auth, Claims, MemoryUserStore, User
from brickwork.auth.redis import RedisTokenStore
from brickwork.auth.sqlalchemy import AuthTables, AuthUser, SQLAlchemyTokenStore, SQLAlchemyUserStore
from brickwork.database import Database

from . import auth_peers as peers
from .auth_peers import CREDENTIALS, bearer
from .measure import Call, Case, Comparison, compare
from .servers import empty_postgres, empty_redis
from .shop import make_app
from .table import Table

_KEY = jwk.construct(peers.SECRET, "HS256")
_REFRESH_TOKEN = re.compile(rb'"refresh_token":"([^"]+)"')


class Base(DeclarativeBase):
    """The tables of this benchmark."""


class Member(AuthUser, Base):
    """A user in a database."""

    __tablename__ = "member"

    id: Mapped[str] = mapped_column(primary_key=True)


TABLES = AuthTables(Base.metadata)


async def begin(app: FastAPI) -> Call:
    """Log the user in; send the access token."""
    return peers.with_token((await _tokens(app)).access_token)


async def _tokens(app: FastAPI) -> Any:
    users = app.state.users
    ada = await users.get("ada") or await users.create({"id": "ada", "login": "ada"})
    return await app.state.auth.issue(ada)


def use_redis(app: FastAPI, url: str, **options: Any) -> Auth[Any]:
    """Give the app an `Auth` that keeps sessions in Redis."""
    app.state.redis = client = Redis.from_url(url)
    app.state.closing.append(client.aclose)
    app.state.users = MemoryUserStore()
    app.state.auth = Auth(app.state.users, secret=peers.SECRET, tokens=RedisTokenStore(client), **options)
    auth: Auth[Any] = app.state.auth
    return auth


def use_database(app: FastAPI, url: str, **options: Any) -> Auth[Any]:
    """Give the app an `Auth` that keeps sessions and users in a database."""
    database = Database(url)
    app.state.closing.append(database.dispose)
    app.state.sessions = async_sessionmaker(database.engine, expire_on_commit=False)
    app.state.users = SQLAlchemyUserStore(database, Member)
    app.state.auth = Auth(
        app.state.users, secret=peers.SECRET, tokens=SQLAlchemyTokenStore(database, TABLES), **options
    )
    auth: Auth[Any] = app.state.auth
    return auth


def add_user(app: FastAPI, auth: Auth[Any]) -> None:
    """Ask for the user."""

    @app.get("/me")
    async def me(user: Annotated[User, Depends(auth.user)]) -> dict[str, str]:
        return {"login": user.login}


def add_claims(app: FastAPI, auth: Auth[Any]) -> None:
    """Ask for the claims."""

    @app.get("/me")
    async def me(claims: Annotated[Claims, Depends(auth.claims)]) -> dict[str, str]:
        return {"login": claims.subject}


def _decoded(token: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(token, _KEY, ["HS256"], audience="api")
    except JWTError:
        raise CREDENTIALS from None
    return claims


def add_redis_by_hand(app: FastAPI, url: str) -> None:
    """Look whether the session is there, with one command."""
    use_redis(app, url)
    client = app.state.redis

    async def current_user(token: Annotated[str, Depends(bearer)]) -> str:
        claims = _decoded(token)
        if not await client.exists(f"brickwork:auth:session:{claims['sid']}"):
            raise CREDENTIALS
        return str(claims["sub"])

    @app.get("/me")
    async def me(login: Annotated[str, Depends(current_user)]) -> dict[str, str]:
        return {"login": login}


async def open_session(request: Request) -> AsyncIterator[AsyncSession]:
    """Open a session for a request, as guides show it."""
    async with request.app.state.sessions() as session:
        yield session


def add_database_by_hand(app: FastAPI, url: str, *, with_session: bool = True) -> None:
    """Load the user, and where wanted the session before."""
    use_database(app, url)
    alive = select(TABLES.session.c.expires_at)

    async def current_user(
        token: Annotated[str, Depends(bearer)], database: Annotated[AsyncSession, Depends(open_session)]
    ) -> Member:
        claims = _decoded(token)
        if with_session and await database.scalar(alive.where(TABLES.session.c.id == claims["sid"])) is None:
            raise CREDENTIALS
        user = await database.get(Member, claims["sub"])
        if user is None or not user.active:
            raise CREDENTIALS
        return user

    @app.get("/me")
    async def me(user: Annotated[Any, Depends(current_user)]) -> dict[str, str]:
        return {"login": user.login}


def on_redis(rounds: int) -> Table:
    """Measure requests whose sessions are in Redis."""
    with empty_redis() as (url, server):
        cases = (
            Case("by hand", partial(add_redis_by_hand, url=url), "floor", begin=begin),
            Case("auth.claims", lambda app: add_claims(app, use_redis(app, url)), begin=begin),
            Case("auth.user", lambda app: add_user(app, use_redis(app, url)), begin=begin),
            Case(
                "auth.user, verified_cache",
                lambda app: add_user(app, use_redis(app, url, verified_cache=1000)),
                begin=begin,
            ),
        )
        note = (
            f"Whether the session is alive is asked of {server} for each request, in one round trip; users are in "
            "memory. By hand: a key that is prepared once, and `EXISTS`. What the server does is not counted."
        )
        return _table("Sessions in Redis", note, cases, rounds)


def on_sqlite(rounds: int) -> Table:
    """Measure requests whose sessions and users are in SQLite."""
    note = (
        "Whether the session is alive, and then the user: two sessions of the database, each begun and ended, since "
        "neither store knows of the other. By hand: both in one session, or the user alone, which cannot be logged out."
    )
    with _sqlite() as url:
        return _table("Sessions and users in SQLite", note, _in_database(url), rounds)


def on_postgres(rounds: int) -> Table:
    """Measure requests whose sessions and users are in PostgreSQL."""
    with empty_postgres() as (url, server):
        _create(url)
        note = f"The same on {server}, by psycopg. What the server does is not counted."
        return _table("Sessions and users in PostgreSQL", note, _in_database(url), rounds)


def _create(url: str) -> None:
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    engine.dispose()


def _in_database(url: str) -> tuple[Case, ...]:
    return (
        Case("by hand", partial(add_database_by_hand, url=url), "floor", begin=begin),
        Case(
            "by hand, the user alone", partial(add_database_by_hand, url=url, with_session=False), "floor", begin=begin
        ),
        Case("auth.claims", lambda app: add_claims(app, use_database(app, url)), begin=begin),
        Case("auth.user", lambda app: add_user(app, use_database(app, url)), begin=begin),
    )


def _table(title: str, note: str, cases: tuple[Case, ...], rounds: int) -> Table:
    comparison = Comparison(title, note, Call("/me"), cases, make_app, bytes)
    return Table(title, note, compare(comparison, rounds=rounds))


# --- refreshing


class Relay:
    """Shows the refresh token that the last answer brought, as clients do."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope["app"].state
        body = b'{"refresh_token":"%b"}' % state.refresh_token

        async def show() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def keep(message: Message) -> None:
            if found := _REFRESH_TOKEN.search(message.get("body", b"")):
                state.refresh_token = found[1]
            await send(message)

        await self.app(scope, show, keep)


async def begin_refresh(app: FastAPI) -> Call:
    """Log the user in; let the relay show the refresh token."""
    app.state.refresh_token = (await _tokens(app)).refresh_token.encode()
    return Call("/auth/refresh", "POST", {"Content-Type": "application/json"})


async def begin_stateless(app: FastAPI) -> Call:
    """Let the relay show a token that python-jose has signed."""
    app.state.refresh_token = peers.refresh_token().encode()
    return Call("/refresh", "POST", {"Content-Type": "application/json"})


def add_refresh(app: FastAPI, auth: Auth[Any]) -> None:
    """Include our routes."""
    app.include_router(auth.router(), prefix="/auth")
    app.add_middleware(Relay)


def add_stateless_refresh(app: FastAPI) -> None:
    """Include the route by hand."""
    peers.add_refresh(app)
    app.add_middleware(Relay)


def refreshing(rounds: int) -> Table:
    """Measure how tokens are refreshed."""
    with empty_redis() as (url, server), _sqlite() as database:
        cases = (
            Case("by hand, without state", add_stateless_refresh, "floor", begin=begin_stateless),
            Case("sessions in memory", lambda app: add_refresh(app, use_memory(app)), begin=begin_refresh),
            Case("sessions in Redis", lambda app: add_refresh(app, use_redis(app, url)), begin=begin_refresh),
            Case("sessions in SQLite", lambda app: add_refresh(app, use_database(app, database)), begin=begin_refresh),
        )
        note = (
            "`POST /refresh`: the refresh token of each answer is what the next request shows. Ours work once, are "
            f"followed by another in one atomic step, and end with their session, which memory, {server} or SQLite "
            "keeps. By hand: a signed token that nobody can take back, read and signed anew with python-jose."
        )
        comparison = Comparison("Refreshing", note, Call("/refresh", "POST"), cases, make_app)
        return Table(comparison.title, note, compare(comparison, rounds=rounds))


def use_memory(app: FastAPI) -> Auth[Any]:
    """Give the app an `Auth` that keeps all in memory."""
    app.state.users = MemoryUserStore()
    app.state.auth = Auth(app.state.users, secret=peers.SECRET)
    auth: Auth[Any] = app.state.auth
    return auth


@contextmanager
def _sqlite() -> Iterator[str]:
    with TemporaryDirectory(prefix="brickwork-benchmark-") as folder:
        path = Path(folder, "auth.sqlite")
        _create(f"sqlite:///{path}")
        yield f"sqlite+aiosqlite:///{path}"
