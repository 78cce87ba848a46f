"""The app with Brickwork."""

from typing import Annotated

from fastapi import Depends, FastAPI

from brickwork.auth import ApiKey, Auth, MemoryUser, MemoryUserStore, PasswordHasher

SECRET = "a secret of this comparison, of more than thirty-two bytes"

# --- login
users = MemoryUserStore()
auth = Auth(users, secret=SECRET)
app = FastAPI()
app.include_router(auth.router(), prefix="/auth")


@app.get("/me")
async def me(user: Annotated[MemoryUser, Depends(auth.user)]) -> str:
    return user.login


# --- refresh


# --- role
@app.get("/admin")
async def admin(user: Annotated[MemoryUser, auth.require(roles="admin")]) -> str:
    return user.login


# --- key
@app.get("/machine")
async def machine(key: Annotated[ApiKey, Depends(auth.api_key)]) -> str:
    return key.name


# --- not counted
async def prepare(password: str) -> None:
    """Let there be an admin, and a user."""
    password_hash = await PasswordHasher().hash(password)
    await users.create({"login": "ada", "password_hash": password_hash, "roles": ["admin"]})
    await users.create({"login": "bob", "password_hash": password_hash})
