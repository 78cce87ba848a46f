"""Turns an error into its HTTP answer, for exception handlers and for middleware that stands outside them."""

import json
import logging
import os
import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from traceback import format_exception
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.responses import Response

from .context import of_scope
from .headers import RawHeaders, add_vary, find
from .negotiation import languages, wants_page
from .page import POLICY, problem_page
from .problem import MEDIA_TYPE, MEMBER, Problem, phrase
from .shapes import is_collection, is_dict, is_list, is_mapping

if TYPE_CHECKING:
    from starlette.types import Scope

Translate = Callable[[str, Mapping[str, Any], str], str | None]
Render = Callable[[dict[str, Any]], object]
Resolve = Callable[[Exception], HTTPException | None]

_Text = tuple[dict[str, Any], str, str, Mapping[str, Any]]

_logger = logging.getLogger("brickwork.problems")

_OWN = frozenset({"type", "title", "status", "detail", "instance", "request_id"})
# What the renderer decides itself, whatever an exception says about its answer.
_REPLACED = frozenset({"content-type", "content-length"})
_BODILESS = frozenset({204, 205, 304})
_FORWARDED = (b"forwarded", b"via", b"x-forwarded-", b"x-real-ip", b"x-client-ip", b"true-client-ip", b"cf-")
_LOCAL_HOST = re.compile(rb"\[([0-9a-f:.]++)\](?::[0-9]*+)?|([a-z0-9.-]++)(?::[0-9]*+)?", re.IGNORECASE)
_HTML = (b"content-type", b"text/html; charset=utf-8")
_UNHANDLED: Final = HTTPException(500)
_DEEPEST = 64
# RFC 9110, section 5.5: only the tab among them may stand in a header's value.
_CONTROLS = bytes({*range(32), 127} - {9})
_NOTE = "Problem instance: "


def encode(document: object) -> bytes:
    """Encode anything as JSON: NaN and infinities as null, what JSON does not know as text, lone surrogates escaped."""
    try:
        return to_json(document, inf_nan_mode="null", fallback=str)
    except Exception:  # noqa: BLE001 - whatever it was, the slow way has an answer
        return json.dumps(_plain(document, 0), allow_nan=False).encode()


