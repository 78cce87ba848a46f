"""Accounts: who may come in, and what for.

Everybody may browse. Who registers is a customer, and buys. Staff change books and let programs of theirs ship orders,
by API keys. The administrator says who is staff; there is one from the first start on.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from time import time
from typing import Annotated, Literal

from fastapi import APIRouter, FastAPI, Path
from pydantic import BaseModel, ConfigDict
from sqlalchemy import JSON
from sqlalchemy.orm import Mapped, mapped_column

from brickwork.auth import Auth, ForbiddenError, Lockout, LoginTakenError, UserName, UserOut
from brickwork.auth.sqlalchemy import (
    AuthTables,
    AuthUser,
    SQLAlchemyApiKeyStore,
    SQLAlchemyAttemptStore,
    SQLAlchemyTokenStore,
    SQLAlchemyUserStore,
)
from brickwork.database import Database, Timestamps, UUIDKey
from brickwork.problems import raises

from .models import Base
from .problems import AccountNotFoundError

Role = Literal["customer", "staff", "admin"]

SCOPES = {
    "orders:read": "See your orders.",
    "orders:write": "Buy books.",
    "orders:fulfil": "See the orders of all customers, and mark them as shipped.",
    "books:write": "Change prices, and put copies on the shelf.",
}
# What tokens and API keys of a user may allow at most.
ALLOWED: Mapping[Role, list[str]] = {
    "customer": ["orders:read", "orders:write"],
    "staff": list(SCOPES),
    "admin": list(SCOPES),
}
_TABLES = AuthTables(Base.metadata)


class User(AuthUser, UUIDKey, Timestamps, Base):
    __tablename__ = "account"  # USER is a word of SQL

    roles: Mapped[list[str]] = mapped_column(JSON, insert_default=lambda: ["customer"])
    scopes: Mapped[list[str]] = mapped_column(JSON, insert_default=lambda: ALLOWED["customer"])


class Accounts:
    """The people of one shop.

    Args:
        db: Where they are kept.
        secret: What tokens are signed with, 32 bytes or more.
        admin_password: Of the administrator who is made when the shop first starts. Without one nobody logs in as
            that, and nobody else can have the name.
    """

    def __init__(self, db: Database, *, secret: str, admin_password: str | None = None) -> None:
        self.users = SQLAlchemyUserStore(db, User)
        self._tokens = SQLAlchemyTokenStore(db, _TABLES)
        self._attempts = SQLAlchemyAttemptStore(db, _TABLES)
        self._admin_password = admin_password
        self.auth = Auth(
            self.users,
            secret=secret,
            tokens=self._tokens,
            api_keys=SQLAlchemyApiKeyStore(db, _TABLES),
            lockout=Lockout(5, per=900, store=self._attempts),
            transports=("header", "cookie"),
            scopes=SCOPES,
            issuer="bookshop",
            trusted_proxies=["127.0.0.1"],
        )

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncGenerator[None]:
        """Make the administrator when the shop first starts, and drop what has expired."""
        await self._tokens.purge(now=time())
        await self._attempts.purge(now=time())
        app.state.has_new_admin = await self._make_admin()
        yield

    async def _make_admin(self) -> bool:
        if await self.users.find("admin") is not None:
            return False
        password = self._admin_password
        with suppress(LoginTakenError):  # another process, which starts at the same time, was faster
            await self.auth.create_user("admin", password, roles=["admin"], scopes=ALLOWED["admin"])
            return password is not None
        return False


class NewRole(BaseModel):
    model_config = ConfigDict(extra="forbid")

    role: Role


def account_router(accounts: Accounts) -> APIRouter:
    """Give the routes of accounts: those of the block, and one for the administrator.

    Args:
        accounts: Whose routes they are.
    """
    auth = accounts.auth
    router = APIRouter()
    router.include_router(auth.router(), prefix="/auth")

    @router.put(
        "/accounts/{login}/role", response_model=UserOut, responses=raises(AccountNotFoundError), tags=["accounts"]
    )
    async def give_role(
        login: Annotated[UserName, Path()],
        new: NewRole,
        admin: Annotated[User, auth.require(roles="admin", fresh=900)],
    ) -> User:
        """Give somebody a role; whoever gets it has to log in again, so that no token outlives its rights."""
        user = await accounts.users.find(login)
        if user is None:
            raise AccountNotFoundError("Nobody has this login.")
        if user.id == admin.id:
            raise ForbiddenError("Nobody changes a role of their own.")
        changed = await accounts.users.update(str(user.id), _rights(new.role), end_tokens=True)
        if changed is None:
            raise AccountNotFoundError("Nobody has this login any more.")
        return changed

    return router


def _rights(role: Role) -> dict[str, list[str]]:
    return {"roles": [role], "scopes": ALLOWED[role]}
