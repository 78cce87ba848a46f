"""`Rooms`: how clients come into rooms, and what they are told first; `Joining`: what `Connection.join` gives."""

import asyncio
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from inspect import isawaitable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from pydantic_core import from_json, to_json

from .._errors import ConnectionClosedError, JoinDeniedError, TooManyRoomsError
from .._rules.frames import Entry
from .._rules.rooms import ROOM, left_frame, members_frame, resume_entry, room_channel
from .._rules.values import Cursor, Member
from .delivering import Recipient
from .gate import Client, Gate
from .hooks import Event
from .presence import Attendance, Attendances

if TYPE_CHECKING:
    from .hub import Hub

Guard = Callable[[Any, str], object]
"""Decides whether a client may be in a room: refuses by raising, or by giving False; may be a coroutine function."""


class _LeftError(Exception):
    """A client has left a room while it was joining it."""


class Rooms:
    """How the clients of one hub come into rooms and leave them.

    Args:
        hub: Where they are.

    Attributes:
        guards: Who decides on joining, by the pattern of the rooms; all that fit are asked, in this order.
    """

    def __init__(self, hub: "Hub") -> None:
        self.guards: list[tuple[str, Guard]] = []
        self._hub = hub
        # Joins that are under way, by client and channel.
        self._entering: dict[str, dict[str, asyncio.Future[None]]] = {}
        self._attendances: Attendances | None = None
        if hub.presence is not None:
            self._attendances = Attendances(hub.backplane, hub.spawn, announce=hub.presence.announce)

    async def admit(self, client: Client, room: str) -> None:
        """Ask whether a client may be in a room.

        Raises:
            JoinDeniedError: (403) A guard refuses, or no room is called that.
        """
        _channel(room)
        for pattern, guard in self.guards:
            if fnmatchcase(room, pattern):
                answer = guard(client, room)
                if (await answer if isawaitable(answer) else answer) is False:
                    raise JoinDeniedError("You may not be in this room.")

    async def join(
        self,
        client: Client,
        room: str,
        *,
        since: Cursor | None = None,
        info: Mapping[str, Any] | None = None,
        admitted: bool = False,
    ) -> bool:
        """Bring a client into a room, after it was told what it missed.

        Cancelled or failed, it leaves no trace. In a room where it is already nothing is told again, but ``info`` is
        noted.

        Args:
            client: Who joins.
            room: The room's name.
            since: Where the client was; without it, all that is kept of the room's history is told.
            info: What it says of itself to the others; has a JSON form.
            admitted: Whether `admit` has been asked already.

        Returns:
            Whether it was not in there before.

        Raises:
            ConnectionClosedError: The client has gone, before or meanwhile.
            JoinDeniedError: (403) A guard refuses, or no room is called that.
            TooManyRoomsError: (429) It is in as many rooms as it may be.
            pydantic_core.PydanticSerializationError: ``info`` has no JSON form.
        """
        channel = _channel(room)
        said = None if info is None else from_json(to_json(info))
        if not admitted:
            await self.admit(client, room)
        while under_way := self._entering.get(client.id, {}).get(channel):
            await asyncio.wait([under_way])
        _refuse_closed(client)
        if channel in client.channels:
            if said is not None:
                await self._attend(client, channel, said)
            return False
        self._refuse_too_many(client)
        await self._enter_alone(client, channel, since, said or {})
        return True

    async def leave(self, client: Client, room: str) -> None:
        """Take a client out of a room; harmless where it is not in there.

        It is out when this is called, though others may hear of it only when it returns.
        """
        channel = f"{ROOM}{room}"
        if self._hub.leave(client, channel) and self._attendances:
            await self._attendances.settled(_attendance(client, channel))

    def left(self, client: Client, channel: str) -> None:
        """Hear that a client was taken out of a channel."""
        if not channel.startswith(ROOM):
            return
        if self._attendances:
            self._attendances.leave(_attendance(client, channel))
        if channel not in self._entering.get(client.id, {}):
            self._tell("left", client, channel)

    def departed(self, channel: str, members: Sequence[Member]) -> None:
        """Tell a room, in all processes, that members have left without a word."""
        if self._hub.presence is not None and self._hub.presence.announce and members:
            entry = Entry(channel, left_frame(channel.removeprefix(ROOM), members))
            self._hub.spawn(self._hub.backplane.publish(entry, store=False))

    async def members(self, room: str) -> Sequence[Member]:
        """List who is in a room: in all processes where presence is kept, else in this one."""
        channel = f"{ROOM}{room}"
        if self._attendances:
            return await self._hub.backplane.members(channel)
        found = dict.fromkeys(_member(recipient) for recipient in self._hub.channels.recipients(channel))
        return [Member(member) for member in found]

    async def close(self) -> None:
        """Wait until the backplane knows who has left."""
        if self._attendances:
            await self._attendances.close()

    def _refuse_too_many(self, client: Client) -> None:
        if sum(channel.startswith(ROOM) for channel in client.channels) >= self._hub.limits.rooms:
            raise TooManyRoomsError("Leave a room first: you are in as many as you may be.")

    async def _enter_alone(self, client: Client, channel: str, since: Cursor | None, info: Mapping[str, Any]) -> None:
        """Enter while nobody else does so for the same client and room."""
        entering = self._entering.setdefault(client.id, {})
        done = entering[channel] = asyncio.get_running_loop().create_future()
        try:
            with suppress(_LeftError):
                await self._enter(client, channel, since, info)
                self._tell("joined", client, channel)
        except BaseException:
            self._hub.leave(client, channel)
            raise
        finally:
            done.set_result(None)
            del entering[channel]
            if not entering:
                del self._entering[client.id]

    async def _enter(self, client: Client, channel: str, since: Cursor | None, info: Mapping[str, Any]) -> None:
        hub = self._hub
        if hub.history is None and hub.presence is None:
            await hub.enter(client, channel, client.outlet)
            _refuse_left(client, channel)
            return
        gate = Gate(channel, client, hub.channels, hub.limits)
        await hub.enter(client, channel, gate)
        _refuse_left(client, channel)
        if hub.history is not None:
            await self._replay(client, channel, gate, since)
        if self._attendances:
            await self._attend(client, channel, info)
            _refuse_left(client, channel)
            await self._list(client, channel)
        await gate.open()
        _refuse_left(client, channel)

    async def _replay(self, client: Client, channel: str, gate: Gate, since: Cursor | None) -> None:
        found = await self._hub.backplane.read(channel, since)
        _refuse_left(client, channel)
        # Clients note this place at once: one that is lost in the middle of what follows has to get the rest.
        begin = _before(found.entries[0].cursor) if found.entries else found.head
        recovered = found.recovered and since is not None
        entries = [
            entry
            for entry in found.entries
            if client.id not in entry.exclude and client.user_id not in entry.exclude_users
        ]
        await client.outlet.put(resume_entry(channel, begin, recovered=recovered, replayed=len(entries)))
        await gate.replay(entries, found.head)
        _refuse_left(client, channel)

    async def _attend(self, client: Client, channel: str, info: Mapping[str, Any]) -> None:
        if self._attendances:
            attendance = _attendance(client, channel)
            self._attendances.join(attendance, info)
            await self._attendances.settled(attendance)
            _refuse_closed(client)

    async def _list(self, client: Client, channel: str) -> None:
        if self._hub.presence is not None and self._hub.presence.announce:
            members = await self._hub.backplane.members(channel)
            _refuse_left(client, channel)
            await client.outlet.put(Entry(channel, members_frame(channel.removeprefix(ROOM), members)))

    def _tell(self, what: Literal["joined", "left"], client: Client, channel: str) -> None:
        self._hub.hooks.tell(Event(what, client.id, client.user_id, channel.removeprefix(ROOM)))


