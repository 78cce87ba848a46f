"""What a client is told of an error: a problem document in the form of a message."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.types import Scope

from ...._core.problem import phrase
from ...._core.renderer import encode, renderer_of
from ...._core.validation import describe
from ..._rules.frames import Frame

MessageId = str | int

_logger = logging.getLogger("brickwork.websockets")

_MOST_ERRORS: Final = 50
# Of a problem document: what a message says in its own way, or what is about one HTTP request.
_LEFT_OUT: Final = frozenset({"type", "status", "title", "detail", "instance", "request_id"})


def error_frame(
    status: int,
    *,
    title: str = "",
    detail: str = "",
    re: MessageId | None = None,
    members: Mapping[str, object] | None = None,
) -> Frame:
    """Say what went wrong.

    Args:
        status: The HTTP status that says it best.
        title: What is wrong in general; the status's own phrase where left out.
        detail: What is wrong this time; never what was sent.
        re: The ID of the message that it is about.
        members: What else a client may need, such as ``retry_after`` in seconds.
    """
    document: dict[str, object] = {"type": "error", "status": status, "title": title or phrase(status)}
    if detail:
        document["detail"] = detail
    if re is not None:
        document["re"] = re
    return Frame("json", encode({**document, **(members or {})}))


def frame_of(error: HTTPException, scope: Scope, re: MessageId | None = None) -> Frame:
    """Say what an error with an HTTP answer says, as the app's own handlers would; it never raises.

    A problem type of its own is named by ``problem``, since ``type`` is the message's.
    """
    try:
        document: dict[str, Any] = renderer_of(scope.get("app")).document(scope, error)
        members = {name: value for name, value in document.items() if name not in _LEFT_OUT}
        if document["type"] != "about:blank":
            members["problem"] = document["type"]
        retry_after = (error.headers or {}).get("Retry-After", "")
        if retry_after.isascii() and retry_after.isdigit():
            members.setdefault("retry_after", int(retry_after))
        return error_frame(
            error.status_code, title=document["title"], detail=document.get("detail", ""), re=re, members=members
        )
    except Exception:
        _logger.exception("could not tell a client of %s, so it hears of its status alone", type(error).__name__)
        return error_frame(error.status_code, re=re)


def invalid_frame(errors: Sequence[Mapping[str, object]], re: MessageId | None, *, truncated: bool = False) -> Frame:
    """Say where a message is not as it should be, and why: an entry a place, and never what stands there."""
    many = len(errors) != 1
    detail = f"{len(errors)}{' or more' * truncated} {'errors' if many else 'error'} in the message."
    return error_frame(422, title="The message is not valid", detail=detail, re=re, members={"errors": list(errors)})


def invalid_member(name: str, code: str, detail: str, re: MessageId | None = None) -> Frame:
    """Say that one member of a message is not as it should be."""
    return invalid_frame([{"detail": detail, "code": code, "pointer": f"#/{name}" if name else "#"}], re)


def unfit_frame(error: ValidationError, body: object, re: MessageId | None) -> Frame:
    """Say what pydantic found in a message, with pointers into it."""
    found = error.errors(include_url=False)
    located = [{**each, "loc": ("body", *each["loc"])} for each in found[: 4 * _MOST_ERRORS + 1]]
    entries, truncated = describe(located, body, _MOST_ERRORS)
    return invalid_frame(entries, re, truncated=truncated)
