"""The app with authx, which leaves users, passwords and refreshing to the app."""

import secrets
from datetime import timedelta
from typing import Annotated, Any

from authx import AuthX, AuthXConfig, TokenPayload
from fastapi import Depends, FastAPI, Form, HTTPException
from pwdlib import PasswordHash

SECRET = "a secret of this comparison, of more than thirty-two bytes"

# --- login
users: dict[str, str] = {}
scopes: dict[str, list[str]] = {}
hasher = PasswordHash.recommended()
nobody = hasher.hash("the password of nobody")
security = AuthX(AuthXConfig(JWT_SECRET_KEY=SECRET, JWT_ACCESS_TOKEN_EXPIRES=timedelta(minutes=15)))
app = FastAPI()
security.handle_errors(app)


def tokens_of(login: str) -> dict[str, str]:
    access = security.create_access_token(login, scopes=scopes.get(login, []))
    return {"access_token": access, "refresh_token": refresh_token(login)}


@app.post("/login")
def log_in(username: Annotated[str, Form()], password: Annotated[str, Form()]) -> dict[str, str]:
    right = hasher.verify(password, users.get(username, nobody))
    if not right or username not in users:
        raise HTTPException(401, "Bad credentials")
    return tokens_of(username)


@app.get("/me")
async def me(payload: Annotated[TokenPayload, Depends(security.access_token_required)]) -> str:
    return str(payload.sub)


# --- refresh
current: dict[str, str] = {}


def refresh_token(login: str, family: str | None = None) -> str:
    family = family or secrets.token_urlsafe(16)
    token = security.create_refresh_token(login, data={"family": family})
    current[family] = token
    return str(token)


@app.post("/refresh")
async def refresh(
    token: Annotated[str, Form()], payload: Annotated[Any, Depends(security.refresh_token_required)]
) -> dict[str, str]:
    family = payload.family
    if current.pop(family, None) != token or payload.sub not in users:
        raise HTTPException(401, "Invalid refresh token")
    access = security.create_access_token(payload.sub, scopes=scopes.get(payload.sub, []))
    return {"access_token": access, "refresh_token": refresh_token(payload.sub, family)}


# --- role
@app.get("/admin")
async def admin(payload: Annotated[TokenPayload, Depends(security.scopes_required("admin"))]) -> str:
    return str(payload.sub)


# --- not counted
async def prepare(password: str) -> None:
    """Let there be an admin, and a user."""
    users.update(ada=hasher.hash(password), bob=hasher.hash(password))
    scopes["ada"] = ["admin"]
