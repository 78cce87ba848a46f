"""Keys of what a request's body says: ``by_form`` and ``by_json``."""

from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, cast
from unicodedata import normalize

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection, Request

from .key import ABSENT, Identity, Key

_LONGEST = 4096  # longer texts are no logins, and folding them takes time


@dataclass(frozen=True, slots=True)
class _Field(Key):
    kind: str
    field: str
    casefold: bool

    @property
    def in_endpoint(self) -> bool:
        return True

    async def find(self, connection: HTTPConnection) -> Identity:
        if not isinstance(connection, Request):
            return ABSENT  # a socket has no body
        with _reading():
            value = await (_form_field if self.kind == "form" else _json_member)(connection, self.field)
        value = value.strip()
        if self.casefold:
            value = _folded(value)
        return Identity((self.kind, self.field, value)) if value else ABSENT

    def __str__(self) -> str:
        return f"by_{self.kind}({self.field})"


def by_form(field: str, *, casefold: bool = True) -> Key:
    """Count by a field of the form that is sent: the login that somebody tries, from however many addresses.

    Forms without the field, or with an empty one, are counted by what follows after ``|``, and otherwise together.
    The endpoint reads the body as if nobody had; of a multipart form only as a form, since it may be too large to keep.

    Args:
        field: The name of the field.
        casefold: Whether case, compatibility characters and the white space around make no difference.

    Raises:
        ValueError: The name is empty.
    """
    return _Field("form", _checked(field), casefold)


def by_json(field: str, *, casefold: bool = True) -> Key:
    """Count by a member of the JSON object that is sent: a text or a whole number.

    What holds for `by_form` holds here; a body that is not JSON has no such member, and is for the endpoint to refuse.

    Args:
        field: The name of the member.
        casefold: Whether case, compatibility characters and the white space around make no difference.

    Raises:
        ValueError: The name is empty.
    """
    return _Field("json", _checked(field), casefold)


def _checked(field: str) -> str:
    if not field:
        raise ValueError('a field has a name: write by_form("username")')
    return field


@contextmanager
def _reading() -> Generator[None]:
    """Answer a body that cannot be read as FastAPI does.

    Raises:
        HTTPException: (400) The client went away, or its form names a character set that makes no text.
    """
    try:
        yield
    except (ClientDisconnect, ValueError) as error:
        raise HTTPException(400, "There was an error parsing the body") from error


async def _form_field(request: Request, field: str) -> str:
    value = (await _form(request)).get(field)
    return value if isinstance(value, str) else ""


def _form_read(request: Request) -> FormData | None:
    """Give the form, if somebody has read it: then the stream is used up."""
    return request._form  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


async def _form(request: Request) -> FormData:
    known = _form_read(request)
    if known is not None:
        return known
    if request.headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        # The parser would use up the stream, which the endpoint may want to read as it came. Files are another matter:
        # they would fill the memory.
        await request.body()
    form = await request.form()
    files = request.scope.get("fastapi_middleware_astack")
    if isinstance(files, AsyncExitStack):
        # Where FastAPI reads a form, this is how it closes the files.
        files.push_async_callback(form.close)
    return form


async def _json_member(request: Request, field: str) -> str:
    if _form_read(request) is not None:
        return ""
    try:
        value: Any = await request.json()
    except (ValueError, RecursionError):
        return ""
    member = cast("dict[str, object]", value).get(field) if isinstance(value, dict) else None
    return str(member) if isinstance(member, str | int) and not isinstance(member, bool) else ""


def _folded(text: str) -> str:
    if text.isascii():
        return text.casefold()
    if len(text) > _LONGEST:
        return text
    folded = normalize("NFKC", text)
    return normalize("NFKC", folded.casefold()).strip()
