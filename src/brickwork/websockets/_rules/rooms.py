"""What a room is called, and what its members are told of it."""

import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from .frames import Entry, Frame, frame
from .values import Cursor, Member

ALL: Final = "all"
"""The channel of everybody."""

ROOM: Final = "room:"
"""What the names of rooms' channels begin with."""

_LONGEST: Final = 256
# Controls are written nowhere, and surrogates have no UTF-8.
_UNWRITABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def room_channel(room: str) -> str:
    """Give the channel of a room.

    Raises:
        ValueError: No room can be called that.
    """
    if not 0 < len(room) <= _LONGEST or _UNWRITABLE.search(room):
        raise ValueError(f"a room's name has 1 to {_LONGEST} characters, none of them a control character")
    return f"{ROOM}{room}"


def rooms_of(channels: Iterable[str]) -> frozenset[str]:
    """Give the rooms that are among channels."""
    return frozenset(name.removeprefix(ROOM) for name in channels if name.startswith(ROOM))


def user_channel(user_id: str) -> str:
    """Give the channel of a user's connections."""
    return f"user:{user_id}"


def cursors(texts: Iterable[str], most: int | None) -> dict[str, Cursor]:
    """Read what a client says of where it was, as ``<room>:<epoch>:<offset>``.

    Args:
        texts: What the client sent; what makes no sense is left out, and of several of a room the last one counts.
        most: How many of them are looked at; None for all.

    Returns:
        The cursors by room.
    """
    found: dict[str, Cursor] = {}
    for text in islice(texts, most):
        # From the right, since a room may have colons in its name.
        room, _, place = text.rpartition(":")
        room, _, epoch = room.rpartition(":")
        cursor = Cursor.parse(f"{epoch}:{place}")
        if room and cursor is not None:
            found[room] = cursor
    return found


def resume_entry(channel: str, cursor: Cursor | None, *, recovered: bool, replayed: int | None = None) -> Entry:
    """Tell where a client is in a room, and whether one that was there before misses nothing but what follows.

    Args:
        channel: The room's.
        cursor: Where what follows begins; None where no history is kept.
        recovered: Whether nothing is missing.
        replayed: How many messages of the history follow, where a client comes into the room.
    """
    told: dict[str, object] = {"type": "resume", "recovered": recovered}
    if replayed is not None:
        told["replayed"] = replayed
    if cursor is None:
        told["room"] = channel.removeprefix(ROOM)
    # With a cursor an entry tells its room by itself.
    return Entry(channel, frame(told), cursor=cursor)


def members_frame(room: str, members: Iterable[Member]) -> Frame:
    """Tell who is in a room."""
    return _presence_frame(room, "members", members)


def joined_frame(room: str, member: Member) -> Frame:
    """Tell who has come."""
    return _presence_frame(room, "joined", [member])


def left_frame(room: str, members: Sequence[Member]) -> Frame:
    """Tell who has gone."""
    return _presence_frame(room, "left", members)


def _presence_frame(room: str, what: str, members: Iterable[Member]) -> Frame:
    told = [{"user": member.user, "info": list(member.info)} for member in members]
    return frame({"type": "presence", "room": room, what: told})
