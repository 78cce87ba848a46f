"""What a browser makes of an event stream, after the algorithm of the HTML Standard, section 9.2.6."""

import re
from typing import NamedTuple


class Event(NamedTuple):
    """An event as a page gets it.

    Attributes:
        type: ``message`` unless it says otherwise.
        data: Its lines, joined with line feeds.
        id: The last ID that was seen, here or before.
    """

    type: str
    data: str
    id: str


class EventSource:
    """Reads a stream piece by piece.

    Attributes:
        events: What has come.
        id: The ID that is repeated as ``Last-Event-ID`` when the stream breaks.
        retry: Milliseconds until then; None where nothing was said.
        comments: What is for nobody.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.id = ""
        self.retry: int | None = None
        self.comments = 0
        self._type = ""
        self._data: list[str] = []

    def feed(self, body: bytes) -> None:
        """Take in what came; a piece ends with a line, as ours all do."""
        *lines, rest = re.split("\r\n|\r|\n", body.decode())
        assert rest == ""
        for line in lines:
            self._line(line)

    def _line(self, line: str) -> None:
        if not line:
            self._dispatch()
            return
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "":
            self.comments += 1
        elif name == "event":
            self._type = value
        elif name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self.id = value
        elif name == "retry" and value.isdigit():
            self.retry = int(value)

    def _dispatch(self) -> None:
        if self._data:
            self.events.append(Event(self._type or "message", "\n".join(self._data), self.id))
        self._type, self._data = "", []


def read_events(body: bytes) -> list[Event]:
    """Read a whole stream."""
    source = EventSource()
    source.feed(body)
    return source.events
