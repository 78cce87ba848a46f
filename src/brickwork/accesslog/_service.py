"""Logging for the whole process, set up in one call."""

import copy
import logging
import sys
from asyncio import current_task
from collections.abc import Mapping
from logging.config import dictConfig
from logging.handlers import QueueHandler, QueueListener
from os import getpid
from queue import SimpleQueue
from threading import get_ident
from time import time
from typing import Any, TextIO

from .._core.logs import RequestIDFilter
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


class RecordMaker:
    """Makes the log records of one place in the code.

    `logging` finds out file, level name, thread and process anew for each, which takes as long as all that an access
    record says. Here they are taken over from the record before, as long as they are the same.

    Args:
        logger: Whose records they are.
        level: Their level, as a number.
        message: Their message, to be filled in with ``%``.
    """

    def __init__(self, logger: logging.Logger, level: int, message: str) -> None:
        self._logger = logger
        self._level = level
        self._message = message
        self._before: dict[str, Any] = {"thread": None, "process": None}

    def make(self, arguments: tuple[object, ...]) -> logging.LogRecord:
        """Make a record; by the record factory of the application, where it has one."""
        if logging.getLogRecordFactory() is not logging.LogRecord:
            return self._make_whole(arguments)
        before = self._before
        if before["thread"] != get_ident() or before["process"] != getpid():
            record = self._make_whole(arguments)
            self._before = vars(record).copy()
            return record
        now = time()
        task = current_task()
        record = logging.LogRecord.__new__(logging.LogRecord)
        record.__dict__ = {
            **before,
            "args": arguments,
            "created": now,
            "msecs": float(int(now % 1 * 1000)),
            "relativeCreated": before["relativeCreated"] + (now - before["created"]) * 1000,
            "taskName": task.get_name() if task else None,
        }
        return record

    def _make_whole(self, arguments: tuple[object, ...]) -> logging.LogRecord:
        # Made here rather than by logger.info, which would walk the stack to find its caller.
        return self._logger.makeRecord(self._logger.name, self._level, "accesslog", 0, self._message, arguments, None)