class Joining:
    """A client on its way into a room: to be awaited, or entered with ``async with``, which leaves in the end.

    The room is left only if it was this that joined it.
    """

    __slots__ = ("_client", "_entered", "_join", "_room", "_rooms")

    def __init__(
        self, rooms: Rooms, client: Client, room: str, since: Cursor | None, info: Mapping[str, Any] | None
    ) -> None:
        self._rooms = rooms
        self._client = client
        self._room = room
        self._entered = False
        # Python warns of a coroutine that nobody awaits, and so of a join.
        self._join: Coroutine[Any, Any, bool] = rooms.join(client, room, since=since, info=info)

    def __await__(self) -> Generator[Any, Any, None]:
        """Join for good, or until the client leaves."""
        yield from self._join.__await__()

    async def __aenter__(self) -> None:
        """Join."""
        self._entered = await self._join
        # It has run, and would take its memory for as long as the client is in the room.
        del self._join

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave."""
        if self._entered:
            await self._rooms.leave(self._client, self._room)


def _channel(room: str) -> str:
    try:
        return room_channel(room)
    except ValueError as error:
        raise JoinDeniedError(f"There is no such room: {error}.") from error


def _before(cursor: Cursor | None) -> Cursor | None:
    return cursor and Cursor(cursor.epoch, cursor.offset - 1)


def _attendance(client: Client, channel: str) -> Attendance:
    return Attendance(channel, _member(client), client.id)


def _member(client: Client | Recipient) -> str:
    return client.id if client.user_id is None else client.user_id


def _refuse_closed(client: Client) -> None:
    if client.close_code is not None:
        raise ConnectionClosedError(client.close_code)


def _refuse_left(client: Client, channel: str) -> None:
    _refuse_closed(client)
    if channel not in client.channels:
        raise _LeftError
