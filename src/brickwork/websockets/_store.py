"""`Backplane`: what joins the processes of an app."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from ._rules.frames import Entry
from ._rules.values import Cursor, History, Member, Presence

State = Literal["ready", "degraded"]
"""Whether a backplane reaches the other processes."""


class Replay(NamedTuple):
    """What a room's history holds after a cursor.

    Attributes:
        entries: The messages, oldest first.
        head: Where the history ends now, at offset 0 where it begins with this; None where none is kept.
        recovered: Whether nothing between the cursor and the first of them is missing; nobody knows without a cursor.
    """

    entries: Sequence[Entry]
    head: Cursor | None
    recovered: bool


class Change(NamedTuple):
    """What joining or leaving changed.

    Attributes:
        member: The member as it is now.
        first_or_last: Whether it was not there before, or is not any more.
    """

    member: Member
    first_or_last: bool


class Receiver(Protocol):
    """Takes what comes in: one per process and manager."""

    def receive(self, entry: Entry) -> None:
        """Deliver an entry to those of this process. Calls come in the order of each channel, and never wait."""
        ...

    def lost(self, channel: str, head: Cursor | None) -> None:
        """Hear that messages of a channel are gone for good; ``head`` is where its history stands now."""
        ...

    def departed(self, channel: str, members: Sequence[Member]) -> None:
        """Hear of members who have left without a word, with the process that served them; one process hears it."""
        ...

    def turned(self, state: State) -> None:
        """Hear that other processes can be reached again, or no more."""
        ...


class Backplane(Protocol):
    """Carries messages between the processes of an app, keeps what was sent, and knows who is there.

    No method raises because a server is away: what can be done here is done, and the receiver hears of the rest.
    """

    async def open(self, receiver: Receiver, *, history: History | None, presence: Presence | None) -> None:
        """Begin. A server that cannot be reached is tried again until it can."""
        ...

    async def close(self) -> None:
        """End; it can be opened again."""
        ...

    async def publish(self, entry: Entry, *, store: bool = True) -> Cursor | None:
        """Carry an entry to all processes that subscribe to its channel, this one too if it does.

        Args:
            entry: What is sent; without a cursor.
            store: Whether it becomes part of the history, where the channel is a room and one is kept.

        Returns:
            Where it stands in the room's history; None where it does not, or cannot be told yet.
        """
        ...

    async def subscribe(self, channel: str) -> None:
        """Have a channel's entries received, from now on; returns when that is certain, or has to wait for a server."""
        ...

    async def unsubscribe(self, channel: str) -> None:
        """Have them received no more."""
        ...

    async def read(self, channel: str, since: Cursor | None, *, limit: int | None = None) -> Replay:
        """Read a room's history.

        Args:
            channel: The room's channel.
            since: Read what came after; None for all that is kept.
            limit: How many at most, the latest of them.
        """
        ...

    async def join(
        self, channel: str, member: str, connection: str, info: Mapping[str, Any], *, announce: Entry | None = None
    ) -> Change:
        """Note that a connection is in a room; a second time only changes what it says of itself.

        Args:
            channel: The room's channel.
            member: The user's ID; of a stranger the connection's.
            connection: The connection's ID.
            info: What it says of itself; has a JSON form.
            announce: Is published, and not stored, if the member was not there before: in one step with the note, so
                that no process hears of a member's coming and going in another order than they happened.
        """
        ...

    async def leave(self, channel: str, member: str, connection: str, *, announce: Entry | None = None) -> Change:
        """Note that it is not any more; harmless where it was not.

        Args:
            channel: The room's channel.
            member: The user's ID; of a stranger the connection's.
            connection: The connection's ID.
            announce: Is published, and not stored, if the member is not there any more, as `join` does it.
        """
        ...

    async def members(self, channel: str) -> Sequence[Member]:
        """List who is in a room, in all processes as far as they can be asked."""
        ...
