"""What the errors of other packages mean to a client: found by the name of their class, so that none is imported."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType, TracebackType
from typing import Any, Final, cast

from fastapi.exceptions import RequestValidationError, ResponseValidationError, WebSocketRequestValidationError
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException, WebSocketException
from starlette.requests import ClientDisconnect, Request

from .._core.shapes import is_mapping
from .._core.validation import describe
from ._errors import (
    Constraint,
    ConstraintError,
    InvalidField,
    MalformedJsonError,
    OutdatedError,
    UnsupportedMediaTypeError,
    ValidationProblem,
)

Meaning = Callable[[Any], HTTPException | None]

RETRY_AFTER: Final = {"Retry-After": "5"}

_CLIENTS: Final = frozenset({"aiohttp", "httpcore", "httpcore2", "httpx", "httpx2", "requests", "urllib3"})
_DATABASES: Final = frozenset(
    {"aiosqlite", "asyncpg", "psycopg", "psycopg_binary", "psycopg2", "pymysql", "sqlalchemy", "sqlite3"}
)
_UNPARSED: Final = "There was an error parsing the body"
_SQLSTATES: Final[Mapping[str, Constraint]] = {
    "23502": "not-null",
    "23503": "foreign-key",
    "23505": "unique",
    "23514": "check",
    "23P01": "exclusion",
}
_WORDS: Final[Sequence[tuple[str, Constraint]]] = (
    ("unique", "unique"),
    ("primarykey", "unique"),
    ("duplicate", "unique"),
    ("foreign", "foreign-key"),
    ("not null", "not-null"),
    ("notnull", "not-null"),
    ("cannot be null", "not-null"),
    ("check", "check"),
)
# Connection lost, resources spent, shutting down, serialization, deadlock, lock not available.
_PASSING: Final = ("08", "53", "57P", "40001", "40P01", "55P03")
# The one exception of the class "data exception" that is the statement's own.
_DIVISION_BY_ZERO: Final = "22012"
_UNSTORABLE_FIELD: Final[InvalidField] = {
    "detail": "A value is too long, out of range, or has characters that cannot be stored.",
    "code": "unstorable",
}
_PASSING_SQLITE: Final = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_FULL")
# RFC 6455, section 7.4.1, and the registry of close codes.
_SOCKET_STATUS: Final = {
    1003: 415, 1007: 400, 1008: 403, 1009: 413, 1011: 500, 1012: 503, 1013: 503, 3000: 401, 3003: 403, 3008: 408,
}  # fmt: skip


class ClientGoneError(HTTPException):
    """The client left before its request was read; nobody is there to read an answer.

    Attributes:
        bodiless: Tells the renderer to send no document.
    """

    bodiless: Final = True

    def __init__(self) -> None:
        super().__init__(499)


class Meanings:
    """Finds the HTTP error that any error means.

    Args:
        own: What the application says of its own errors; it goes before what is known here of the same class.
        validation: The problem that answers an invalid request.
        max_errors: Entries that it lists at most.
        require_json: Whether a body of the wrong media type is 415 rather than invalid.
    """

    def __init__(
        self,
        own: Mapping[type, Meaning],
        *,
        validation: type[ValidationProblem] = ValidationProblem,
        max_errors: int = 50,
        require_json: bool = False,
    ) -> None:
        self._own = own
        self._known: Mapping[type, Meaning] = {
            HTTPException: _http,
            RequestValidationError: self._invalid,
            WebSocketRequestValidationError: self._invalid,
            WebSocketException: _refused_socket,
            ClientDisconnect: _gone,
            UnicodeDecodeError: _unreadable_json,
            UnicodeEncodeError: self._unstorable,
            OverflowError: self._unstorable,
            ValueError: _unreadable_json,
            RecursionError: _unreadable_json,
            TimeoutError: _timed_out,
            ConnectionError: _unconnected,
            ExceptionGroup: self._of_one_kind,
        }
        self._named: Mapping[str, Meaning] = {**NAMED, STATEMENT: self._unstorable}
        self._validation = validation
        self._max_errors = max_errors
        self._require_json = require_json
        # A class is looked up for every error of it; only a program that keeps making classes fills this.
        self._asked: dict[type[Exception], tuple[Meaning, ...]] = {}

    def __call__(self, error: Exception) -> HTTPException | None:
        """Give the HTTP error that ``error`` means, or None: it is a fault of the application."""
        asked = self._asked.get(type(error))
        if asked is None:
            asked = self._asked[type(error)] = self._to_ask(type(error))
        for meaning in asked:
            found = meaning(error)
            if found is not None:
                return found
        return None

    def _to_ask(self, kind: type[Exception]) -> tuple[Meaning, ...]:
        """List who may know what errors of a class mean, the most specific first."""
        found: list[Meaning | None] = []
        for each in kind.__mro__:
            named = self._named.get(f"{each.__module__}.{each.__qualname__}")
            found += [self._own.get(each), named, self._known.get(each)]
        return tuple(meaning for meaning in found if meaning is not None)

    def _invalid(self, error: RequestValidationError) -> HTTPException:
        errors = error.errors()
        first: Any = errors[0] if errors else {}
        if is_mapping(first) and first.get("type") == "json_invalid" and len(first.get("loc", ())) == 2:
            reason, offset = first.get("ctx", {}).get("error", ""), first["loc"][1]
            if isinstance(offset, int):
                return MalformedJsonError(f"{reason} at offset {offset}", offset=offset)
        body: Any = getattr(error, "body", None)
        if self._require_json and isinstance(body, bytes) and any(_is_about_body(each) for each in errors):
            return UnsupportedMediaTypeError()
        entries, truncated = describe(errors, _as_dict(body) if isinstance(body, FormData) else body, self._max_errors)
        return self._validation(entries, truncated=truncated)  # type: ignore[arg-type]

    def _unstorable(self, error: Exception) -> HTTPException | None:
        return self._validation([_UNSTORABLE_FIELD]) if _is_of_a_value(error) else None

    def _of_one_kind(self, group: ExceptionGroup[Any]) -> HTTPException | None:
        leaves = list(_leaves(group))
        return self(leaves[0]) if len({type(leaf) for leaf in leaves}) == 1 else None


def log_fields(error: ResponseValidationError) -> str:
    """Name the fields of a response that its model refuses, without their values."""
    found = (f"{'.'.join(map(str, each.get('loc', ())))} ({each.get('type')})" for each in error.errors()[:20])
    return ", ".join(found)


def _is_about_body(error: object) -> bool:
    return is_mapping(error) and tuple(error.get("loc", ()))[:1] == ("body",)


def _as_dict(form: FormData) -> dict[str, Any]:
    return {name: values[0] if len(values) == 1 else values for name in form if (values := form.getlist(name))}


def _leaves(error: Any) -> Iterator[Exception]:
    if isinstance(error, BaseExceptionGroup):
        for each in cast("Any", error).exceptions:
            yield from _leaves(each)
    else:
        yield error


# --- requests


def _http(error: HTTPException) -> HTTPException:
    # FastAPI says no more of a body that it could not read than this; its cause tells what happened.
    if error.status_code == 400 and error.__cause__ is not None and error.detail == _UNPARSED:
        cause = error.__cause__
        if isinstance(cause, ClientDisconnect):
            return ClientGoneError()
        return (_unreadable_json(cause) if isinstance(cause, Exception) else None) or error
    return error


def _gone(_error: ClientDisconnect) -> HTTPException:
    return ClientGoneError()


def _unreadable_json(error: Exception) -> HTTPException | None:
    """Tell whether the error comes from reading the request's JSON, and not from data of the application's own."""
    if not _raised_while(error, Request.json.__code__, not_in=Request.body.__code__):
        return None
    if isinstance(error, json.JSONDecodeError):
        return MalformedJsonError(f"{error.msg} at offset {error.pos}", offset=error.pos)
    if isinstance(error, UnicodeDecodeError):
        return MalformedJsonError("not UTF-8")
    return MalformedJsonError("nested too deeply" if isinstance(error, RecursionError) else "a number is too long")


def _refused_socket(error: WebSocketException) -> HTTPException:
    own = error.code - 4000
    return HTTPException(own if 400 <= own < 600 else _SOCKET_STATUS.get(error.code, 403), error.reason or None)


def _timed_out(error: TimeoutError) -> HTTPException | None:
    """Tell whether a call to somebody else took too long; a lock or queue of the application's own is its own fault."""
    if _passed_through(error, _CLIENTS):
        return HTTPException(504)
    return HTTPException(503, headers=RETRY_AFTER) if _passed_through(error, _DATABASES) else None


