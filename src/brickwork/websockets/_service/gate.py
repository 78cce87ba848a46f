"""`Gate`: what stands in a channel for a client that has to be told first what it missed."""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from .._rules.frames import Codec, Entry
from .._rules.rooms import resume_entry
from .._rules.values import ConnectionLimits, Cursor
from .channels import Channels
from .delivering import Recipient
from .outlet import Outlet


class Client(Protocol):
    """Whoever can be in rooms: a connection, or a stream of events."""

    @property
    def id(self) -> str:
        """Names the connection."""
        ...

    @property
    def user_id(self) -> str | None:
        """Its user's ID; None for a stranger."""
        ...

    @property
    def outlet(self) -> Outlet:
        """The way out to it."""
        ...

    @property
    def channels(self) -> dict[str, Recipient]:
        """What stands for it in which channel."""
        ...

    @property
    def close_code(self) -> int | None:
        """What it was closed with; None while it is open."""
        ...

    def evict(self, code: int, reason: str = "") -> None:
        """Part with it at once; has the hub remove it."""
        ...


class Gate:
    """Keeps what comes for a client, until it has been told what it missed; then hands it on, and steps aside.

    What was published before the history was read may arrive here after. So a gate stays, and leaves out what the
    client has, until what comes next cannot be among it.

    Args:
        channel: Where it stands.
        client: For whom.
        channels: Where the client's outlet takes its place in the end.
        limits: How much it keeps; when there is more, the client hears that it has lost something.
    """

    __slots__ = (
        "_channel",
        "_channels",
        "_client",
        "_head",
        "_limits",
        "_lost",
        "_open",
        "_outlet",
        "_passed",
        "_size",
        "_waiting",
    )

    def __init__(self, channel: str, client: Client, channels: Channels, limits: ConnectionLimits) -> None:
        self._channel = channel
        self._client = client
        self._outlet = client.outlet
        self._channels = channels
        self._limits = limits
        self._waiting: deque[Entry] = deque()
        self._size = 0
        self._lost: Entry | None = None
        self._head: Cursor | None = None
        self._open = False
        self._passed = False

    @property
    def id(self) -> str:
        """The connection's ID."""
        return self._outlet.id

    @property
    def user_id(self) -> str | None:
        """Its user's."""
        return self._outlet.user_id

    @property
    def codec(self) -> Codec:
        """What turns entries into messages."""
        return self._outlet.codec

    def evict(self, code: int, reason: str = "") -> None:
        """Part with the client."""
        self._outlet.evict(code, reason)

    def push(self, entry: Entry) -> None:
        """Keep an entry, or hand it on."""
        if not self._open:
            self._keep(entry)
            return
        new = self._is_new(entry)
        if self._passed:
            self._step_aside()
        if new:
            self._outlet.push(entry)

    async def replay(self, entries: Sequence[Entry], head: Cursor | None) -> None:
        """Tell the client what it missed.

        Args:
            entries: What it missed.
            head: Where the history ends with them.
        """
        self._head = head
        self._passed = head is None or head.offset == 0
        for entry in entries:
            await self._put(entry)

    async def open(self) -> None:
        """Tell the client what has come meanwhile, and keep no more."""
        while self._waiting or self._lost:
            if self._lost is not None:
                entry, self._lost = self._lost, None
                await self._put(entry)
                continue
            entry = self._waiting.popleft()
            self._size -= entry.encoded(self.codec)[1]
            if self._is_new(entry):
                await self._put(entry)
        self._open = True
        if self._passed:
            self._step_aside()

    async def _put(self, entry: Entry) -> None:
        with suppress(ValueError):  # this client's codec has no form for it
            await self._outlet.put(entry)

    def _keep(self, entry: Entry) -> None:
        size = entry.encoded(self.codec)[1]
        if len(self._waiting) >= self._limits.queue or self._size + size > self._limits.queue_bytes:
            ends = [kept.cursor for kept in [*self._waiting, entry] if kept.cursor is not None]
            self._lost = resume_entry(self._channel, ends[-1] if ends else None, recovered=False)
            self._waiting.clear()
            self._size = 0
            return
        self._waiting.append(entry)
        self._size += size

    def _is_new(self, entry: Entry) -> bool:
        cursor, head = entry.cursor, self._head
        if cursor is None or head is None:
            return True
        known = cursor.epoch == head.epoch and cursor.offset <= head.offset
        # A channel's entries come in order: what follows the last that is known is new.
        self._passed = self._passed or not known or cursor == head
        return not known

    def _step_aside(self) -> None:
        if self._channels.recipient(self._channel, self.id) is self:
            self._channels.swap(self._channel, self._outlet)
            self._client.channels[self._channel] = self._outlet
