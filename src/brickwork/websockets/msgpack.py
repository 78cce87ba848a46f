"""Messages in MessagePack: smaller than JSON, with bytes and timestamps."""

from collections.abc import Iterable
from typing import Any, Final, cast

from pydantic_core import from_json

from .._core.extras import extra
from ._rules.frames import Entry

with extra("msgpack"):
    import msgpack  # type: ignore[import-untyped]

__all__ = ["MessagePackCodec"]

_msgpack: Any = msgpack  # the package has no types
_UnpackError: type[Exception] = _msgpack.UnpackException

_DEPTH: Final = 200  # as deep as JSON is read
_CONTAINERS: Final = frozenset({*range(0x80, 0xA0), *range(0xDC, 0xE0)})
_OTHERS: Final = bytes(byte for byte in range(256) if byte not in _CONTAINERS)


class MessagePackCodec:
    """Sends JSON as MessagePack, in binary messages, and reads what is sent as that.

    A client chooses it by the subprotocol ``msgpack``. Texts and bytes are sent to it as they are. Timestamps are
    read as `datetime`; other extension types are refused.

    Reference: https://github.com/msgpack/msgpack/blob/master/spec.md
    """

    name = "msgpack"

    def encode(self, entry: Entry) -> tuple[dict[str, Any], int]:
        """Give the ASGI message that carries an entry, and its size in bytes."""
        told = entry.told()
        if told.kind == "text":
            return {"type": "websocket.send", "text": told.data.decode()}, len(told.data)
        data: bytes = told.data if told.kind == "bytes" else _msgpack.packb(from_json(told.data), default=_as_double)
        return {"type": "websocket.send", "bytes": data}, len(data)

    def decode(self, data: str | bytes) -> object:
        """Read bytes; the work and the memory are in proportion to their number, whatever they announce.

        Raises:
            ValueError: They are not MessagePack, hold an extension type, a map whose keys are no strings, or are
                nested more than 200 deep; or it is a text.
        """
        if not isinstance(data, bytes):
            raise ValueError("Send MessagePack, as a binary message.")  # noqa: TRY004
        try:
            read = _read(data)
        except (OverflowError, ValueError, _UnpackError):
            raise ValueError("The message is not MessagePack, or not of the kind that is read here.") from None
        if len(data.translate(None, _OTHERS)) > _DEPTH and _is_deep(read):
            raise ValueError("The message is nested too deep.")
        return read


def _read(data: bytes) -> object:
    # The first reading keeps nothing and finds out whether all is there: the second sets the memory of a list aside
    # at once, however long it only claims to be.
    unpacker = _msgpack.Unpacker(max_buffer_size=len(data) or 1, read_size=len(data) or 1)
    unpacker.feed(data)
    unpacker.skip()
    read: object = _msgpack.unpackb(data, timestamp=3, ext_hook=_no_extension)
    return read


def _is_deep(read: object) -> bool:
    level = [read]
    for _ in range(_DEPTH + 1):
        level = [child for each in level for child in _children(each)]
        if not level:
            return False
    return True


def _children(read: object) -> Iterable[object]:
    if isinstance(read, dict):
        return cast(dict[object, object], read).values()
    return cast(list[object], read) if isinstance(read, list) else ()


def _no_extension(_code: int, _data: bytes) -> object:
    raise ValueError("an extension type")


def _as_double(number: int) -> float:
    """Write a number that MessagePack has no room for as JavaScript reads it."""
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