def _unconnected(error: ConnectionError) -> HTTPException | None:
    return HTTPException(503, headers=RETRY_AFTER) if _passed_through(error, _DATABASES) else None


# --- other packages


def _conflict(error: Any) -> HTTPException:
    return ConstraintError(_constraint(error.orig))


def _constraint(original: Any) -> Constraint:
    state = _sqlstate(original)
    if state in _SQLSTATES:
        return _SQLSTATES[state]
    said = f"{getattr(original, 'sqlite_errorname', '')} {original}".lower()
    for word, constraint in _WORDS:
        if word in said:
            return constraint
    return "other"


def _sqlstate(original: Any) -> str:
    return str(getattr(original, "sqlstate", None) or getattr(original, "pgcode", None) or "")


def _database(error: Any) -> HTTPException | None:
    """Tell a database that cannot serve for the moment from a statement that is wrong."""
    original = error.orig
    state = _sqlstate(original)
    name = getattr(original, "sqlite_errorname", "")
    unreached = type(error).__name__ == "OperationalError" and not state and not name
    passing = error.connection_invalidated or state.startswith(_PASSING) or name.startswith(_PASSING_SQLITE)
    return HTTPException(503, headers=RETRY_AFTER) if passing or unreached else None


def _is_of_a_value(error: Any) -> bool:
    """Tell whether a value is of the right type and still fits no column; the wrong type is the application's fault."""
    original = getattr(error, "orig", error)
    if isinstance(original, OverflowError | UnicodeEncodeError):
        # Drivers raise these as they are, and SQLAlchemy wraps only those of its own.
        return original is not error or _raised_in(error, _DATABASES)
    if any(isinstance(each, TypeError) for each in _chain(original)):
        return False
    state = _sqlstate(original)
    if not state:
        return type(error).__name__ == "DataError"
    return state.startswith("22") and state != _DIVISION_BY_ZERO


