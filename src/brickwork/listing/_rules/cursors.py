"""Cursors: places in an order, sealed so that clients can neither read nor change them."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from hmac import compare_digest
from struct import Struct
from typing import Final, Literal, NamedTuple, cast

from ..._core.clock import Clock, SystemClock
from .scalars import dump_values, load_values

CursorFault = Literal["malformed", "other-query", "expired"]

# Longer than this, and some proxy on the way refuses the address that holds it.
MAX_LENGTH: Final = 4096
MIN_SECRET: Final = 32

_TEXT: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_LENGTH}}}")
_VERSION: Final = b"\x01"
_TAG: Final = 16
_CONTEXT: Final = 12
_BACKWARD: Final = 1
_EXPIRES: Final = 2
_TIME: Final = Struct(">d")


class CursorError(ValueError):
    """A cursor does not open, or leads nowhere in this query.

    Attributes:
        reason: What is wrong with it.
    """

    def __init__(self, reason: CursorFault) -> None:
        super().__init__(f"the cursor is refused: {reason}")
        self.reason: CursorFault = reason


@dataclass(frozen=True, slots=True)
class Position:
    """A place between two rows of an order.

    Attributes:
        values: The sort values of the row next to it; empty at the edge: the beginning, or read backward the end.
        backward: Whether to read towards the beginning.
        order: Digest of the order that the values belong to.
    """

    values: tuple[object, ...] = ()
    backward: bool = False
    order: bytes = b""


class _Keys(NamedTuple):
    tag: bytes
    stream: bytes


class Cursors:
    """Seals positions into text, and opens it again.

    A cursor hides what it holds and cannot be changed: deterministic authenticated encryption, in the construction
    of a synthetic initialization vector, with keyed BLAKE2b as its pseudo-random function. One position gives one
    text, so a page that did not change has the cursors it had before.

    Args:
        secrets: What cursors are sealed with, 32 bytes or more each; the first one seals, all of them open.
        expires: Seconds that a cursor is good for; None for ever.
        clock: Where the time comes from.

    Raises:
        ValueError: There is no secret, or a short one; or `expires` is not above 0.

    Reference: RFC 5297, section 2 (the construction); RFC 7693 (BLAKE2).
    """

    def __init__(self, secrets: Sequence[bytes], *, expires: float | None = None, clock: Clock | None = None) -> None:
        if not secrets:
            raise ValueError("cursors need a secret: secrets.token_urlsafe(32) makes one")
        if any(len(each) < MIN_SECRET for each in secrets):
            raise ValueError(
                f"a secret for cursors needs {MIN_SECRET} bytes or more: secrets.token_urlsafe(32) makes one"
            )
        if expires is not None and not expires > 0:
            raise ValueError(f"expires={expires!r} must be a number of seconds above 0, or None")
        self._ring = tuple(_derive(each) for each in secrets)
        self._expires = expires
        self._clock = clock or SystemClock()

    def seal(self, position: Position, context: bytes) -> str:
        """Make a cursor.

        Args:
            position: What it leads to.
            context: What it is good for, such as a listing with its filters; it opens for the same bytes only.

        Returns:
            Text of letters, digits, ``-`` and ``_``.

        Raises:
            ValueError: The values are longer than a cursor can hold.
            TypeError: A value is of a type that a cursor cannot hold.
        """
        flags, expiry = _BACKWARD * position.backward, b""
        if self._expires is not None:
            flags, expiry = flags | _EXPIRES, _TIME.pack(self._clock.time() + self._expires)
        values = dump_values((position.order, *position.values))
        plain = b"".join((bytes((flags,)), _digest(context), expiry, values))
        keys = self._ring[0]
        tag = _authenticate(keys, plain)
        text = urlsafe_b64encode(_VERSION + tag + _mask(keys, tag, plain)).rstrip(b"=").decode()
        if len(text) > MAX_LENGTH:
            raise ValueError(
                f"a cursor would have {len(text)} characters, and {MAX_LENGTH} is the most: sort by something shorter, "
                "such as SortKey(func.substr(Product.text, 1, 200), name='text')"
            )
        return text

    def open(self, text: str, context: bytes) -> Position:
        """Read a cursor.

        Args:
            text: What the client sent.
            context: What the cursor must be good for.

        Returns:
            The position that was sealed.

        Raises:
            CursorError: We did not make it, or it was changed, or made for something else, or it is too old.
        """
        plain = self._decrypt(_decode(text))
        start = 1 + _CONTEXT
        if not compare_digest(plain[1:start], _digest(context)):
            raise CursorError("other-query")
        if plain[0] & _EXPIRES:
            if self._clock.time() >= _TIME.unpack_from(plain, start)[0]:
                raise CursorError("expired")
            start += _TIME.size
        order, *values = load_values(plain[start:])
        return Position(tuple(values), bool(plain[0] & _BACKWARD), cast("bytes", order))

    def _decrypt(self, sealed: bytes) -> bytes:
        tag, hidden = sealed[1 : 1 + _TAG], sealed[1 + _TAG :]
        if sealed[:1] == _VERSION and len(tag) == _TAG:
            for keys in self._ring:
                plain = _mask(keys, tag, hidden)
                if compare_digest(_authenticate(keys, plain), tag):
                    return plain
        raise CursorError("malformed")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._ring)} secrets, expires={self._expires})"


def _derive(secret: bytes) -> _Keys:
    """Make two keys of a secret of any length; neither tells anything of the other."""
    root = blake2b(secret, digest_size=64, person=b"brickwork cursor").digest()
    return _Keys(root[:32], root[32:])


def _authenticate(keys: _Keys, plain: bytes) -> bytes:
    return blake2b(_VERSION + plain, key=keys.tag, digest_size=_TAG).digest()


def _mask(keys: _Keys, tag: bytes, data: bytes) -> bytes:
    """Hide data, or uncover it: both are an exclusive-or with the stream of the key and the tag."""
    blocks = range(-(-len(data) // 64))
    stream = b"".join(blake2b(tag + block.to_bytes(2, "big"), key=keys.stream).digest() for block in blocks)
    size = len(data)
    return (int.from_bytes(data, "big") ^ int.from_bytes(stream[:size], "big")).to_bytes(size, "big")


def _digest(context: bytes) -> bytes:
    return blake2b(context, digest_size=_CONTEXT).digest()


def _decode(text: str) -> bytes:
    # The pattern leaves one way to fail: a length that no bytes encode to.
    if not _TEXT.fullmatch(text) or len(text) % 4 == 1:
        raise CursorError("malformed")
    sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    # The last character may carry bits that mean nothing: only one spelling of a cursor is good.
    if urlsafe_b64encode(sealed).rstrip(b"=").decode() != text:
        raise CursorError("malformed")
    return sealed
