"""Users known by their tokens as people do it without us: by hand as tutorials show it, and with packages."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.security import APIKeyHeader, OAuth2PasswordBearer
from jose import JWTError, jwk, jwt  # type: ignore[import-untyped]
from pydantic import BaseModel

from .measure import Call

SECRET = "a secret of this benchmark, of far more than thirty-two bytes"
LIFETIME = 3600
PASSWORD = "violet kettle under seventeen bridges"
ADA = {"login": "ada"}

PYJWT = ("jwt",)
JOSERFC = ("joserfc",)
USERS = ("fastapi_users",)
AUTHX = ("authx",)
CREDENTIALS = HTTPException(401, "Could not validate credentials", {"WWW-Authenticate": "Bearer"})

bearer = OAuth2PasswordBearer(tokenUrl="token")
api_key = APIKeyHeader(name="X-API-Key", auto_error=False)


class User(BaseModel):
    """A user, as the tutorial has it."""

    username: str
    disabled: bool = False


class TokenData(BaseModel):
    """What the tutorial reads from a token."""

    username: str | None = None


class LoginForm(BaseModel):
    """What somebody logs in with."""

    login: str
    password: str


PEOPLE = {"ada": {"username": "ada", "disabled": False}}


def claims(**more: object) -> dict[str, object]:
    """Give the claims of a token that is good for an hour."""
    now = int(time.time())
    return {"sub": "ada", "iat": now, "exp": now + LIFETIME, **more}


def with_token(token: str) -> Call:
    """Give the request that sends a token."""
    return Call("/me", headers={"Authorization": f"Bearer {token}"})


async def begin_by_hand(_app: FastAPI) -> Call:
    """Send a token that python-jose has signed."""
    return with_token(jwt.encode(claims(), SECRET, "HS256"))


def add_plain(app: FastAPI) -> None:
    """Answer anybody."""

    @app.get("/me")
    async def me() -> dict[str, str]:
        return ADA


def add_nothing(app: FastAPI) -> None:
    """Answer anybody, with a dependency that does nothing."""

    async def nobody(request: Request) -> str:  # noqa: ARG001
        return "ada"

    @app.get("/me")
    async def me(login: Annotated[str, Depends(nobody)]) -> dict[str, str]:
        return {"login": login}


def _add_tutorial(app: FastAPI, decode: Callable[[str], dict[str, Any]], error: type[Exception]) -> None:
    """Know the user as FastAPI's tutorial does: three dependencies, the key prepared anew for every request."""

    async def get_current_user(token: Annotated[str, Depends(bearer)]) -> User:
        try:
            payload = decode(token)
            username = payload.get("sub")
            if username is None:
                raise CREDENTIALS
            token_data = TokenData(username=username)
        except error:
            raise CREDENTIALS from None
        found = PEOPLE.get(token_data.username or "")
        if found is None:
            raise CREDENTIALS
        return User(**found)  # type: ignore[arg-type]

    async def get_current_active_user(user: Annotated[User, Depends(get_current_user)]) -> User:
        if user.disabled:
            raise HTTPException(400, "Inactive user")
        return user

    @app.get("/me")
    async def me(user: Annotated[User, Depends(get_current_active_user)]) -> dict[str, str]:
        return {"login": user.username}


def add_tutorial_jose(app: FastAPI) -> None:
    """Know the user as the tutorial did until 2024, with python-jose."""
    _add_tutorial(app, lambda token: jwt.decode(token, SECRET, ["HS256"]), JWTError)


def add_tutorial_pyjwt(app: FastAPI) -> None:
    """Know the user as the tutorial does now, with PyJWT."""
    import jwt as pyjwt

    _add_tutorial(app, lambda token: pyjwt.decode(token, SECRET, ["HS256"]), pyjwt.InvalidTokenError)


def add_prepared(app: FastAPI) -> None:
    """Know the user with one dependency and a key that is prepared once."""
    key = jwk.construct(SECRET, "HS256")

    async def current_user(token: Annotated[str, Depends(bearer)]) -> User:
        try:
            found = PEOPLE[jwt.decode(token, key, ["HS256"])["sub"]]
        except (JWTError, KeyError):
            raise CREDENTIALS from None
        return User(**found)  # type: ignore[arg-type]

    @app.get("/me")
    async def me(user: Annotated[User, Depends(current_user)]) -> dict[str, str]:
        return {"login": user.username}


