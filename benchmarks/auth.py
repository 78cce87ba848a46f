"""What knowing the user costs: tokens, API keys, sessions in stores, logins, and tokens that nobody should accept."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, FastAPI

from brickwork.auth import ApiKey, Auth, Claims, CookieTransport, MemoryUser, MemoryUserStore, PasswordHasher

from . import auth_peers as peers
from . import auth_stores, auth_tokens
from .measure import Call, Case, Comparison

PACKAGES = (
    "python-jose", "cryptography", "libpass", "argon2-cffi", "pyjwt", "joserfc", "fastapi-users", "authx", "pwdlib",
    "redis", "sqlalchemy",
)  # fmt: skip
SCOPES = ("orders:read", "orders:write")


def auth_of(app: FastAPI, **options: Any) -> Auth[MemoryUser]:
    """Give the app an `Auth` with users in memory, and sessions too unless ``tokens`` says otherwise."""
    app.state.users = MemoryUserStore()
    app.state.auth = auth = Auth(app.state.users, secret=peers.SECRET, lockout=None, **options)
    return auth


async def begin(app: FastAPI) -> Call:
    """Log the user in; send the access token in the header."""
    return peers.with_token(await _token(app))


async def begin_cookie(app: FastAPI) -> Call:
    """Log the user in; send the access token in its cookie, beside another one."""
    return Call("/me", headers={"Cookie": f"theme=dark; __Host-access={await _token(app)}"})


async def _token(app: FastAPI) -> str:
    user = await app.state.users.create({"id": "ada", "login": "ada", "scopes": SCOPES, "roles": ("admin",)})
    token: str = (await app.state.auth.issue(user)).access_token
    return token


def add_user(app: FastAPI, **options: Any) -> None:
    """Ask for the user."""
    auth = auth_of(app, **options)

    @app.get("/me")
    async def me(user: Annotated[MemoryUser, Depends(auth.user)]) -> dict[str, str]:
        return {"login": user.login}


def add_claims(app: FastAPI, **options: Any) -> None:
    """Ask for the claims."""
    auth = auth_of(app, **options)

    @app.get("/me")
    async def me(claims: Annotated[Claims, Depends(auth.claims)]) -> dict[str, str]:
        return {"login": claims.subject}


def add_required(app: FastAPI, **options: Any) -> None:
    """Ask for a user whose token allows something."""
    auth = auth_of(app, scopes=dict.fromkeys(SCOPES, ""), **options)

    @app.get("/me")
    async def me(user: Annotated[MemoryUser, auth.require(scopes="orders:read")]) -> dict[str, str]:
        return {"login": user.login}


def add_api_key(app: FastAPI) -> None:
    """Ask for the API key."""
    auth = auth_of(app)

    @app.get("/me")
    async def me(key: Annotated[ApiKey, Depends(auth.api_key)]) -> dict[str, str]:
        return {"login": key.owner}


async def begin_api_key(app: FastAPI) -> Call:
    """Make an API key, and send it."""
    user = await app.state.users.create({"id": "ada", "login": "ada", "scopes": SCOPES})
    made = await app.state.auth.create_key(user, name="benchmark", scopes=SCOPES)
    return Call("/me", headers={"X-API-Key": made.key})


def add_login(app: FastAPI) -> None:
    """Include our routes."""
    app.include_router(auth_of(app).router())


async def begin_login(app: FastAPI) -> Call:
    """Give the user a password, hashed as ours are, and log in with it."""
    hashed = await PasswordHasher().hash(peers.PASSWORD)
    await app.state.users.create({"id": "ada", "login": "ada", "password_hash": hashed})
    return peers.LOGIN


def ours(
    name: str,
    add: Callable[..., None],
    begin: Callable[[FastAPI], Awaitable[Call]] = begin,
    **options: Any,
) -> Case:
    """Make a case of ours."""
    return Case(name, partial(add, **options) if options else add, begin=begin)


COMPARISONS = (
    Comparison(
        "A route for users",
        "HS256; users and sessions are in memory, so what shows is the block itself.",
        Call("/me"),
        (
            Case("no user asked for", peers.add_plain, "floor"),
            Case("a dependency that does nothing", peers.add_nothing, "floor"),
            ours("auth.user", add_user),
            ours("auth.user, verified_cache", add_user, verified_cache=1000),
            ours("auth.claims", add_claims),
            ours("auth.require(scopes=…)", add_required),
            ours("auth.user by cookie", add_user, begin_cookie, transports=(CookieTransport(),)),
            Case("by hand, key prepared", peers.add_prepared, "peer", begin=peers.begin_by_hand),
            Case("tutorial, python-jose", peers.add_tutorial_jose, "peer", begin=peers.begin_by_hand),
            Case("tutorial, PyJWT", peers.add_tutorial_pyjwt, "peer", peers.PYJWT, begin=peers.begin_by_hand),
            Case("by hand, joserfc", peers.add_joserfc, "peer", peers.JOSERFC, begin=peers.begin_by_hand),
            Case("fastapi-users", peers.add_fastapi_users, "peer", peers.USERS, begin=peers.begin_fastapi_users),
            Case("authx, claims", peers.add_authx, "peer", peers.AUTHX, begin=peers.begin_authx),
            Case("authx, get_current_subject", peers.add_authx_subject, "peer", peers.AUTHX, begin=peers.begin_authx),
        ),
        FastAPI,
        bytes,
    ),
    Comparison(
        "A route for API keys",
        "By hand, the key's hash is looked up in a dictionary.",
        Call("/me"),
        (
            Case("no key asked for", peers.add_plain, "floor"),
            ours("auth.api_key", add_api_key, begin_api_key),
            Case("by hand, APIKeyHeader", peers.add_api_key, "peer", begin=peers.begin_api_key),
        ),
        FastAPI,
        bytes,
    ),
    Comparison(
        "A login",
        "One password is checked. argon2id at the least that OWASP asks for (19 MiB, 2 passes, 1 lane) is what we use "
        "unless told otherwise; what the packages use is 64 MiB, 3 passes, 4 lanes. More is not better everywhere: it "
        "is what each login costs, and each attempt of a guesser costs you. Processor time of all threads.",
        peers.LOGIN,
        (
            Case("by hand, OWASP's least", peers.add_owasp_login, "floor"),
            ours("POST /login", add_login, begin_login),
            Case("by hand, defaults of pwdlib and passlib", peers.add_argon2_login, "peer"),
            Case("by hand, passlib's bcrypt", peers.add_bcrypt_login, "peer"),
            Case("fastapi-users", peers.add_fastapi_users_login, "peer", peers.USERS, peers.LOGIN_FORM),
        ),
        FastAPI,
    ),
)  # fmt: skip

TABLES = (
    auth_stores.on_redis,
    auth_stores.on_sqlite,
    auth_stores.on_postgres,
    auth_stores.refreshing,
    *(partial(auth_tokens.verify, algorithm) for algorithm in auth_tokens.ALGORITHMS),
    auth_tokens.hostile,
)
