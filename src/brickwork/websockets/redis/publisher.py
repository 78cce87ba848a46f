"""`RedisPublisher`: sends from processes that serve no sockets."""

from collections.abc import Collection, Sequence
from secrets import token_hex
from typing import Final

from ..._core.batch import Batcher
from ..._core.extras import extra
from ..._core.redis import RedisCaller
from .._errors import BackplaneUnavailableError
from .._rules.controls import write_control
from .._rules.frames import Entry, frame
from .._rules.rooms import ALL, room_channel, user_channel
from .._rules.values import CloseCode, Cursor, History
from .options import called, named
from .sender import Answer, Parcel, Sender

with extra("redis"):
    from redis.asyncio import Redis

_MEMORY: Final = 60.0  # seconds; as long as an outbox keeps messages
_AT_ONCE: Final = 256  # messages of one round trip

_Question = tuple[Entry, bool]


class RedisPublisher:
    """Sends to the clients of an app from elsewhere: a worker, a script, a scheduled job.

    It hears nothing and needs no app. Unlike a manager it keeps nothing back: while Redis is away, sending is an error.
    Messages of one publisher arrive in the order in which they were sent.

    ```python
    from redis.asyncio import Redis

    from brickwork.websockets import History
    from brickwork.websockets.redis import RedisPublisher

    publisher = RedisPublisher(Redis(host="redis"), history=History())


    async def report(order: int) -> None:
        await publisher.room(f"order {order}").send({"type": "shipped", "order": order})
    ```

    Args:
        client: What to call Redis by; its owner closes it.
        prefix: As the app's `RedisBackplane` has it.
        history: As the app's manager has it: how much of a room is kept.
        deadline: Seconds within which sending succeeds, or is an error.

    Raises:
        TypeError: The client is not of `redis.asyncio`, or is one of a cluster.
        ValueError: The client has a single connection, the prefix is too long or has braces, or the deadline is not
            above 0.
    """

    def __init__(
        self, client: Redis, *, prefix: str = "ws", history: History | None = None, deadline: float = 1.0
    ) -> None:
        self._caller: RedisCaller = called(client, prefix, deadline)
        self._sender = Sender(named(client, prefix), history, origin=token_hex(6), memory=2 * _MEMORY)
        self._batcher: Batcher[_Question, Answer] = Batcher(self._send, deadline=deadline)
        self._number = 0

    def room(self, name: str) -> "RoomPublisher":
        """Give those who are in a room.

        Raises:
            ValueError: No room can be called that.
        """
        return RoomPublisher(self, room_channel(name))

    def user(self, user_id: str) -> "UserPublisher":
        """Give the connections of a user."""
        return UserPublisher(self, user_channel(user_id))

    async def broadcast(self, message: object, *, exclude_users: Collection[str] = (), key: str | None = None) -> None:
        """Send a message to everybody.

        Args:
            message: A pydantic model, or anything else that has a JSON form; a text or bytes are sent as they are.
            exclude_users: IDs of users who do not get it.
            key: With `SlowConsumer.coalesce`, what it is the latest state of.

        Raises:
            BackplaneUnavailableError: Redis gave no answer.
        """
        await self.publish(Entry(ALL, frame(message), key=key, exclude_users=frozenset(exclude_users)), store=False)

    async def publish(self, entry: Entry, *, store: bool = True) -> Cursor | None:
        """Send an entry, as a backplane does; gives its place in the room's history.

        Raises:
            BackplaneUnavailableError: Redis gave no answer.
        """
        answer = await self._batcher.ask((entry, store), line="")
        if isinstance(answer, Exception):
            raise BackplaneUnavailableError("Redis gave no answer: nobody knows whether it has the message") from answer
        return answer

    async def _send(self, questions: Sequence[_Question]) -> Sequence[Answer]:
        answers: list[Answer] = []
        for start in range(0, len(questions), _AT_ONCE):
            parcels = [self._parcel(entry, store=store) for entry, store in questions[start : start + _AT_ONCE]]
            answers += await self._sender.send(self._caller, parcels)
        return answers

    def _parcel(self, entry: Entry, *, store: bool) -> Parcel:
        self._number += 1
        return Parcel(entry, self._sender.origin, self._number, stored=self._sender.keeps(entry, store=store))


class RoomPublisher:
    """Those who are in a room; `RedisPublisher.room` gives it."""

    __slots__ = ("_channel", "_publisher")

    def __init__(self, publisher: RedisPublisher, channel: str) -> None:
        self._publisher = publisher
        self._channel = channel

    async def send(
        self, message: object, *, exclude_users: Collection[str] = (), key: str | None = None, store: bool = True
    ) -> Cursor | None:
        """Send a message to all who are in the room.

        Args:
            message: A pydantic model, or anything else that has a JSON form; a text or bytes are sent as they are.
            exclude_users: IDs of users who do not get it.
            key: With `SlowConsumer.coalesce`, what it is the latest state of.
            store: Whether it becomes part of the room's history, where one is kept.

        Returns:
            Its place in the room's history; None where none is kept.

        Raises:
            BackplaneUnavailableError: Redis gave no answer.
        """
        entry = Entry(self._channel, frame(message), key=key, exclude_users=frozenset(exclude_users))
        return await self._publisher.publish(entry, store=store)

    async def close(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        """Close the sockets of all who are in the room.

        Args:
            code: The close code.
            reason: For the person who looks for the cause; at most 123 bytes are sent.

        Raises:
            BackplaneUnavailableError: Redis gave no answer.
        """
        await self._publisher.publish(Entry(self._channel, write_control(code, reason), control="close"))


class UserPublisher:
    """All connections of a user; `RedisPublisher.user` gives it."""

    __slots__ = ("_channel", "_publisher")

    def __init__(self, publisher: RedisPublisher, channel: str) -> None:
        self._publisher = publisher
        self._channel = channel

    async def send(self, message: object, *, key: str | None = None) -> None:
        """Send a message to all connections of the user.

        Args:
            message: A pydantic model, or anything else that has a JSON form; a text or bytes are sent as they are.
            key: With `SlowConsumer.coalesce`, what it is the latest state of.

        Raises:
            BackplaneUnavailableError: Redis gave no answer.
        """
        await self._publisher.publish(Entry(self._channel, frame(message), key=key), store=False)

    async def kick(self, code: int = CloseCode.POLICY_VIOLATION, reason: str = "") -> None:
        """Close all connections of the user.

        Args:
            code: The close code; after 1008 a client does not come back by itself.
            reason: For the person who looks for the cause; at most 123 bytes are sent.

        Raises:
            BackplaneUnavailableError: Redis gave no answer.
        """
        await self._publisher.publish(Entry(self._channel, write_control(code, reason), control="kick"), store=False)
