"""Sort values as bytes, and back with the same type: what cursors hold."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from struct import Struct
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

_HEAD: Final = Struct(">BH")
_FLOAT: Final = Struct(">d")
_SPAN: Final = Struct(">iII")


class _Kind(NamedTuple):
    dump: Callable[[Any], bytes]
    load: Callable[[bytes], object]


class Beginning(str):
    """The first part of a text that is too long for a cursor."""

    __slots__ = ()


def dump_values(values: Iterable[object]) -> bytes:
    """Write values one after the other: a type, a length and the value each.

    Raises:
        TypeError: A value is of a type that has no place here.
        ValueError: A value is longer than 65,535 bytes.
    """
    parts: list[bytes] = []
    for value in values:
        code = _CODES.get(type(value)) or _inherited(value)
        body = _KINDS[code].dump(value)
        if len(body) > 0xFFFF:
            raise ValueError(f"a sort value is {len(body)} bytes long: sort by something shorter")
        parts += (_HEAD.pack(code, len(body)), body)
    return b"".join(parts)


def load_values(data: bytes) -> Iterator[object]:
    """Read what `dump_values` wrote."""
    at = 0
    while at < len(data):
        code, length = _HEAD.unpack_from(data, at)
        at += _HEAD.size + length
        yield _KINDS[code].load(data[at - length : at])


def _inherited(value: object) -> int:
    """Find the code of a type that drivers or applications derive from one of ours."""
    for each in type(value).__mro__:
        if each in _CODES:
            return _CODES[each]
    raise TypeError(
        f"a cursor cannot hold {type(value).__qualname__}: sort by an expression of a plain type, "
        "such as SortKey(type_coerce(Product.price, Integer), name='price')"
    )


def _dump_none(_: None) -> bytes:
    return b""


def _load_none(_: bytes) -> None:
    return None


def _dump_bool(value: bool) -> bytes:  # noqa: FBT001
    return b"\x01" if value else b""


def _dump_int(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)


def _load_int(body: bytes) -> int:
    return int.from_bytes(body, "big", signed=True)


def _dump_text(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


def _load_text(body: bytes) -> str:
    return body.decode("utf-8", "surrogatepass")


def _load_beginning(body: bytes) -> Beginning:
    return Beginning(_load_text(body))


def _load_float(body: bytes) -> float:
    return cast("float", _FLOAT.unpack(body)[0])


def _dump_decimal(value: Decimal) -> bytes:
    return str(value).encode()


def _load_decimal(body: bytes) -> Decimal:
    return Decimal(body.decode())


def _dump_iso(value: datetime | date | time) -> bytes:
    return value.isoformat().encode()


def _load_datetime(body: bytes) -> datetime:
    return datetime.fromisoformat(body.decode())


def _load_date(body: bytes) -> date:
    return date.fromisoformat(body.decode())


def _load_time(body: bytes) -> time:
    return time.fromisoformat(body.decode())


def _dump_span(value: timedelta) -> bytes:
    return _SPAN.pack(value.days, value.seconds, value.microseconds)


def _load_span(body: bytes) -> timedelta:
    return timedelta(*_SPAN.unpack(body))


def _dump_uuid(value: UUID) -> bytes:
    return value.bytes


def _load_uuid(body: bytes) -> UUID:
    return UUID(bytes=body)


# The numbers are part of the format of cursors: none may ever get another meaning.
_TYPES: Final[dict[int, tuple[type, _Kind]]] = {
    1: (type(None), _Kind(_dump_none, _load_none)),
    2: (bool, _Kind(_dump_bool, bool)),
    3: (int, _Kind(_dump_int, _load_int)),
    4: (str, _Kind(_dump_text, _load_text)),
    5: (bytes, _Kind(bytes, bytes)),
    6: (float, _Kind(_FLOAT.pack, _load_float)),
    7: (Decimal, _Kind(_dump_decimal, _load_decimal)),
    8: (datetime, _Kind(_dump_iso, _load_datetime)),
    9: (date, _Kind(_dump_iso, _load_date)),
    10: (time, _Kind(_dump_iso, _load_time)),
    11: (timedelta, _Kind(_dump_span, _load_span)),
    12: (UUID, _Kind(_dump_uuid, _load_uuid)),
    13: (Beginning, _Kind(_dump_text, _load_beginning)),
}
_KINDS: Final = {code: kind for code, (_, kind) in _TYPES.items()}
_CODES: Final = {type_: code for code, (type_, _) in _TYPES.items()}
