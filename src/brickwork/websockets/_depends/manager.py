"""`ConnectionManager`: the sockets of an app, their rooms and users."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Generator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, Generic, Literal, TypedDict, TypeVar, Unpack, overload

from fastapi import APIRouter, params

from ..._core.clock import Clock
from ..._core.scope import TrustedProxies
from .._rules.frames import Codec
from .._rules.rooms import ALL
from .._rules.values import ConnectionLimits, Delivery, Heartbeat, History, Presence, SlowConsumer
from .._service.codecs import JSONCodec
from .._service.connection import Connection
from .._service.counters import Counts
from .._service.hooks import Event
from .._service.hub import Hub
from .._store import Backplane
from ..memory import MemoryBackplane
from .caps import Caps
from .client import client_router
from .connect import Connect, Terms
from .draining import Draining
from .origins import Origins
from .sse import EventStreamResponse
from .targets import RoomTarget, UserTarget, ids_of

U = TypeVar("U")
GuardT = TypeVar("GuardT", bound=Callable[..., object])

ManagerState = Literal["ready", "degraded", "draining"]
"""How a manager is: it reaches the other processes, it does not, or it takes no new connections."""

_JSON: Final = (JSONCodec(),)


class ManagerOptions(TypedDict, total=False):
    """Options of a `ConnectionManager`, whoever its users are; that says what each of them does."""

    identify: Callable[[Any], str] | None
    backplane: Backplane | None
    codecs: Sequence[Codec]
    subprotocols: Sequence[str]
    limits: ConnectionLimits
    slow_consumer: SlowConsumer
    history: History | None
    presence: Presence | None
    heartbeat: Heartbeat
    origins: Sequence[str]
    trusted_proxies: Sequence[str]
    ipv6_prefix: int
    expires: Callable[[Any], datetime | None] | None
    delivery: Literal["inline", "task"]
    on_event: Callable[[Event], None] | None
    clock: Clock | None


class ConnectionManager(Generic[U]):
    """The sockets of an app, their rooms and users.

    ```python
    from typing import Annotated

    from fastapi import Depends, FastAPI

    from brickwork.websockets import Connection, ConnectionManager

    manager = ConnectionManager()
    app = FastAPI(lifespan=manager.lifespan)

    @app.websocket("/ws")
    async def ws(connection: Annotated[Connection[None], Depends(manager.connect)]) -> None:
        async with connection.join("lobby"):
            async for message in connection:
                await manager.room("lobby").send(message, exclude=connection)
    ```

    It works without the lifespan too, which only lets go of clients in good order when the app ends.

    Args:
        authenticate: The dependency of the app that gives a socket's user, such as ``auth.user``; what it raises is
            the answer to the handshake.
        authenticate_first: Gives a user by the token in the first message, ``{"type": "auth", "token": …}``, where
            there is no ``authenticate``, or it gives None. Raises ``HTTPException(401)`` for a token that is not good.
        identify: Gives a user's ID. Default: the attribute ``id``, or a text or number itself.
        backplane: What joins the processes of the app; without one a `MemoryBackplane`, for one process.
        codecs: How messages are written; a client chooses by subprotocol, and who does not gets the first.
        subprotocols: What the app speaks besides; the first that a client offers too is answered.
        limits: How much one client, and all of them together, may take.
        slow_consumer: What becomes of a message for a client that is too slow; without it its socket is closed.
        history: How much of each room is kept for clients that come back; without it nothing.
        presence: Whether all processes know who is in a room; without it they do not.
        heartbeat: How long silence may last.
        origins: Pages of other hosts that may open sockets; `ANY_ORIGIN` for all pages there are.
        trusted_proxies: Addresses or networks of your own proxies, such as ``["10.0.0.0/8"]``.
        ipv6_prefix: How many bits of an IPv6 address are one client's network.
        expires: Gives the instant at which a user's socket is closed with 4401, such as the token's end.
        delivery: ``inline`` tries each message at once and without a task; ``task`` never does, for middleware that
            cannot bear it.
        on_event: Called with each `Event`, at once: for metrics.
        clock: Tells the time; the system's otherwise.

    Attributes:
        connect: The dependency that gives an endpoint its `Connection`.

    Raises:
        TypeError: ``authenticate`` cannot be asked at a handshake, or a text stands where a list belongs.
        ValueError: An option makes no sense.
    """

    @overload
    def __init__(self: "ConnectionManager[None]", **options: Unpack[ManagerOptions]) -> None: ...
    @overload
    def __init__(
        self,
        *,
        authenticate_first: Callable[[str], Awaitable[U]],
        authenticate: Callable[..., Any] | params.Depends | None = None,
        **options: Unpack[ManagerOptions],
    ) -> None: ...
    @overload
    def __init__(
        self, *, authenticate: Callable[..., AsyncGenerator[U, Any]], **options: Unpack[ManagerOptions]
    ) -> None: ...
    @overload
    def __init__(
        self, *, authenticate: Callable[..., Generator[U, Any, Any]], **options: Unpack[ManagerOptions]
    ) -> None: ...
    @overload
    def __init__(self, *, authenticate: Callable[..., Awaitable[U]], **options: Unpack[ManagerOptions]) -> None: ...
    @overload
    def __init__(self, *, authenticate: Callable[..., U], **options: Unpack[ManagerOptions]) -> None: ...
    @overload
    def __init__(
        self: "ConnectionManager[Any]", *, authenticate: params.Depends, **options: Unpack[ManagerOptions]
    ) -> None: ...
    def __init__(
        self,
        *,
        authenticate: Callable[..., Any] | params.Depends | None = None,
        authenticate_first: Callable[[str], Awaitable[Any]] | None = None,
        identify: Callable[[Any], str] | None = None,
        backplane: Backplane | None = None,
        codecs: Sequence[Codec] = _JSON,
        subprotocols: Sequence[str] = (),
        limits: ConnectionLimits | None = None,
        slow_consumer: SlowConsumer | None = None,
        history: History | None = None,
        presence: Presence | None = None,
        heartbeat: Heartbeat | None = None,
        origins: Sequence[str] = (),
        trusted_proxies: Sequence[str] = (),
        ipv6_prefix: int = 64,
        expires: Callable[[Any], datetime | None] | None = None,
        delivery: Literal["inline", "task"] = "inline",
        on_event: Callable[[Event], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        if not 1 <= ipv6_prefix <= 128:
            raise ValueError(f"ipv6_prefix={ipv6_prefix} must be 1 to 128; 64 is what one site has at the least")
        if delivery not in ("inline", "task"):
            raise ValueError(f'delivery={delivery!r}: write "inline" or "task"')
        _check_kinds(
            limits=(limits, ConnectionLimits),
            slow_consumer=(slow_consumer, SlowConsumer),
            history=(history, History),
            presence=(presence, Presence),
            heartbeat=(heartbeat, Heartbeat),
        )
        self._hub = hub = Hub(
            backplane=_checked_backplane(backplane),
            limits=limits,
            slow_consumer=slow_consumer,
            history=history,
            presence=presence,
            heartbeat=heartbeat,
            delivery=delivery,
            clock=clock,
            on_event=on_event,
        )
        proxies = TrustedProxies(trusted_proxies)
        caps = Caps(hub.limits, ipv6_prefix)
        self._draining = Draining(caps, hub.heartbeat)
        terms: Terms[U] = Terms(
            hub=hub,
            origins=Origins(origins, proxies),
            caps=caps,
            draining=self._draining,
            proxies=proxies,
            codecs=_checked_codecs(codecs),
            subprotocols=_checked_subprotocols(subprotocols),
            authenticate_first=authenticate_first,
            identify=identify,
            expires=expires,
        )
        self._terms = terms
        self.connect: Connect[U] = Connect(terms, authenticate)

    @property
    def state(self) -> ManagerState:
        """How the manager is, for health checks."""
        return "draining" if self._draining.active else self._hub.state

    @property
    def counts(self) -> Counts:
        """What this process has done, and what there is."""
        return self._hub.counts()

    def room(self, name: str) -> RoomTarget[U]:
        """Give those who are in a room.

        Raises:
            ValueError: No room can be called that.
        """
        return RoomTarget(self._hub, name)

    def user(self, user_id: object) -> UserTarget[U]:
        """Give all connections of a user, by the user's ID."""
        return UserTarget(self._hub, str(user_id))

    async def broadcast(
        self,
        message: object,
        *,
        exclude: Connection[Any] | Iterable[Connection[Any]] = (),
        exclude_users: Collection[str] = (),
        key: str | None = None,
    ) -> Delivery:
        """Send a message to everybody, in all processes.

        Args:
            message: A pydantic model, or anything else that has a JSON form; a text or bytes are sent as they are.
            exclude: Connections that do not get it.
            exclude_users: IDs of users who do not.
            key: With `SlowConsumer.coalesce`, what it is the latest state of.

        Returns:
            How many connections of this process it was handed to.
        """
        return await self._hub.publish(
            ALL, message, exclude=ids_of(exclude), exclude_users=exclude_users, key=key, store=False
        )

    def connections(self) -> list[Connection[U]]:
        """List the connections of this process, the oldest first."""
        return list(self._hub.connections.values())

    def authorize(self, pattern: str) -> Callable[[GuardT], GuardT]:
        """Have a function decide who may join rooms.

        ```python
        from brickwork.websockets import Connection, ConnectionManager, JoinDeniedError

        manager = ConnectionManager()

        @manager.authorize("vip-*")
        async def is_paying(connection: Connection[None], room: str) -> None:
            if "paid" not in connection.data:
                raise JoinDeniedError("This room is for those who pay.")
        ```

        Args:
            pattern: The names of the rooms, as in file names: ``*`` any characters, ``?`` one, ``[…]`` one of them.
                Where several fit, all of their functions are asked.
        """

        def register(guard: GuardT) -> GuardT:
            self._hub.rooms.guards.append((pattern, guard))
            return guard

        return register

    def sse(
        self,
        rooms: str | Sequence[str],
        *,
        since: str | None = None,
        user: U | None = None,
        heartbeat: float = 15.0,
        retry: float = 2.0,
    ) -> EventStreamResponse:
        """Answer a request with what is sent to rooms, as server-sent events.

        ```python
        from fastapi import FastAPI

        from brickwork.websockets import ConnectionManager, EventStreamResponse

        app = FastAPI()
        manager = ConnectionManager()

        @app.get("/events/{room}", response_class=EventStreamResponse)
        async def events(room: str) -> EventStreamResponse:
            return manager.sse(room)
        ```

        Who listens is in the rooms as a socket is: with the same messages and cursors, limits and guards. A browser
        that comes back says by itself where it was, with ``Last-Event-ID``; a page that changes from a socket to events
        says it as for a socket, with ``?cursor=``.

        Args:
            rooms: One room, or several.
            since: The ID of the last event that the client has; read from the request where it is None.
            user: Who listens, for guards, limits and messages to the user; None for a stranger.
            heartbeat: Seconds between two comments that keep the connection from looking idle.
            retry: Seconds after which a browser tries again when the stream breaks.

        Raises:
            ValueError: There is no room, or a duration is not above 0.
        """
        return EventStreamResponse(self._terms, rooms, since=since, user=user, heartbeat=heartbeat, retry=retry)

    def client_router(self, path: str = "/brickwork.js") -> APIRouter:
        """Give a router that serves the JavaScript client.

        Args:
            path: Where it is served.
        """
        return client_router(path)

    @asynccontextmanager
    async def lifespan(self, app: object) -> AsyncGenerator[None]:
        """Let go of everybody when the app ends: for ``FastAPI(lifespan=manager.lifespan)``."""
        self._draining.active = False
        try:
            yield
        finally:
            await self._draining.close_all()
            await self._hub.close()
            self._draining.active = False

    async def drain(
        self, deadline: float = 20.0, *, batch: int = 500, retry_after: tuple[float, float] = (1.0, 10.0)
    ) -> int:
        """Take no new connections, and close those there are with 1012, a batch at a time.

        To be called before the server is told to stop, from a signal handler's task, a route of yours, or what
        Kubernetes calls ``preStop``. New handshakes are answered with 503 from then on, until the app starts anew.

        Args:
            deadline: Seconds until it returns, at the latest.
            batch: How many are closed at a time.
            retry_after: The least and the most seconds after which a client comes back; each is told its own, as the
                reason ``retry_after=3.7``, so that they do not come all at once.

        Returns:
            How many connections have not ended by then.

        Raises:
            ValueError: One of the numbers makes no sense.
        """
        return await self._draining.drain(deadline, batch, retry_after)


def _checked_codecs(codecs: Sequence[Codec]) -> tuple[Codec, ...]:
    names = [codec.name for codec in codecs]
    if not names or len(set(names)) < len(names):
        raise ValueError("codecs= takes each codec once, and at least one: write codecs=[JSONCodec()]")
    return tuple(codecs)


def _checked_subprotocols(subprotocols: Sequence[str]) -> tuple[str, ...]:
    if isinstance(subprotocols, str):
        raise TypeError(f"subprotocols= takes a list: write [{subprotocols!r}]")
    return tuple(subprotocols)


def _check_kinds(**options: tuple[object, type]) -> None:
    for name, (given, kind) in options.items():
        if given is not None and not isinstance(given, kind):
            raise TypeError(f"{name}={given!r}: write {name}={kind.__name__}(…)")


def _checked_backplane(backplane: Backplane | None) -> Backplane:
    if isinstance(backplane, str | type):
        # What it is instead is not told: an address may hold a password.
        raise TypeError("backplane= is one that is made already: write RedisBackplane(Redis.from_url(…))")
    return MemoryBackplane() if backplane is None else backplane
