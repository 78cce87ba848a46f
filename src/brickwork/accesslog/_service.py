"""Logging for the whole process, set up in one call."""

import copy
import logging
import sys
from collections.abc import Mapping
from logging.config import dictConfig
from logging.handlers import QueueHandler, QueueListener
from queue import SimpleQueue
from typing import Any, TextIO

from brickwork._core.logs import RequestIDFilter

from ._rules import JSONFormatter, TextFormatter


def configure_logging(
    level: int | str = "INFO",
    *,
    json: bool = True,
    levels: Mapping[str, int | str] | None = None,
    uvicorn_access: bool = False,
    queue: bool = False,
    stream: TextIO | None = None,
) -> None:
    """Set up logging for the process: one handler at the root, request IDs on every line, uvicorn's loggers included.

    ```python
    from brickwork.accesslog import configure_logging

    configure_logging(level="INFO", json=True, levels={"sqlalchemy.engine": "WARNING"})
    ```

    It is the one function of Brickwork that touches global state. Call it where the app is made: uvicorn sets up its
    own logging before it imports the app. A program that calls ``uvicorn.run`` itself passes ``log_config=None``.

    Args:
        level: Level of the root logger and of uvicorn's.
        json: Whether lines are JSON objects; otherwise text for people, coloured on a terminal.
        levels: Level of further loggers, by name.
        uvicorn_access: Whether uvicorn writes its own access lines. They repeat the access log's, with the query string
            as it came, secrets and all.
        queue: Whether lines are written by a thread of their own, so that a slow stream holds up no request.
        stream: Where lines go. Default: standard output.

    Raises:
        ValueError: A level is none.
    """
    loggers: dict[str, Any] = {name: {"level": level, "handlers": [], "propagate": True} for name in _UVICORN}
    if not uvicorn_access:
        loggers["uvicorn.access"]["propagate"] = False
    for name, own in (levels or {}).items():
        loggers[name] = {**loggers.get(name, {}), "level": own}
    dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"request": {"()": RequestIDFilter}},
            "handlers": {
                "lines": {"()": _handler, "stream": stream, "json": json, "queue": queue, "filters": ["request"]}
            },
            "root": {"level": level, "handlers": ["lines"]},
            "loggers": loggers,
        }
    )


_UVICORN = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")


def _handler(stream: TextIO | None, *, json: bool, queue: bool) -> logging.Handler:
    target = stream or sys.stdout
    handler = logging.StreamHandler(target)
    handler.setFormatter(JSONFormatter() if json else TextFormatter(colour=target.isatty()))
    return _Queued(handler) if queue else handler


class _Queued(QueueHandler):
    """Hands records to a thread that writes them; ends it when logging shuts down or is set up anew."""

    def __init__(self, handler: logging.Handler) -> None:
        lines: SimpleQueue[Any] = SimpleQueue()
        super().__init__(lines)
        self._listener: QueueListener | None = QueueListener(lines, handler)
        self._listener.start()

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        # The standard one writes the traceback into the message, as for another process: ours is the same process, and
        # only the arguments may change before the line is written.
        prepared = copy.copy(record)
        prepared.msg, prepared.args = record.getMessage(), None
        return prepared

    def close(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.stop()
        super().close()
