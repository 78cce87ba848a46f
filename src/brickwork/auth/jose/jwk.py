"""Keys as JSON: read, shown in public, and named after what they are."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ..._core.extras import extra
from .._rules.compact import MalformedTokenError, decode_segment, encode_segment
from .material import Material, PublicKey

with extra("auth"):
    from cryptography.hazmat.primitives.asymmetric.ec import (
        SECP256R1,
        EllipticCurvePublicKey,
        EllipticCurvePublicNumbers,
        derive_private_key,
    )
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import (
        RSAPrivateNumbers,
        RSAPublicKey,
        RSAPublicNumbers,
        rsa_crt_dmp1,
        rsa_crt_dmq1,
        rsa_crt_iqmp,
        rsa_recover_prime_factors,
    )

_SEGMENT = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def read(jwk: Mapping[str, Any]) -> Material:
    """Give the key that a JWK describes, the private one where it does.

    Raises:
        ValueError: It describes none that could be used for signatures.

    Reference: RFC 7517, section 4; RFC 7518, section 6; RFC 8037, section 2.
    """
    if jwk.get("use", "sig") != "sig":
        raise ValueError(f'this JWK is for use={jwk["use"]!r}: take one with "use": "sig"')
    kind, curve = jwk.get("kty"), jwk.get("crv")
    if kind == "oct":
        return _bytes(jwk, "k")
    if kind == "RSA":
        return _rsa(jwk)
    if (kind, curve) == ("EC", "P-256"):
        return _ec(jwk)
    if (kind, curve) == ("OKP", "Ed25519"):
        return _ed25519(jwk)
    raise ValueError(
        f'a JWK with "kty": {kind!r} and "crv": {curve!r} cannot be used: take oct, RSA, EC on P-256, or OKP on Ed25519'
    )


def show(key: PublicKey) -> dict[str, str]:
    """Give what the world may know of a key: the members that make it what it is, in the order of their names."""
    if isinstance(key, RSAPublicKey):
        numbers = key.public_numbers()
        return {"e": _text(_shortest(numbers.e)), "kty": "RSA", "n": _text(_shortest(numbers.n))}
    if isinstance(key, EllipticCurvePublicKey):
        point = key.public_numbers()
        return {"crv": "P-256", "kty": "EC", "x": _text(point.x.to_bytes(32)), "y": _text(point.y.to_bytes(32))}
    return {"crv": "Ed25519", "kty": "OKP", "x": _text(key.public_bytes_raw())}


def thumbprint(members: Mapping[str, str]) -> str:
    """Give the name that everybody finds for a key.

    Reference: RFC 7638, section 3.
    """
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True).encode("ascii")
    return _text(hashlib.sha256(canonical).digest())


def _rsa(jwk: Mapping[str, Any]) -> Material:
    public = RSAPublicNumbers(_number(jwk, "e"), _number(jwk, "n"))
    if "d" not in jwk:
        return public.public_key()
    d = _number(jwk, "d")
    if "p" in jwk and "q" in jwk:
        p, q = _number(jwk, "p"), _number(jwk, "q")
    else:
        p, q = rsa_recover_prime_factors(public.n, d, public.e)
    return RSAPrivateNumbers(p, q, d, rsa_crt_dmp1(d, p), rsa_crt_dmq1(d, q), rsa_crt_iqmp(p, q), public).private_key()


def _ec(jwk: Mapping[str, Any]) -> Material:
    public = EllipticCurvePublicNumbers(_number(jwk, "x"), _number(jwk, "y"), SECP256R1()).public_key()
    if "d" not in jwk:
        return public
    private = derive_private_key(_number(jwk, "d"), SECP256R1())
    if private.public_key() != public:
        raise ValueError('"d" of this JWK belongs to another point than "x" and "y"')
    return private


def _ed25519(jwk: Mapping[str, Any]) -> Material:
    public = Ed25519PublicKey.from_public_bytes(_bytes(jwk, "x"))
    if "d" not in jwk:
        return public
    private = Ed25519PrivateKey.from_private_bytes(_bytes(jwk, "d"))
    if private.public_key() != public:
        raise ValueError('"d" of this JWK belongs to another key than "x"')
    return private


def _bytes(jwk: Mapping[str, Any], name: str) -> bytes:
    value = jwk.get(name)
    if type(value) is not str or not value or not _SEGMENT.issuperset(value):
        raise ValueError(f'this JWK needs a member "{name}" in base64url without padding')
    try:
        return decode_segment(value.encode("ascii"))
    except MalformedTokenError as error:
        raise ValueError(f'"{name}" of this JWK is no base64url') from error


def _number(jwk: Mapping[str, Any], name: str) -> int:
    return int.from_bytes(_bytes(jwk, name))


def _shortest(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def _text(data: bytes) -> str:
    return encode_segment(data).decode("ascii")
