"""Reading and writing the compact form of a signed token, to the letter: one token has one text."""

import json
import math
import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping
from typing import Any, cast

MOST_CHARACTERS = 8192
# Whoever signs decides how deep a claim goes; this keeps every depth within what Python reads and writes.
_MOST_BRACKETS = 256
_BLANKS = " \t\n\r"

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,1024}+\.[A-Za-z0-9_-]++\.[A-Za-z0-9_-]++", re.ASCII)
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_TO_URL_SAFE = bytes.maketrans(b"+/", b"-_")
# The last character of a segment must not hold bits that no byte takes, or one signature had several texts.
_LAST = (
    frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
    frozenset[int](),
    frozenset(b"AQgw"),
    frozenset(b"AEIMQUYcgkosw048"),
)


class MalformedTokenError(ValueError):
    """A text is no token in its one right form."""


def split(token: str) -> tuple[bytes, bytes, bytes, bytes]:
    """Take a token apart; a long one is refused before anything else.

    Returns:
        The header's segment, what was signed, the payload's segment, and the signature's segment.

    Raises:
        MalformedTokenError: There are not three segments of the URL-safe alphabet, or too many characters.

    Reference: RFC 7515, section 7.1.
    """
    if type(token) is not str or len(token) > MOST_CHARACTERS or _TOKEN.fullmatch(token) is None:
        raise MalformedTokenError("no compact token")
    signed, _, signature = token.encode("ascii").rpartition(b".")
    header, _, payload = signed.partition(b".")
    return header, signed, payload, signature


def decode_segment(segment: bytes) -> bytes:
    """Decode base64url of which only the alphabet was checked; a text that no encoder writes is refused.

    Raises:
        MalformedTokenError: The length is impossible, or the last character holds stray bits.

    Reference: RFC 7515, section 2; RFC 4648, section 3.5.
    """
    if segment[-1] not in _LAST[len(segment) % 4]:
        raise MalformedTokenError("base64url that is not canonical")
    return a2b_base64(segment.translate(_TO_STANDARD) + b"==")


def encode_segment(data: bytes) -> bytes:
    """Encode as base64url without padding."""
    return b2a_base64(data, newline=False).translate(_TO_URL_SAFE).rstrip(b"=")


def decode_object(data: bytes) -> dict[str, Any]:
    """Read a JSON object in UTF-8 whose members are unique and whose numbers and texts are real ones.

    Raises:
        MalformedTokenError: It is anything else.

    Reference: RFC 7515, section 4; RFC 8259, sections 4, 6 and 8; RFC 8725, section 2.4.
    """
    try:
        text = data.decode("utf-8").strip(_BLANKS)
        if text.count("{") + text.count("[") > _MOST_BRACKETS:
            raise MalformedTokenError("nested too deep")
        value, end = _DECODER.raw_decode(text)
        if end != len(text):
            raise MalformedTokenError("more than one value")
        # Escapes can spell half a surrogate pair, which no store takes.
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except ValueError as error:
        raise MalformedTokenError("no JSON") from error
    if type(value) is not dict:
        raise MalformedTokenError("no JSON object")
    return cast("dict[str, Any]", value)


def encode_object(members: Mapping[str, Any]) -> bytes:
    """Write a JSON object, such that `decode_object` takes it.

    Raises:
        ValueError: A number is not finite, a text is no Unicode, or there are too many objects and arrays.
        TypeError: A value is none of JSON's.
    """
    text = json.dumps(members, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    if text.count("{") + text.count("[") > _MOST_BRACKETS:
        raise ValueError(f"claims hold more than {_MOST_BRACKETS} objects and arrays: put fewer into the token")
    return text.encode("utf-8")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedTokenError("duplicate member")
    return members


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise MalformedTokenError("number out of range")
    return number


def _no_constant(name: str) -> float:
    raise MalformedTokenError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_constant)
