"""Whom a message is for: those in a room, or one user wherever connected."""

from collections.abc import Collection, Iterable
from typing import Any, Generic, TypeVar

from .._rules.rooms import room_channel, user_channel
from .._rules.values import CloseCode, Cursor, Delivery, Member
from .._service.connection import Connection
from .._service.hub import Hub
from .._store import Replay

U = TypeVar("U")


def ids_of(connections: Connection[Any] | Iterable[Connection[Any]]) -> frozenset[str]:
    """Give the IDs of one connection, or of several."""
    several = [connections] if isinstance(connections, Connection) else connections
    return frozenset(each.id for each in several)


class RoomTarget(Generic[U]):
    """Those who are in a room, in all processes; `ConnectionManager.room` gives it.

    A room is there while somebody is in it, or its history holds something: nothing makes or deletes one.

    Attributes:
        name: The room's name.
    """

    __slots__ = ("_channel", "_hub", "name")

    def __init__(self, hub: Hub, name: str) -> None:
        self._hub = hub
        self._channel = room_channel(name)
        self.name: str = name

    async def send(
        self,
        message: object,
        *,
        exclude: Connection[Any] | Iterable[Connection[Any]] = (),
        exclude_users: Collection[str] = (),
        key: str | None = None,
        store: bool = True,
    ) -> Delivery:
        """Send a message to all who are in the room.

        Args:
            message: A pydantic model, or anything else that has a JSON form; a text or bytes are sent as they are.
            exclude: Connections that do not get it.
            exclude_users: IDs of users who do not.
            key: With `SlowConsumer.coalesce`, what it is the latest state of.
            store: Whether it becomes part of the room's history, where one is kept.

        Returns:
            How many connections of this process it was handed to, and its place in the history.
        """
        return await self._hub.publish(
            self._channel, message, exclude=ids_of(exclude), exclude_users=exclude_users, key=key, store=store
        )

    def count(self) -> int:
        """Give how many are in the room in this process, event streams too."""
        return self._hub.channels.count(self._channel)

    def connections(self) -> list[Connection[U]]:
        """List the connections of this process that are in the room."""
        known = self._hub.connections
        return [known[each.id] for each in self._hub.channels.recipients(self._channel) if each.id in known]

    async def members(self) -> list[Member]:
        """List who is in the room: in all processes where presence is kept, else in this one."""
        await self._hub.open()
        return list(await self._hub.rooms.members(self.name))

    async def history(self, since: Cursor | None = None, *, limit: int | None = None) -> Replay:
        """Read what was sent to the room.

        Args:
            since: Read what came after; None for all that is kept.
            limit: How many messages at most, the latest of them.
        """
        await self._hub.open()
        return await self._hub.backplane.read(self._channel, since, limit=limit)

    async def close(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        """Close the sockets of all who are in the room, in all processes.

        Args:
            code: The close code.
            reason: For the person who looks for the cause; at most 123 bytes are sent.

        Raises:
            ValueError: No socket can be closed with that code.
        """
        await self._hub.evict(self._channel, code, reason, control="close")


class UserTarget(Generic[U]):
    """All connections of a user, in all processes; `ConnectionManager.user` gives it.

    Attributes:
        id: The user's ID.
    """

    __slots__ = ("_hub", "id")

    def __init__(self, hub: Hub, user_id: str) -> None:
        self._hub = hub
        self.id: str = user_id

    async def send(
        self,
        message: object,
        *,
        exclude: Connection[Any] | Iterable[Connection[Any]] = (),
        key: str | None = None,
    ) -> Delivery:
        """Send a message to all connections of the user.

        Args:
            message: A pydantic model, or anything else that has a JSON form; a text or bytes are sent as they are.
            exclude: Connections that do not get it.
            key: With `SlowConsumer.coalesce`, what it is the latest state of.

        Returns:
            How many connections of this process it was handed to.
        """
        return await self._hub.publish(user_channel(self.id), message, exclude=ids_of(exclude), key=key, store=False)

    def count(self) -> int:
        """Give how many connections of this process the user has."""
        return len(self._hub.users.get(self.id, ()))

    def connections(self) -> list[Connection[U]]:
        """List the user's connections of this process, the oldest first."""
        return list(self._hub.users.get(self.id, {}).values())

    async def kick(self, code: int = CloseCode.POLICY_VIOLATION, reason: str = "") -> None:
        """Close all connections of the user, in all processes.

        Args:
            code: The close code; after 1008 a client does not come back by itself.
            reason: For the person who looks for the cause; at most 123 bytes are sent.

        Raises:
            ValueError: No socket can be closed with that code.
        """
        await self._hub.evict(user_channel(self.id), code, reason)