def _plain(value: object, depth: int) -> object:
    """Give what JSON can carry in place of ``value``."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        # Longer ones cannot be written in decimal: Python refuses to, for the time that it takes.
        return value if value.bit_length() < 2048 else hex(value)
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "replace")
    if depth < _DEEPEST and is_mapping(value):
        return {str(_plain(name, depth + 1)): _plain(each, depth + 1) for name, each in value.items()}
    if depth < _DEEPEST and is_collection(value):
        return [_plain(each, depth + 1) for each in value]
    try:
        return "..." if is_mapping(value) or is_collection(value) else str(value)
    except Exception:  # noqa: BLE001 - an object that cannot even say its name
        return f"<{type(value).__name__}>"


class ProblemRenderer:
    """Makes the problem document of an error, and the response that carries it.

    Args:
        base_uri: Put before a problem's slug to make its type URI.
        resolve: Gives the HTTP error that any other error means, or None.
        translate: Gives the text of a key in a language, or None.
        language: Language in which the texts of the code are written.
        render: Makes another body out of the problem document, sent as ``application/json``.
        html: Whether a client that prefers HTML gets a page.
        debug: Whether an unhandled error shows its traceback to a client on this machine.
    """

    def __init__(
        self,
        *,
        base_uri: str = "urn:problem-type:",
        resolve: Resolve | None = None,
        translate: Translate | None = None,
        language: str = "en",
        render: Render | None = None,
        html: bool = True,
        debug: bool = False,
    ) -> None:
        self.render = render
        self.media_type = MEDIA_TYPE if render is None else "application/json"
        self._base_uri = base_uri
        self._resolve = resolve or _itself
        self._translate = translate
        self._language = language
        self._html = html
        self._debug = debug
        chosen_by = [b"Accept"] * html + [b"Accept-Language"] * (translate is not None)
        self._vary = [(b"vary", b", ".join(chosen_by))] if chosen_by else []
        self._content_type = (b"content-type", self.media_type.encode())

    def type_uri(self, slug: str | None) -> str:
        """Give the type URI of a slug; ``about:blank`` for none."""
        return "about:blank" if slug is None else self._base_uri + slug

    def document(self, scope: "Scope", error: HTTPException) -> dict[str, Any]:
        """Give the problem document of ``error``, as it would go out for the request of ``scope``."""
        context = of_scope(scope)
        request_id = context.request_id if context else None
        detail: Any = error.detail
        if isinstance(error, Problem):
            slug, title, members = error.slug, error.title, error.members()
        else:
            slug, title = None, phrase(error.status_code)
            detail, members = (detail, {}) if isinstance(detail, str) else _spread(detail)
        document: dict[str, Any] = {"type": self.type_uri(slug), "title": title, "status": error.status_code}
        if detail and detail != title and isinstance(detail, str):
            document["detail"] = detail
        document["instance"] = _instance(request_id)
        if request_id is not None:
            document["request_id"] = request_id
        if members:
            document.update(members)
        return document

    def respond(self, scope: "Scope", error: HTTPException) -> Response:
        """Give the response that answers the request of ``scope`` with ``error``.

        It never raises: where a document cannot be made, a minimal one goes out and one record says why.
        """
        status = error.status_code
        if status in _BODILESS or status < 200 or getattr(error, "bodiless", False):
            return _Answer(b"", status, _own_headers(error))
        try:
            return self._sent(scope, self.document(scope, error), error)
        except Exception:
            _logger.exception("could not render %s, so a minimal problem document goes out", type(error).__name__)
            return _minimal(error)

    def meaning(self, scope: "Scope", error: Exception) -> HTTPException | None:
        """Give the HTTP error that ``error`` means, or None where it means nothing to a client.

        It never raises: where the mapping itself fails, a bare 500 is meant, and one record tells of both errors.
        """
        try:
            return self._resolve(error)
        except Exception as failure:
            if failure is not error and failure.__context__ is None:
                failure.__context__ = error
            _logger.exception("could not map %s, so it is answered as an unhandled error", type(error).__name__)
            return _UNHANDLED

    def unhandled(self, scope: "Scope", error: Exception) -> Response:
        """Give the response to an error that means nothing to a client: a bare 500. It never raises."""
        try:
            document: dict[str, Any] = {"type": "about:blank", "title": _UNHANDLED.detail, "status": 500}
            context = of_scope(scope)
            if context is None or context.request_id is None:
                # Without a request ID the instance is all that ties the client's answer to the server's log.
                instance = document["instance"] = _instance(None)
                _note(error, instance)
            else:
                document["instance"] = _instance(context.request_id)
                document["request_id"] = context.request_id
            if self._debug and _is_local(scope):
                document["traceback"] = "".join(format_exception(error)).splitlines()
            return self._sent(scope, document, _UNHANDLED)
        except Exception:
            _logger.exception("could not render %s, so a minimal problem document goes out", type(error).__name__)
            return _minimal(_UNHANDLED)

    async def answer(self, scope: "Scope", error: Exception) -> Response:
        """Give the response that answers the request of ``scope`` with any error: what it means, or a bare 500.

        It never raises, and tells the client nothing of an error that means nothing to it.
        """
        meant = self.meaning(scope, error)
        return self.unhandled(scope, error) if meant is None else self.respond(scope, meant)

    def _sent(self, scope: "Scope", document: dict[str, Any], error: HTTPException) -> Response:
        """Give the response that carries a document in the form and language that the client prefers."""
        language = self._language
        if self._translate is not None:
            wanted = languages(scope["headers"])
            language = _localise(_texts(document, error), self._translate, wanted, language)
        if self._html and wants_page(scope["headers"]):
            body = problem_page(document, language=language).encode()
            headers = [_HTML, (b"content-security-policy", POLICY.encode()), *self._vary]
        else:
            body = encode(document if self.render is None else self.render(document))
            headers = [self._content_type, *self._vary]
        if self._translate is not None:
            headers.append((b"content-language", language.encode()))
        headers.append((b"content-length", b"%d" % len(body)))
        return _Answer(body, error.status_code, _merged(_own_headers(error), headers) if error.headers else headers)


def _minimal(error: HTTPException) -> Response:
    """Give the last resort: what can be told of an error without asking it anything."""
    status = error.status_code
    body = encode({"type": "about:blank", "title": phrase(status), "status": status, "instance": _instance(None)})
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", b"%d" % len(body))]
    return _Answer(body, status, _own_headers(error) + headers)


def _note(error: Exception, instance: str) -> None:
    notes = getattr(error, "__notes__", None)
    if notes:
        # An error that is raised again has the note of the last time.
        error.__notes__ = [note for note in notes if not note.startswith(_NOTE)]
    error.add_note(_NOTE + instance)


def _itself(error: Exception) -> HTTPException | None:
    return error if isinstance(error, HTTPException) else None


def _spread(detail: object) -> tuple[object, dict[str, Any]]:
    """Read what FastAPI lets people raise as ``detail``: members in a dict, errors in a list, text in bytes."""
    if isinstance(detail, bytes):
        return detail.decode("utf-8", "replace"), {}
    if is_collection(detail):
        return None, {"errors": list(detail)}
    dump = getattr(detail, "model_dump", None)
    members = dump(mode="python") if callable(dump) else detail
    if is_mapping(members):
        named = {
            key: value
            for key, value in members.items()
            if isinstance(key, str) and key not in _OWN and MEMBER.fullmatch(key)
        }
        return members.get("detail"), named
    return None if detail is None else str(detail), {}


def _texts(document: dict[str, Any], error: HTTPException) -> list[_Text]:
    """List what of a document is text for people: type and codes stay as they are."""
    name = getattr(error, "slug", None) or str(error.status_code)
    members = {key: value for key, value in document.items() if key not in _OWN and key != "errors"}
    texts: list[_Text] = [(document, "title", f"{name}.title", members)]
    if "detail" in document:
        texts.append((document, "detail", f"{name}.detail", members))
    if is_list(document.get("errors")):
        # Copies: the entries may belong to an exception that is raised again.
        document["errors"] = [dict(each) if is_dict(each) else each for each in document["errors"]]
        entries = [each for each in document["errors"] if is_dict(each) and "code" in each]
        texts += [(each, "detail", str(each["code"]), each.get("params", {})) for each in entries]
    return texts


def _localise(texts: list[_Text], translate: Translate, wanted: list[str], original: str) -> str:
    """Put texts into the first wanted language that has any of them, and tell which language they are in now."""
    for language in wanted:
        if language.lower() == original.lower():
            break
        found = [(holder, member, translate(key, params, language)) for holder, member, key, params in texts]
        translated = [(holder, member, text) for holder, member, text in found if text is not None]
        for holder, member, text in translated:
            holder[member] = text
        if translated:
            return language
    return original


class _Answer(Response):
    """A response whose headers are ready: what Starlette would work out anew for each is known here."""

    def __init__(self, body: bytes, status: int, headers: RawHeaders) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = headers


def _own_headers(error: HTTPException) -> RawHeaders:
    return [_raw(*pair) for pair in error.headers.items() if pair[0].lower() not in _REPLACED] if error.headers else []


def _merged(own: RawHeaders, headers: RawHeaders) -> RawHeaders:
    """Put an error's own headers first; only ``Vary`` is one that both may have."""
    if any(name == b"vary" for name, _ in own):
        for name, value in headers:
            if name == b"vary":
                add_vary(own, *value.split(b", "))
        headers = [pair for pair in headers if pair[0] != b"vary"]
    return own + headers


