"""Who is in a room."""

from collections.abc import Mapping, Sequence
from typing import Any

from .._rules.values import Member
from .._store import Change

_Connections = dict[str, Mapping[str, Any]]


class Attendance:
    """What each connection of each member said of itself, by channel."""

    def __init__(self) -> None:
        self._channels: dict[str, dict[str, _Connections]] = {}

    def __len__(self) -> int:
        return len(self._channels)

    def join(self, channel: str, member: str, connection: str, info: Mapping[str, Any]) -> Change:
        """Note a connection."""
        members = self._channels.setdefault(channel, {})
        first = member not in members
        connections = members.setdefault(member, {})
        connections[connection] = info
        return Change(_member(member, connections), first)

    def leave(self, channel: str, member: str, connection: str) -> Change:
        """Strike it out."""
        members = self._channels.get(channel, {})
        connections = members.get(member, {})
        known = connections.pop(connection, None) is not None
        last = known and not connections
        if last:
            del members[member]
        if last and not members:
            del self._channels[channel]
        return Change(_member(member, connections), last)

    def members(self, channel: str) -> Sequence[Member]:
        """List them, in the order in which they came."""
        return [_member(member, connections) for member, connections in self._channels.get(channel, {}).items()]


def _member(member: str, connections: _Connections) -> Member:
    return Member(member, tuple(connections.values()))
