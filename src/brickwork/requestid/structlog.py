"""Request IDs in structlog; needs nothing of it but its calls."""

from collections.abc import MutableMapping
from typing import Any

from .._core.logs import log_fields


def add_request_id(logger: Any, method_name: str, event_dict: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ARG001 - called by structlog
    """Put ``request_id``, ``trace_id``, ``span_id`` and the bound values on an event: a processor for structlog.

    ```python
    import structlog

    from brickwork.requestid import add_request_id

    structlog.configure(processors=[add_request_id, structlog.processors.JSONRenderer()])
    ```

    What the event has already stays; an ID that is not known is ``-``.
    """
    for name, value in log_fields(event_dict.get("exc_info")).items():
        event_dict.setdefault(name, value)
    return event_dict