def _raw(name: str, value: object) -> tuple[bytes, bytes]:
    # Control characters, or spaces at an end, would end the connection without an answer: no server sends them.
    text = str(value).encode("latin-1", "replace").translate(None, _CONTROLS).strip(b" \t")
    return name.lower().encode("latin-1", "replace"), text


def _instance(request_id: str | None) -> str:
    if request_id:
        try:
            return f"urn:uuid:{UUID(request_id)}"
        except ValueError:
            pass
    digits = os.urandom(16).hex()
    return f"urn:uuid:{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def _is_local(scope: "Scope") -> bool:
    """Tell whether the client sits at this machine and no proxy stands between, as far as a request can prove it."""
    client = scope.get("client")
    headers = scope["headers"]
    if (
        not client
        or any(name.lower().startswith(_FORWARDED) for name, _ in headers)
        or scope.get("http_version") == "1.0"
    ):
        return False
    # The name must be local too: a page elsewhere can make a browser ask this machine under the page's own name.
    host = _LOCAL_HOST.fullmatch(find(headers, b"host") or b"")
    name = (host[1] or host[2]).decode("ascii") if host else ""
    return _is_loopback(client[0]) and (name == "localhost" or _is_loopback(name))


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


_DEFAULT = ProblemRenderer()
_STATE = "brickwork_problem_renderer"


def has_renderer(app: object) -> bool:
    """Tell whether a renderer was installed in ``app``."""
    return isinstance(getattr(getattr(app, "state", None), _STATE, None), ProblemRenderer)


def renderer_of(app: object) -> ProblemRenderer:
    """Give the renderer that was installed in ``app``, or one with every default."""
    renderer = getattr(getattr(app, "state", None), _STATE, None)
    return renderer if isinstance(renderer, ProblemRenderer) else _DEFAULT


def install_renderer(app: Any, renderer: ProblemRenderer) -> None:
    """Make ``renderer`` answer for ``app``, in handlers and in middleware."""
    setattr(app.state, _STATE, renderer)


async def respond_to_error(app: object, scope: "Scope", error: Exception) -> Response:
    """Give the response with which ``app`` answers an error that nothing inside has answered; it never raises."""
    return await renderer_of(app).answer(scope, error)