def _absent(_error: Any) -> HTTPException:
    return HTTPException(404)


def _outdated(_error: Any) -> HTTPException:
    return OutdatedError()


def _exhausted(_error: Any) -> HTTPException:
    return HTTPException(503, headers=RETRY_AFTER)


def _bad_upstream(_error: Any) -> HTTPException:
    return HTTPException(502)


def _slow_upstream(_error: Any) -> HTTPException:
    return HTTPException(504)


def _limited(error: Any) -> HTTPException:
    # Until the whole window has passed: when a unit is free earlier, only slowapi's storage knows.
    seconds = error.limit.limit.get_expiry()
    return HTTPException(429, f"The limit is {error.detail}.", {**(error.headers or {}), "Retry-After": str(seconds)})


STATEMENT: Final = "sqlalchemy.exc.StatementError"
NAMED: Final[Mapping[str, Meaning]] = {
    "sqlalchemy.exc.IntegrityError": _conflict,
    "sqlalchemy.exc.DBAPIError": _database,
    "sqlalchemy.exc.NoResultFound": _absent,
    "sqlalchemy.exc.TimeoutError": _exhausted,
    "sqlalchemy.orm.exc.StaleDataError": _outdated,
    "slowapi.errors.RateLimitExceeded": _limited,
    **{
        f"{client}.{name}": meaning
        for client in ("httpx", "httpx2")
        for name, meaning in {
            "HTTPStatusError": _bad_upstream,
            "NetworkError": _bad_upstream,
            "RemoteProtocolError": _bad_upstream,
            "TimeoutException": _slow_upstream,
            "PoolTimeout": _exhausted,
        }.items()
    },
}


# --- where an error comes from


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _passed_through(error: BaseException, packages: frozenset[str]) -> bool:
    for each in _chain(error):
        frame = each.__traceback__
        while frame is not None:
            if _package(frame) in packages:
                return True
            frame = frame.tb_next
    return False


def _raised_in(error: BaseException, packages: frozenset[str]) -> bool:
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return frame is not None and _package(frame) in packages


def _package(frame: TracebackType) -> str:
    return str(frame.tb_frame.f_globals.get("__name__")).partition(".")[0]


def _raised_while(error: BaseException, function: CodeType, *, not_in: CodeType) -> bool:
    codes: list[CodeType] = []
    frame = error.__traceback__
    while frame is not None:
        codes.append(frame.tb_frame.f_code)
        frame = frame.tb_next
    return function in codes and not_in not in codes
