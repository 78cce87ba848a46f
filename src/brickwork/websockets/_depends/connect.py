"""What gives an endpoint its connection."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from inspect import Parameter, Signature
from typing import Annotated, Any, Final, Generic, TypeVar, cast

from fastapi import params
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_dependant
from starlette.exceptions import HTTPException, WebSocketException
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected, WebSocketState

from ..._core.closing import close_code, close_reason
from ..._core.problem import Problem
from ..._core.renderer import renderer_of
from ..._core.scope import SERVER_SEND, TrustedProxies, takes_response
from ..._core.shapes import is_dict
from .._errors import ConnectionClosedError, DrainingError, OriginNotAllowedError, TooManyConnectionsError
from .._rules.frames import Codec, Entry
from .._rules.values import CloseCode
from .._service.codecs import choose, token_of
from .._service.connection import Connection
from .._service.hooks import logger
from .._service.hub import Hub
from .._service.messages.error_frames import frame_of
from .._service.messages.incoming import is_message_id
from .caps import Caps, Place
from .draining import Draining
from .origins import Origins

U = TypeVar("U")

_RECIPE: Final = (
    "manager.connect is a dependency, and nothing to be awaited. Write:\n\n"
    '    @app.websocket("/ws")\n'
    "    async def ws(connection: Annotated[Connection, Depends(manager.connect)]): ...\n\n"
    "The socket is accepted before the endpoint runs, and let go of when it ends."
)
# What a client may do about it is for its close code to say: come back, or log in first.
_REFUSED: Final = {401: CloseCode.UNAUTHENTICATED, 403: CloseCode.FORBIDDEN, 429: CloseCode.TOO_MANY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms(Generic[U]):
    """On what terms sockets are let in.

    Attributes:
        hub: What connections join.
        origins: Whose pages may open one.
        caps: How many there may be.
        draining: Whether the process is about to end.
        proxies: Whose word about the client's address is believed.
        codecs: What is spoken; the first unless a client wants another.
        subprotocols: What the app speaks besides.
        authenticate_first: Finds the user by the token of the first message.
        identify: Gives a user's ID; None for the usual ways.
        expires: Gives the instant until which a user may stay; None for ever.
    """

    hub: Hub
    origins: Origins
    caps: Caps
    draining: Draining
    proxies: TrustedProxies
    codecs: Sequence[Codec]
    subprotocols: Sequence[str]
    authenticate_first: Callable[[str], Awaitable[U]] | None
    identify: Callable[[U], str] | None
    expires: Callable[[U], datetime | None] | None


class _EndedError(Exception):
    """The socket is closed before its endpoint has begun: everything has been said."""


class _Admission:
    """Looks at a handshake before anybody asks who makes it, and sees to it that the client hears of a refusal."""

    def __init__(self, terms: Terms[Any]) -> None:
        self._terms = terms

    async def __call__(self, connection: HTTPConnection) -> AsyncGenerator[None]:
        """Let a handshake go on: FastAPI calls this, and hears here of what is raised by whatever comes later."""
        if not isinstance(connection, WebSocket):
            raise TypeError("manager.connect belongs on a socket: write @app.websocket(…)")
        try:
            self._terms.draining.check()
            self._terms.origins.check(connection.scope)
            yield
        except _EndedError:
            return
        except HTTPException as error:
            if connection.application_state is WebSocketState.CONNECTING and takes_response(connection.scope):
                raise
            # No response can be sent: the server knows of none but 403, or the socket is open.
            raise WebSocketException(close_code(error.status_code), close_reason(str(error.detail))) from error


def _as_dependency(generator: Callable[..., AsyncGenerator[Any]]) -> Callable[..., AsyncGenerator[Any]]:
    """Have FastAPI take a method for the generator that it gives, and others learn how it is used."""

    @wraps(generator)
    def call(self: object, *awaited: object, **found: Any) -> AsyncGenerator[Any]:
        if awaited or "connection" not in found:
            raise TypeError(_RECIPE)
        return generator(self, **found)

    return call


class Connect(Generic[U]):
    """Gives an endpoint its connection: ``Annotated[Connection[User], Depends(manager.connect)]``.

    Args:
        terms: On what terms sockets are let in.
        authenticate: The dependency that finds out whose a socket is; None where nobody is asked.

    Raises:
        TypeError: The dependency cannot be used for sockets.
    """

    def __init__(self, terms: Terms[U], authenticate: Callable[..., Any] | params.Depends | None) -> None:
        self._terms = terms
        asked: dict[str, Any] = {
            "connection": HTTPConnection,
            "admitted": Annotated[None, params.Depends(_Admission(terms))],
        }
        if authenticate is not None:
            asked["user"] = Annotated[Any, _checked(authenticate)]
        self.__signature__: Signature = Signature(
            [Parameter(name, Parameter.KEYWORD_ONLY, annotation=kind) for name, kind in asked.items()]
        )
        self.__problems__: tuple[type[Problem], ...] = (DrainingError, OriginNotAllowedError, TooManyConnectionsError)

    @_as_dependency
    async def __call__(
        self, *, connection: HTTPConnection, admitted: None = None, user: Any = None
    ) -> AsyncGenerator[Connection[U]]:
        """Let a socket in, and let go of it when the endpoint ends: FastAPI calls this.

        Raises:
            DrainingError: (503) The process is about to end.
            OriginNotAllowedError: (403) A page of somebody else opens the socket.
            TooManyConnectionsError: (429) There are as many connections as there may be.
            RuntimeError: The socket is accepted already.
            TypeError: It is not called by FastAPI; or nobody knows the user's ID.
        """
        socket = cast("WebSocket", connection)
        if socket.application_state is not WebSocketState.CONNECTING:
            raise RuntimeError("this socket is accepted already: manager.connect accepts it, once")
        address = self._terms.proxies.client(socket.scope)
        place = self._terms.caps.take(address)
        try:
            made = self._make(socket, address, place, user)
            try:
                await self._accept(made)
                try:
                    await self._welcome(made, place)
                except Exception as error:  # noqa: BLE001 - whatever it is, the socket is closed because of it
                    await _part(made, error)
                    raise _EndedError from None
                try:
                    yield made
                except Exception as error:  # noqa: BLE001 - likewise
                    await _part(made, error)
                else:
                    await made.close()
            finally:
                # Whoever is cancelled waits for nobody.
                made.evict(CloseCode.GOING_AWAY)
        finally:
            self._terms.caps.give_back(place)

    def _make(self, socket: WebSocket, address: str | None, place: Place, user: U) -> Connection[U]:
        terms = self._terms
        user_id = None if user is None else id_of(user, terms.identify)
        terms.caps.name(place, user_id)
        # The process may have begun to end while the user was found out.
        terms.draining.check()
        spoken = choose(socket.scope.get("subprotocols", ()), terms.codecs, terms.subprotocols)
        made: Connection[U] = Connection(
            hub=terms.hub,
            websocket=socket,
            send=socket.scope.get(SERVER_SEND, socket.send),
            user=user,
            user_id=user_id,
            address=address,
            codec=spoken.codec,
            subprotocol=spoken.subprotocol,
        )
        made.hold()
        place.attach(made.evict)
        return made

    def _first_message_of(self, made: Connection[U]) -> Callable[[str], Awaitable[U]] | None:
        """Give what finds out a connection's user by its first message, where that has to."""
        return self._terms.authenticate_first if made.user is None else None

    async def _accept(self, made: Connection[U]) -> None:
        """Answer a handshake, when all that is sent from then on reaches the client."""
        if self._first_message_of(made) is None:
            with suppress(ConnectionClosedError):  # the client hears so when its socket is open
                await self._terms.hub.add(made)
        try:
            await made.websocket.accept(made.subprotocol)
        except OSError:
            # The client has gone.
            raise _EndedError from None
        made.release()

    async def _welcome(self, made: Connection[U], place: Place) -> None:
        terms = self._terms
        authenticate = self._first_message_of(made)
        made.inlet.start(first_message=authenticate is not None)
        message_id = None if authenticate is None else await self._introduce(made, place, authenticate)
        if terms.expires is not None and made.user is not None:
            made.expire_at(terms.expires(made.user))
        if authenticate is not None:
            await terms.hub.add(made)
        if made.close_code is not None:
            raise ConnectionClosedError(made.close_code)
        if message_id is not None:
            await made.send({"type": "ack", "re": message_id})

    async def _introduce(
        self, made: Connection[U], place: Place, authenticate: Callable[[str], Awaitable[U]]
    ) -> str | int | None:
        """Find out by a first message whose a connection is; gives the ID under which it is answered.

        Raises:
            ConnectionClosedError: The client is gone, or somebody whom nobody knows.
        """
        first = await made.inlet.first()
        if first is None:
            raise ConnectionClosedError(made.close_code or CloseCode.GOING_AWAY)
        token, message_id = _token_in(made.codec, first)
        try:
            user = await _known(token, authenticate)
            user_id = id_of(user, self._terms.identify)
            self._terms.caps.name(place, user_id)
        except HTTPException as error:
            await _refuse(made, error, _REFUSED.get(error.status_code, close_code(error.status_code)), message_id)
            raise ConnectionClosedError(made.close_code or CloseCode.UNAUTHENTICATED) from None
        made.user = user
        made.user_id = made.outlet.user_id = user_id
        return message_id


