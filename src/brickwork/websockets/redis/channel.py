"""What is heard of a channel: each message once, in order, and a word where some are missing."""

from asyncio import Future
from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple

from .._rules.frames import Entry
from .._rules.values import Cursor
from .._store import Receiver
from .sender import Parcel
from .wire import HOLE, Message, once_of

Next = Literal["open", "more", "fork"]

_WAITING: Final = 10_000  # messages that wait for a history to be read
_ORIGINS: Final = 1_000  # processes of which is remembered what they sent last


class Reading(NamedTuple):
    """A page of a history.

    Attributes:
        head: Where the history stands.
        begin: The offset with which its epoch began.
        messages: The messages, oldest first; None of those that cannot be read.
        whole: Whether there are no more after these.
    """

    head: Cursor
    begin: int
    messages: Sequence[tuple[int, Message | None]]
    whole: bool


class Channel:
    """A channel that somebody in this process is in.

    Whatever is heard goes through `hear`. It is held back until it is known which message was the last one before, or
    those that are missing have been read: `caught_up` takes what was read.

    Args:
        name: The channel.
        origin: This process.
        receiver: Who gets what is heard.
        ttl: Seconds after which its history is forgotten; None where it has none.
        now: Tells the time, in seconds that never run backwards.
        live: Is done when it is certain that the channel is heard.
        broken: Whether messages may have been sent already that nobody here could hear.
    """

    def __init__(
        self,
        name: str,
        *,
        origin: str,
        receiver: Receiver,
        ttl: float | None,
        now: Callable[[], float],
        live: "Future[None]",
        broken: bool,
    ) -> None:
        self.name = name
        self.last: Cursor | None = None
        self.broken: bool = broken
        self.live = live
        self._origin = origin
        self._receiver = receiver
        self._ttl = ttl
        self._now = now
        self._heard_at = now()
        self._tag: tuple[str, int] | None = None  # which message stands at the last cursor
        self._doubt: Cursor | None = None
        self._waiting: list[Message] | None = []
        self._told: dict[tuple[str, bool], int] = {}
        self._unheard: dict[int, Parcel] = {}

    @property
    def kept(self) -> bool:
        """Whether the channel has a history."""
        return self._ttl is not None

    def sent(self, parcel: Parcel) -> None:
        """Remember what this process sends, until it is heard."""
        self._unheard[parcel.number] = parcel

    def tell_unheard(self) -> None:
        """Deliver at once what this process has sent and not heard: it may be long until it is."""
        unheard, self._unheard = self._unheard, {}
        for parcel in unheard.values():
            # Its echo is not.
            self._is_new(self._origin, parcel.number, stored=parcel.stored)
            self._receiver.receive(_at_once(parcel, self._origin))

    def interrupt(self) -> None:
        """Hold back what is heard from now on: something may be missing before it."""
        self.broken = True
        self._waiting = []

    def hear(self, message: Message) -> bool:
        """Take what was heard; gives whether that was possible, or the history has to be read before."""
        if self._waiting is not None:
            self._waiting.append(message)
            if len(self._waiting) > _WAITING:
                # What is in the history is found there, too.
                del self._waiting[0]
            return True
        if self._follows(message):
            return True
        self._waiting = [message]
        return False

    def open(self) -> Next:
        """Deliver what was held back."""
        if self.broken and not self.kept:
            self._receiver.lost(self.name, None)
        self.broken = False
        waiting, self._waiting = self._waiting or [], None
        for place, message in enumerate(waiting):
            if self._follows(message):
                continue
            if message.entry.cursor != self._doubt:
                self._doubt, self._waiting = message.entry.cursor, waiting[place:]
                return "more"
            # The history knows nothing of it, although it was read after this was heard: it was begun anew.
        return "open"

    def caught_up(self, reading: Reading) -> Next:
        """Take what was read of the history after the last message.

        Returns:
            Whether the channel is ``open`` again, ``more`` has to be read, or the history is another one than was
            heard (``fork``): some of it was lost by the server, and its epoch has to end.
        """
        last, head = self.last, reading.head
        if last is None:
            self.last = head
            if self.broken:
                self._receiver.lost(self.name, head)
            return self.open()
        if head.epoch != last.epoch:
            self._lose(Cursor(head.epoch, reading.begin))
        elif head.offset < last.offset or self._differs(reading):
            return "fork"
        self._replay(reading)
        if self.last is not None and self.last.offset < head.offset:
            if not reading.whole:
                return "more"
            self._lose(head)
        return self.open()

    def _differs(self, reading: Reading) -> bool:
        """Tell whether another message stands where the last one was heard."""
        for offset, message in reading.messages:
            if self.last is not None and offset == self.last.offset and message is not None and self._tag is not None:
                return (message.origin, message.number) != self._tag
        return False

    def _replay(self, reading: Reading) -> None:
        for offset, message in reading.messages:
            here = Cursor(reading.head.epoch, offset)
            if self.last is None or offset <= self.last.offset:
                continue
            if offset > self.last.offset + 1:
                self._lose(Cursor(here.epoch, offset - 1))
            if message is None:
                self._move(here, None)
            else:
                self._advance(here, message)

    def _follows(self, message: Message) -> bool:
        """Deliver a message, unless something is missing before it."""
        cursor, last = message.entry.cursor, self.last
        if cursor is None or last is None:
            self._deliver(message)
            return True
        if cursor.epoch == last.epoch and cursor.offset <= last.offset:
            return True
        if message.entry.control == HOLE and message.origin != self._origin:
            self._lose(cursor)
            return True
        if cursor.offset != (last.offset + 1 if cursor.epoch == last.epoch else 1):
            return False
        if cursor.epoch != last.epoch and not self._forgotten():
            self._lose(Cursor(cursor.epoch, 0))
        self._advance(cursor, message)
        return True

    def _forgotten(self) -> bool:
        """Tell whether a history was begun anew for no other reason than that nothing was said for so long."""
        return self._ttl is not None and self._now() - self._heard_at >= self._ttl

    def _advance(self, cursor: Cursor, message: Message) -> None:
        self._move(cursor, (message.origin, message.number))
        self._deliver(message)

    def _move(self, cursor: Cursor, tag: tuple[str, int] | None) -> None:
        self.last, self._tag, self._heard_at = cursor, tag, self._now()

    def _lose(self, head: Cursor) -> None:
        self._move(head, None)
        self._receiver.lost(self.name, head)

    def _deliver(self, message: Message) -> None:
        entry, origin, number = message
        if origin == self._origin:
            self._unheard.pop(number, None)
        if not self._is_new(origin, number, stored=entry.cursor is not None):
            return
        if entry.control != HOLE:
            self._receiver.receive(entry)
        elif origin != self._origin:
            self._receiver.lost(self.name, self.last)

    def _is_new(self, origin: str, number: int, *, stored: bool) -> bool:
        """Tell whether a message was not delivered before; those of one process come in order."""
        if not number:
            return True
        mark = origin, stored
        last = self._told.pop(mark, 0)
        self._told[mark] = max(last, number)
        if len(self._told) > _ORIGINS:
            del self._told[next(iter(self._told))]
        return number > last


def _at_once(parcel: Parcel, origin: str) -> Entry:
    sent = parcel.entry
    return Entry(
        sent.channel,
        sent.frame,
        key=sent.key,
        exclude=sent.exclude,
        exclude_users=sent.exclude_users,
        once=sent.once or (once_of(origin, parcel.number) if parcel.stored else None),
        control=sent.control,
    )