def add_joserfc(app: FastAPI) -> None:
    """Know the user with joserfc, which has its own object for a key."""
    from joserfc import jwt as joserfc_jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import OctKey

    key: Any = OctKey.import_key(SECRET)
    rules: Any = joserfc_jwt.JWTClaimsRegistry(exp={"essential": True})

    async def current_user(token: Annotated[str, Depends(bearer)]) -> User:
        try:
            found: Any = joserfc_jwt.decode(token, key, ["HS256"]).claims
            rules.validate(found)
            return User(**PEOPLE[found["sub"]])  # type: ignore[arg-type]
        except (JoseError, KeyError):
            raise CREDENTIALS from None

    @app.get("/me")
    async def me(user: Annotated[User, Depends(current_user)]) -> dict[str, str]:
        return {"login": user.username}


@dataclass
class Member:
    """A user for fastapi-users."""

    id: int = 1
    email: str = "ada@example.com"
    hashed_password: str = ""
    is_active: bool = True
    is_superuser: bool = False
    is_verified: bool = True


def _fastapi_users(app: FastAPI, member: Member, *, get_strategy: Callable[[], Any]) -> Any:
    """Set fastapi-users up as its pages do, with a user in memory; give it and its backend."""
    from fastapi_users import BaseUserManager, FastAPIUsers, IntegerIDMixin
    from fastapi_users.authentication import AuthenticationBackend, BearerTransport
    from fastapi_users.db import BaseUserDatabase

    class Database(BaseUserDatabase):  # type: ignore[misc]
        async def get(self, id: int) -> Member | None:  # noqa: A002
            return member if id == member.id else None

        async def get_by_email(self, email: str) -> Member | None:
            return member if email == member.email else None

    class Manager(IntegerIDMixin, BaseUserManager):  # type: ignore[misc]
        reset_password_token_secret = verification_token_secret = SECRET

    async def get_database() -> AsyncIterator[Any]:
        yield Database()

    async def get_manager(database: Annotated[Any, Depends(get_database)]) -> AsyncIterator[Any]:
        yield Manager(database)

    backend = AuthenticationBackend("jwt", BearerTransport("auth/jwt/login"), get_strategy)
    app.state.strategy = get_strategy
    return FastAPIUsers(get_manager, [backend]), backend


def add_fastapi_users(app: FastAPI) -> None:
    """Know the user with fastapi-users and its `JWTStrategy`."""
    from fastapi_users.authentication import JWTStrategy

    def get_strategy() -> Any:
        return JWTStrategy(SECRET, LIFETIME)

    users, _ = _fastapi_users(app, Member(), get_strategy=get_strategy)

    @app.get("/me")
    async def me(user: Annotated[Any, Depends(users.current_user(active=True))]) -> dict[str, str]:
        return {"login": user.email.partition("@")[0]}


async def begin_fastapi_users(app: FastAPI) -> Call:
    """Send a token of its strategy."""
    return with_token(await app.state.strategy().write_token(Member()))


def add_authx(app: FastAPI) -> None:
    """Know who calls with AuthX, by the claims alone."""
    from authx import AuthX, AuthXConfig, TokenPayload

    auth: Any = AuthX(AuthXConfig(JWT_ALGORITHM="HS256", JWT_SECRET_KEY=SECRET, JWT_TOKEN_LOCATION=["headers"]))
    app.state.authx = auth
    auth.handle_errors(app)

    @app.get("/me")
    async def me(token: Annotated[TokenPayload, Depends(auth.access_token_required)]) -> dict[str, str]:
        return {"login": token.sub}


def add_authx_subject(app: FastAPI) -> None:
    """Know the user with AuthX."""
    from authx import AuthX, AuthXConfig

    auth: Any = AuthX(AuthXConfig(JWT_ALGORITHM="HS256", JWT_SECRET_KEY=SECRET, JWT_TOKEN_LOCATION=["headers"]))
    app.state.authx = auth

    @auth.set_subject_getter  # type: ignore[untyped-decorator]
    def subject(uid: str) -> User:
        return User(**PEOPLE[uid])  # type: ignore[arg-type]

    @app.get("/me")
    async def me(user: Annotated[Any, Depends(auth.get_current_subject)]) -> dict[str, str]:
        return {"login": user.username}


