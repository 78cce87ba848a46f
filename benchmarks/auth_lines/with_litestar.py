"""The app with Litestar, another framework, whose JWT has neither refresh tokens nor API keys."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any

from litestar import Litestar, Request, Response, get, post
from litestar.connection import ASGIConnection
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers.base import BaseRouteHandler
from litestar.params import Body
from litestar.security.jwt import JWTAuth, Token
from pwdlib import PasswordHash

SECRET = "a secret of this comparison, of more than thirty-two bytes"


# --- login
@dataclass
class User:
    login: str
    password_hash: str
    roles: list[str] = field(default_factory=list)


@dataclass
class Credentials:
    username: str
    password: str


users: dict[str, User] = {}
hasher = PasswordHash.recommended()
nobody = hasher.hash("the password of nobody")


async def find_user(token: Token, _connection: ASGIConnection[Any, Any, Any, Any]) -> User | None:
    return users.get(token.sub)


jwt_auth = JWTAuth[User](
    token_secret=SECRET,
    retrieve_user_handler=find_user,
    default_token_expiration=timedelta(minutes=15),
    exclude=["/login", "/schema"],
)


@post("/login", sync_to_thread=True)  # type: ignore[untyped-decorator]  # untyped where it is not installed
def log_in(data: Annotated[Credentials, Body(media_type=RequestEncodingType.URL_ENCODED)]) -> Response[Any]:
    user = users.get(data.username)
    right = hasher.verify(data.password, user.password_hash if user else nobody)
    if user is None or not right:
        raise NotAuthorizedException
    token = jwt_auth.create_token(user.login)
    return Response({"access_token": token})


@get("/me")  # type: ignore[untyped-decorator]
async def me(request: Request[User, Token, Any]) -> str:
    return str(request.user.login)


# --- role
def require_admin(connection: ASGIConnection[Any, User, Token, Any], _handler: BaseRouteHandler) -> None:
    if "admin" not in connection.user.roles:
        raise PermissionDeniedException


@get("/admin", guards=[require_admin])  # type: ignore[untyped-decorator]
async def admin(request: Request[User, Token, Any]) -> str:
    return str(request.user.login)


# --- login
app = Litestar([log_in, me, admin], on_app_init=[jwt_auth.on_app_init])


# --- not counted
async def prepare(password: str) -> None:
    """Let there be an admin, and a user."""
    users["ada"] = User("ada", hasher.hash(password), ["admin"])
    users["bob"] = User("bob", hasher.hash(password))
