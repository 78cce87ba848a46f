"""The app with fastapi-users, which has neither refresh tokens nor API keys; users are in memory."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import Depends, FastAPI, HTTPException
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin
from fastapi_users.authentication import AuthenticationBackend, BearerTransport, JWTStrategy
from fastapi_users.db import BaseUserDatabase
from fastapi_users.password import PasswordHelper

SECRET = "a secret of this comparison, of more than thirty-two bytes"


# --- login
@dataclass
class User:
    id: UUID
    email: str
    hashed_password: str
    is_active: bool = True
    is_superuser: bool = False
    is_verified: bool = True


users: dict[UUID, User] = {}


class UserDatabase(BaseUserDatabase[User, UUID]):  # type: ignore[misc]  # untyped where it is not installed
    async def get(self, user_id: UUID) -> User | None:
        return users.get(user_id)

    async def get_by_email(self, email: str) -> User | None:
        return next((user for user in users.values() if user.email == email), None)

    async def update(self, user: User, changes: dict[str, Any]) -> User:
        vars(user).update(changes)
        return user


class UserManager(UUIDIDMixin, BaseUserManager[User, UUID]):  # type: ignore[misc]
    pass


def get_user_manager() -> UserManager:
    return UserManager(UserDatabase())


def get_strategy() -> Any:
    return JWTStrategy(secret=SECRET, lifetime_seconds=900)


backend = AuthenticationBackend(name="jwt", transport=BearerTransport(tokenUrl="auth/login"), get_strategy=get_strategy)
fastapi_users = FastAPIUsers[User, UUID](get_user_manager, [backend])
current_user = fastapi_users.current_user(active=True)
app = FastAPI()
app.include_router(fastapi_users.get_auth_router(backend), prefix="/auth")


@app.get("/me")
async def me(user: Annotated[User, Depends(current_user)]) -> str:
    return user.email


# --- role
roles: dict[str, list[str]] = {}


def require_admin(user: Annotated[User, Depends(current_user)]) -> User:
    if "admin" not in roles.get(user.email, []):
        raise HTTPException(403, "Not enough permissions")
    return user


@app.get("/admin")
async def admin(user: Annotated[User, Depends(require_admin)]) -> str:
    return user.email


# --- not counted
async def prepare(password: str) -> None:
    """Let there be an admin, and a user."""
    hashed = PasswordHelper().hash(password)
    for name in ("ada", "bob"):
        user = User(uuid4(), name, hashed)
        users[user.id] = user
    roles["ada"] = ["admin"]
