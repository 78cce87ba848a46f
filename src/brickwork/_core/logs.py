"""What a request adds to log lines, whoever writes them."""

import logging
import sys
from collections.abc import Mapping
from typing import cast

from . import trace
from .context import current, ids, mark_of, marked_fields

# What every record has by itself: nothing of a request may take these names.
RECORD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"asctime", "message", "taskName"}
ID_FIELDS = frozenset(ids(None, None))


def request_id_here() -> str | None:
    """Give the ID of the request in progress, or of the one in which the error that is being handled was raised.

    Starlette calls the handler of an unhandled error when the request has left all middleware: what remains is the
    error, with the ID written on it.
    """
    context = current()
    return mark_of(sys.exception()) if context is None else context.request_id


def log_fields(error: object = None) -> Mapping[str, object]:
    """Give what belongs on a log line now: the three IDs, ``-`` for an unknown one, and the bound values.

    Args:
        error: What the line reports, in any form that loggers take: an exception, the triple of `sys.exc_info` or
            loguru's own, or true for the one that is being handled.
    """
    context = current()
    if context is not None:
        return context.fields()
    return marked_fields(_exception(error)) or ids(None, trace.of_span())


def _exception(error: object) -> BaseException | None:
    if error is True:
        return sys.exception()
    if isinstance(error, tuple):
        triple = cast("tuple[object, ...]", error)
        error = triple[1] if len(triple) == 3 else None
    value = error if isinstance(error, BaseException) else getattr(error, "value", None)
    return value if isinstance(value, BaseException) else None


def printable(text: str) -> str:
    """Escape what is no visible character, so that a text stays on its line and commands no terminal."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode() for char in text
    )


class RequestIDFilter(logging.Filter):
    """Puts ``request_id``, ``trace_id`` and ``span_id`` on each log record, and the values that were bound.

    Add it to a handler, so that the records of every logger pass it; on a `QueueHandler` it runs where the record was
    made. It lets every record through, keeps what a record has already, and writes ``-`` for an ID that is not known.

    ```python
    import logging
    from brickwork.requestid import RequestIDFilter

    handler = logging.StreamHandler()
    handler.addFilter(RequestIDFilter())
    handler.setFormatter(logging.Formatter("%(levelname)s %(request_id)s %(message)s"))
    ```
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Fill in the record."""
        known = record.__dict__
        for name, value in log_fields(record.exc_info).items():
            known.setdefault(name, value)
        return True
