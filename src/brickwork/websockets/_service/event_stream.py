"""Server-sent events: how what is sent to rooms is written for an ``EventSource``.

Reference: HTML Standard, section 9.2 (Server-sent events).
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, quote

from .._rules.frames import Entry, Frame
from .._rules.values import Cursor

# A browser repeats what it was told; what is longer than anything that we tell is not ours.
_LONGEST_ID: Final = 16_384
_MOST_ROOMS: Final = 1_000
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")


def write_positions(positions: Mapping[str, Cursor]) -> str:
    """Write where a stream is in each of its rooms, as the ID of an event: ``lobby=epoch:7&news=epoch:12``."""
    return "&".join(f"{quote(room, safe='')}={cursor}" for room, cursor in positions.items())


def read_positions(text: str) -> dict[str, Cursor]:
    """Read the ID of an event; what cannot be read counts as absent, since clients send these."""
    if len(text) > _LONGEST_ID:
        return {}
    try:
        pairs = parse_qsl(text, max_num_fields=_MOST_ROOMS)
    except ValueError:
        return {}
    read = {room: Cursor.parse(cursor) for room, cursor in pairs}
    return {room: cursor for room, cursor in read.items() if cursor is not None}


def write_event(told: Frame) -> bytes:
    """Write an event without its ID. Bytes, which have no place in a text, are of type ``bytes``, and in Base64."""
    if told.kind == "bytes":
        return b"event: bytes\ndata: " + b64encode(told.data) + b"\n\n"
    data = told.data
    if b"\n" in data or b"\r" in data:
        # Each line has a field of its own; whoever reads them joins them with a line feed.
        data = b"\ndata: ".join(_LINE_END.split(data))
    return b"data: " + data + b"\n\n"


def chunk(body: bytes) -> dict[str, Any]:
    """Give the ASGI message that carries a part of a stream."""
    return {"type": "http.response.body", "body": body, "more_body": True}


class SSECodec:
    """Writes server-sent events.

    Args:
        identified: Whether an event is told its ID: its place in its room. Where a stream has several rooms, it is the
            stream that knows the places in all of them.
    """

    def __init__(self, *, identified: bool = True) -> None:
        self.name = "text/event-stream" if identified else "text/event-stream; without IDs"
        self._identified = identified

    def encode(self, entry: Entry) -> tuple[dict[str, Any], int]:
        """Give the ASGI message that carries an entry, and its size in bytes."""
        body = write_event(entry.told())
        if self._identified and entry.cursor is not None:
            room = entry.channel.partition(":")[2]
            body = f"id: {write_positions({room: entry.cursor})}\n".encode() + body
        return chunk(body), len(body)

    def decode(self, data: str | bytes) -> object:
        """Refuse: nothing comes in by a stream.

        Raises:
            ValueError: Always.
        """
        raise ValueError("An event stream carries nothing to the server.")
