"""What was answered: so that a message that comes twice is handled once."""

from collections import OrderedDict
from typing import Final

from ..._rules.frames import Frame
from .error_frames import MessageId

_MOST: Final = 128
_MOST_BYTES: Final = 262_144


class Replies:
    """The replies to the latest messages of one connection.

    Args:
        most: Replies to keep.
        most_bytes: Bytes to keep; the latest reply stays, whatever its size.
    """

    def __init__(self, most: int = _MOST, most_bytes: int = _MOST_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._found: OrderedDict[tuple[type, MessageId], Frame | None] = OrderedDict()

    def begin(self, message_id: MessageId) -> bool:
        """Note that a message is handled from now on; False where it is or was already."""
        # Of two types: 1 and "1" are different IDs, and so are they in JSON.
        key = (type(message_id), message_id)
        if key in self._found:
            return False
        self._found[key] = None
        self._forget()
        return True

    def keep(self, message_id: MessageId, reply: Frame) -> None:
        """Note how a message was answered."""
        key = (type(message_id), message_id)
        if key in self._found:
            # One that was forgotten meanwhile, and came again, is answered twice.
            before = self._found[key]
            self._found[key] = reply
            self._bytes += len(reply.data) - (0 if before is None else len(before.data))
            self._forget()

    def of(self, message_id: MessageId) -> Frame | None:
        """Give the reply to a message that was begun; None while there is none yet."""
        return self._found.get((type(message_id), message_id))

    def _forget(self) -> None:
        while len(self._found) > self._most or (self._bytes > self._most_bytes and len(self._found) > 1):
            _, reply = self._found.popitem(last=False)
            self._bytes -= 0 if reply is None else len(reply.data)