async def _known(token: str | None, authenticate: Callable[[str], Awaitable[U]]) -> U:
    """Find the user of a token.

    Raises:
        HTTPException: (401) There is none.
    """
    user = None if token is None else await authenticate(token)
    if user is None:
        raise HTTPException(401, 'Send {"type": "auth", "token": "…"} first, with a token that is good.')
    return user


def _token_in(codec: Codec, message: str | bytes) -> tuple[str | None, str | int | None]:
    """Read the token of a first message, and the message's ID."""
    try:
        read = codec.decode(message)
    except ValueError:
        read = None
    if not is_dict(read):
        return None, None
    token, message_id = read.get("token"), read.get("id")
    known = read.get("type") == "auth" and isinstance(token, str)
    return token if known else None, message_id if is_message_id(message_id) else None


def id_of(user: Any, identify: Callable[[Any], str] | None) -> str:
    """Give a user's ID.

    Raises:
        TypeError: Nobody has said how.
    """
    found = identify(user) if identify else user if isinstance(user, str | int) else getattr(user, "id", None)
    if found is None:
        raise TypeError(
            f"who a {type(user).__name__} is, nobody can tell: write "
            "ConnectionManager(identify=lambda user: user.name), or give it an attribute id"
        )
    return str(found)


async def _part(made: Connection[Any], error: Exception) -> None:
    """Close a connection because of what its endpoint raised."""
    if isinstance(error, WebSocketException):
        await made.close(error.code, error.reason)
    elif made.closed and _is_end(error):
        await made.wait_gone()
    else:
        await _fail(made, error)


