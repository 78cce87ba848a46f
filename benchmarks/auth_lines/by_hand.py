"""The app as the tutorial of FastAPI has it, with PyJWT and pwdlib; refresh tokens and API keys as guides add them."""

import hmac
import secrets
import time
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Annotated

import jwt
from fastapi import Depends, FastAPI, Form, HTTPException
from fastapi.security import APIKeyHeader, OAuth2PasswordBearer, OAuth2PasswordRequestForm
from pwdlib import PasswordHash

SECRET = "a secret of this comparison, of more than thirty-two bytes"


# --- login
@dataclass
class User:
    login: str
    password_hash: str
    roles: list[str] = field(default_factory=list)


users: dict[str, User] = {}
hasher = PasswordHash.recommended()
nobody = hasher.hash("the password of nobody")
bearer = OAuth2PasswordBearer(tokenUrl="token")
app = FastAPI()


def access_token(user: User) -> str:
    return str(jwt.encode({"sub": user.login, "exp": time.time() + 900}, SECRET, algorithm="HS256"))


def current_user(token: Annotated[str, Depends(bearer)]) -> User:
    refused = HTTPException(401, "Could not validate credentials", {"WWW-Authenticate": "Bearer"})
    try:
        claims = jwt.decode(token, SECRET, algorithms=["HS256"])
    except jwt.InvalidTokenError as error:
        raise refused from error
    if claims.get("sub") not in users:
        raise refused
    return users[claims["sub"]]


@app.post("/token")
def log_in(form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> dict[str, str]:
    user = users.get(form.username)
    right = hasher.verify(form.password, user.password_hash if user else nobody)
    if user is None or not right:
        raise HTTPException(401, "Incorrect username or password", {"WWW-Authenticate": "Bearer"})
    return {"access_token": access_token(user), "token_type": "bearer", "refresh_token": refresh_token(user)}


@app.get("/me")
def me(user: Annotated[User, Depends(current_user)]) -> str:
    return user.login


# --- refresh
families: dict[str, tuple[str, str]] = {}


def refresh_token(user: User, family: str | None = None) -> str:
    family, secret = family or secrets.token_urlsafe(16), secrets.token_urlsafe(32)
    families[family] = (user.login, sha256(secret.encode()).hexdigest())
    return f"{family}.{secret}"


@app.post("/refresh")
def refresh(token: Annotated[str, Form()]) -> dict[str, str]:
    family, _, secret = token.partition(".")
    login, digest = families.pop(family, ("", ""))
    if not hmac.compare_digest(digest, sha256(secret.encode()).hexdigest()) or login not in users:
        raise HTTPException(401, "Invalid refresh token", {"WWW-Authenticate": "Bearer"})
    user = users[login]
    return {"access_token": access_token(user), "token_type": "bearer", "refresh_token": refresh_token(user, family)}


# --- role
def require_admin(user: Annotated[User, Depends(current_user)]) -> User:
    if "admin" not in user.roles:
        raise HTTPException(403, "Not enough permissions")
    return user


@app.get("/admin")
def admin(user: Annotated[User, Depends(require_admin)]) -> str:
    return user.login


# --- key
keys: dict[str, str] = {}
key_header = APIKeyHeader(name="X-API-Key")


@app.post("/keys")
def make_key(name: Annotated[str, Form()], _user: Annotated[User, Depends(current_user)]) -> dict[str, str]:
    key = secrets.token_urlsafe(32)
    keys[sha256(key.encode()).hexdigest()] = name
    return {"key": key}


def api_key(key: Annotated[str, Depends(key_header)]) -> str:
    if (digest := sha256(key.encode()).hexdigest()) not in keys:
        raise HTTPException(401, "Invalid API key")
    return keys[digest]


@app.get("/machine")
def machine(name: Annotated[str, Depends(api_key)]) -> str:
    return name


# --- not counted
async def prepare(password: str) -> None:
    """Let there be an admin, and a user."""
    users["ada"] = User("ada", hasher.hash(password), ["admin"])
    users["bob"] = User("bob", hasher.hash(password))
