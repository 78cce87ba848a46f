"""`JoseCodec`: claims into signed tokens, and back."""

from collections.abc import Mapping
from typing import Any

from .._errors import InvalidTokenError
from .._rules.compact import (
    MOST_CHARACTERS,
    MalformedTokenError,
    decode_object,
    decode_segment,
    encode_object,
    encode_segment,
    split,
)
from .key import Key
from .keys import Keys

_MEMBERS = frozenset({"alg", "kid", "typ"})
_MOST_HEADERS = 64


class JoseCodec:
    """Signs claims as compact JWS, and takes none but what one of the keys has signed for the same purpose.

    The key decides the algorithm, never the token; a header says which key it was, and nothing else.

    Args:
        keys: What to sign and verify with.

    Reference: RFC 7515; RFC 8725; RFC 9068, section 2.1.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        # Headers by their segments: only those that a key has signed, which are few, and never what was merely sent.
        self._headers: dict[bytes, tuple[str, str, str]] = {}
        self._written: dict[tuple[Key, str], bytes] = {}

    @property
    def version(self) -> int:
        """Goes up whenever a key comes or goes."""
        return self._keys.version

    def encode(self, claims: Mapping[str, Any], *, type: str) -> str:  # noqa: A002
        """Sign claims with the signing key.

        Args:
            claims: What the token is to say.
            type: What it is for, such as ``at+jwt``.

        Raises:
            ValueError: The claims are too many for a token, or hold what JSON cannot say; or no key can sign.
            TypeError: A claim is of a type that JSON does not have.
        """
        key = self._keys.signing
        if key is None:
            raise ValueError("there is no key to sign with: write Keys(Key.from_pem(private), ...)")
        signed = self._header(key, type) + b"." + encode_segment(encode_object(claims))
        token = (signed + b"." + encode_segment(key.sign(signed))).decode("ascii")
        if len(token) > MOST_CHARACTERS:
            raise ValueError(f"a token holds {MOST_CHARACTERS} characters at most, not {len(token)}: put less into it")
        return token

    def decode(self, token: str, *, type: str) -> dict[str, Any]:  # noqa: A002
        """Give the claims of a token that one of the keys has signed.

        Args:
            token: The text as it was received.
            type: What it has to be for.

        Raises:
            InvalidTokenError: (401) It is malformed, for something else, or signed by nobody known.
        """
        try:
            header, signed, payload, signature = split(token)
            known = self._headers.get(header)
            kid, algorithm, said = known or _read(header)
            key = self._keys.find(kid)
            if key is None or algorithm != key.algorithm or said != type:
                raise InvalidTokenError
            if not key.verify(signed, decode_segment(signature)):
                raise InvalidTokenError
            if known is None:
                self._remember(header, (kid, algorithm, said))
            return decode_object(decode_segment(payload))
        except MalformedTokenError as error:
            raise InvalidTokenError from error

    def _header(self, key: Key, typ: str) -> bytes:
        written = self._written.get((key, typ))
        if written is None:
            written = encode_segment(encode_object({"alg": key.algorithm, "typ": typ, "kid": key.kid}))
            if len(self._written) >= _MOST_HEADERS:
                self._written.clear()
            self._written[key, typ] = written
        return written

    def _remember(self, segment: bytes, header: tuple[str, str, str]) -> None:
        if len(self._headers) >= _MOST_HEADERS:
            self._headers.clear()
        self._headers[segment] = header


def _read(segment: bytes) -> tuple[str, str, str]:
    """Give key, algorithm and type of a header that says these three things and nothing else.

    ``crit``, ``b64``, ``zip``, ``jwk``, ``jku``, ``x5c`` and all others are refused with it, unread.
    """
    header = decode_object(decode_segment(segment))
    if header.keys() != _MEMBERS or any(type(value) is not str for value in header.values()):
        raise MalformedTokenError("header")
    # RFC 7515, section 4.1.9: media types are compared without their case, and may leave out "application/".
    return header["kid"], header["alg"], header["typ"].lower().removeprefix("application/")