async def _fail(made: Connection[Any], error: Exception) -> None:
    scope = made.websocket.scope
    meant = renderer_of(scope.get("app")).meaning(scope, error)
    if meant is None or (meant is not error and meant.status_code >= 500):
        logger.error("the endpoint of connection %s failed", made.id, exc_info=error)
    if meant is None:
        await made.close(CloseCode.INTERNAL_ERROR)
    else:
        await _refuse(made, meant, close_code(meant.status_code))


async def _refuse(made: Connection[Any], error: HTTPException, code: int, re: str | int | None = None) -> None:
    """Tell a client of an error, as far as it reads, and close its socket."""
    made.outlet.push(Entry("", frame_of(error, made.websocket.scope, re)))
    detail = cast("object", error.detail)  # FastAPI takes anything there
    await made.close(code, detail if isinstance(detail, str) else "")


def _is_end(error: Exception) -> bool:
    """Tell whether an error says no more than that the socket is closed."""
    if isinstance(error, ExceptionGroup):
        return all(_is_end(each) for each in cast("ExceptionGroup[Exception]", error).exceptions)
    return isinstance(error, ConnectionClosedError | WebSocketDisconnect | WebSocketDisconnected)


def _checked(authenticate: Callable[..., Any] | params.Depends) -> params.Depends:
    """Give a dependency of the app, if it can be asked at a handshake.

    Raises:
        TypeError: It is no dependency, or asks for what a handshake does not have.
    """
    marker = authenticate if isinstance(authenticate, params.Depends) else params.Depends(authenticate)
    if not callable(marker.dependency):
        raise TypeError(f"authenticate={authenticate!r} is no dependency: write authenticate=auth.user")
    for each in _all_of(get_dependant(path="/", call=marker.dependency)):
        name = getattr(each.call, "__qualname__", type(each.call).__name__)
        if each.request_param_name is not None:
            raise TypeError(
                f"{name} asks for a Request, and a socket has none: have it take an HTTPConnection "
                f"(from starlette.requests), which both are: {each.request_param_name}: HTTPConnection"
            )
        if each.body_params:
            raise TypeError(f"{name} asks for a body, and a socket has none: have it take a header or a cookie")
    return marker


def _all_of(dependant: Dependant) -> list[Dependant]:
    return [dependant, *(inner for each in dependant.dependencies for inner in _all_of(each))]


async def bearer_subprotocol(connection: HTTPConnection) -> str | None:
    """Give the token that a page offers as a subprotocol: ``new WebSocket(url, ["bearer", token])``.

    A page can set no header on its sockets. The token is in no address, and so in no log; only ``bearer`` is answered.

    ```python
    from typing import Annotated

    from fastapi import Depends, HTTPException

    from brickwork.websockets import ConnectionManager, bearer_subprotocol

    async def reader(token: Annotated[str | None, Depends(bearer_subprotocol)]) -> str:
        if token != "a token that a test may know":
            raise HTTPException(401)
        return "ada"

    manager = ConnectionManager(authenticate=reader)
    ```

    Returns:
        The token; None where there is none, or more than one.
    """
    return token_of(connection.scope.get("subprotocols", ()))
