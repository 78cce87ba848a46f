"""How records look: as one JSON object a line, or as text for people."""

import json
import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from math import isfinite
from typing import cast

from ..._core.logs import ID_FIELDS, RECORD_FIELDS, printable

# uvicorn's own coloured copy of the message.
_UNWANTED = RECORD_FIELDS | {"color_message"}
_DEEPEST = 8
_COLOURS = {"DEBUG": "36", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}
# The access record's message says these already.
_SAID = ID_FIELDS | {
    "method", "path", "query", "status", "duration", "first_byte", "sent_bytes", "response_started", "headers",
}  # fmt: skip


class JSONFormatter(logging.Formatter):
    """Writes each record as one JSON object on one line, in ASCII.

    The members are ``time`` (RFC 3339, UTC), ``level``, ``logger`` and ``message``, then everything that was put on the
    record, such as ``request_id`` or the fields of an access record; for an error ``exception``, an object of ``type``
    and ``traceback``; ``stack`` where a stack was asked for. Whatever a record holds, a line comes out: what JSON does
    not know is written as its text.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        document: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
        }
        for name, value in record.__dict__.items():
            if name not in _UNWANTED:
                document[f"{name}_" if name in document else name] = value
        if record.exc_info and record.exc_info[0] is not None:
            kind = record.exc_info[0].__name__
            document["exception"] = {"type": kind, "traceback": self.formatException(record.exc_info)}
        if record.stack_info:
            document["stack"] = record.stack_info
        try:
            return json.dumps(document, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            return json.dumps(_plain(document))


class TextFormatter(logging.Formatter):
    """Writes each record as a line for people: time, level, logger, request ID, message, and what else it carries.

    A line that begins at the margin is a record; what belongs to it, such as a traceback, is indented. Control
    characters are escaped, so that no client writes lines of its own or commands the terminal.

    Args:
        colour: Whether to colour levels.
    """

    def __init__(self, *, colour: bool = False) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """Give the line, and the indented lines that belong to it."""
        time = datetime.fromtimestamp(record.created).astimezone().isoformat(" ", "milliseconds")
        level = f"{record.levelname:<8}"
        if self._colour and record.levelname in _COLOURS:
            level = f"\x1b[{_COLOURS[record.levelname]}m{level}\x1b[0m"
        request_id = getattr(record, "request_id", "-")
        known = {name: value for name, value in record.__dict__.items() if name not in _UNWANTED | _SAID}
        extras = "".join(
            f" {name}={printable(_text(value))}" for name, value in known.items() if value not in (None, False)
        )
        lines = [f"{time} {level} {record.name} [{printable(str(request_id))}] {printable(_message(record))}{extras}"]
        if record.exc_info and record.exc_info[0] is not None:
            lines += self.formatException(record.exc_info).split("\n")
        if record.stack_info:
            lines += record.stack_info.split("\n")
        return "\n    ".join([lines[0], *map(printable, lines[1:])])


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - arguments that do not fit, or whose text fails, must not cost the line
        return _text(record.msg)


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a text that fails is the value's fault, not the line's
        return f"<{type(value).__name__}>"


def _plain(value: object, depth: int = 0) -> object:
    """Make anything fit for JSON; beyond eight levels, as in a list that holds itself, only its kind is told."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        # Longer ones cannot be written in decimal: Python refuses to, for the time that it takes.
        return value if value.bit_length() < 2048 else hex(value)
    if isinstance(value, float):
        return value if isfinite(value) else None
    if depth == _DEEPEST:
        return f"<{type(value).__name__}>"
    if isinstance(value, dict):
        members = cast("dict[object, object]", value)
        return {_text(name): _plain(each, depth + 1) for name, each in members.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each, depth + 1) for each in cast("Iterable[object]", value)]
    return _text(value)
