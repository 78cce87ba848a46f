"""Request IDs in loguru; needs nothing of it but its calls."""

from typing import Any

from .._core.logs import log_fields


def loguru_patcher(record: Any) -> None:
    """Put ``request_id``, ``trace_id``, ``span_id`` and the bound values into ``extra``: a patcher for loguru.

    ```python
    import sys

    from loguru import logger

    from brickwork.requestid import loguru_patcher

    logger.configure(
        patcher=loguru_patcher,
        handlers=[{"sink": sys.stderr, "format": "{level} {extra[request_id]} {message}"}],
    )
    ```

    What the record has already stays; an ID that is not known is ``-``.
    """
    for name, value in log_fields(record["exception"]).items():
        record["extra"].setdefault(name, value)