async def begin_authx(app: FastAPI) -> Call:
    """Send a token of AuthX."""
    return with_token(app.state.authx.create_access_token(uid="ada"))


# --- API keys

KEY = "key_0123456789abcdef_" + "s" * 43


def add_api_key(app: FastAPI) -> None:
    """Know an API key by its hash."""
    keys = {sha256(KEY.encode()).digest(): "ada"}

    async def owner(shown: Annotated[str | None, Depends(api_key)]) -> str:
        found = keys.get(sha256((shown or "").encode()).digest())
        if found is None:
            raise HTTPException(401, "Invalid API key")
        return found

    @app.get("/me")
    async def me(login: Annotated[str, Depends(owner)]) -> dict[str, str]:
        return {"login": login}


async def begin_api_key(_app: FastAPI) -> Call:
    """Send the key."""
    return Call("/me", headers={"X-API-Key": KEY})


# --- logins


def _login_route(app: FastAPI, verify: Callable[[str], bool]) -> None:
    """Check a password where the event loop does not wait for it, and answer with a token."""

    @app.post("/login")
    async def login(form: LoginForm) -> dict[str, object]:
        if form.login != "ada" or not await asyncio.to_thread(verify, form.password):
            raise CREDENTIALS
        token = jwt.encode(claims(), SECRET, "HS256")
        return {"access_token": token, "token_type": "bearer"}


def _checks(hasher: PasswordHasher) -> Callable[[str], bool]:
    stored = hasher.hash(PASSWORD)

    def verify(password: str) -> bool:
        try:
            return hasher.verify(stored, password)
        except VerifyMismatchError:
            return False

    return verify


def add_owasp_login(app: FastAPI) -> None:
    """Log in by hand, argon2id at the least that OWASP asks for."""
    _login_route(app, _checks(PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)))


def add_argon2_login(app: FastAPI) -> None:
    """Log in by hand, argon2id as argon2-cffi, pwdlib and passlib have it unless they are told."""
    _login_route(app, _checks(PasswordHasher()))


def add_bcrypt_login(app: FastAPI) -> None:
    """Log in by hand as the tutorial did until 2024, with passlib and bcrypt."""
    from passlib.context import CryptContext  # type: ignore[import-untyped]

    context: Any = CryptContext(schemes=["bcrypt"], deprecated="auto")
    stored = context.hash(PASSWORD)
    _login_route(app, lambda password: bool(context.verify(password, stored)))


def add_fastapi_users_login(app: FastAPI) -> None:
    """Log in with fastapi-users."""
    from fastapi_users.authentication import JWTStrategy
    from fastapi_users.password import PasswordHelper

    member = Member(hashed_password=PasswordHelper().hash(PASSWORD))
    users, backend = _fastapi_users(app, member, get_strategy=lambda: JWTStrategy(SECRET, LIFETIME))
    app.include_router(users.get_auth_router(backend))


LOGIN = Call(
    "/login", "POST", {"Content-Type": "application/json"}, b'{"login":"ada","password":"%b"}' % PASSWORD.encode()
)
LOGIN_FORM = Call(
    "/login",
    "POST",
    {"Content-Type": "application/x-www-form-urlencoded"},
    b"grant_type=password&username=ada%%40example.com&password=%b" % PASSWORD.replace(" ", "+").encode(),
)


# --- refreshing


class RefreshForm(BaseModel):
    """What tokens are refreshed with."""

    refresh_token: str


def add_refresh(app: FastAPI) -> None:
    """Give new tokens for a signed one that nobody keeps: it works as often as it is shown, for a month."""

    @app.post("/refresh")
    async def refresh(form: RefreshForm) -> dict[str, object]:
        try:
            found = jwt.decode(form.refresh_token, SECRET, ["HS256"], audience="refresh")
        except JWTError:
            raise CREDENTIALS from None
        said = claims(sub=found["sub"])
        return {
            "access_token": jwt.encode(said, SECRET, "HS256"),
            "refresh_token": jwt.encode({**said, "aud": "refresh"}, SECRET, "HS256"),
            "token_type": "bearer",
        }


def refresh_token() -> str:
    """Give the first of its tokens."""
    return str(jwt.encode(claims(aud="refresh"), SECRET, "HS256"))
