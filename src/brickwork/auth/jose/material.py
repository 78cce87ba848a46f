"""What keys are made of, and which algorithm may be used with what."""

import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final, Literal, get_args

from ..._core.extras import extra

with extra("auth"):
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import (
        SECP256R1,
        EllipticCurvePrivateKey,
        EllipticCurvePublicKey,
    )
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key
    from cryptography.x509 import load_der_x509_certificate

Algorithm = Literal["HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "EdDSA"]
"""What a key signs with; RFC 7518, section 3, and RFC 8037."""
PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey
PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey
Material = bytes | PrivateKey | PublicKey

ALGORITHMS: Final[tuple[str, ...]] = get_args(Algorithm)
# RFC 7518, section 3.2: a secret is at least as long as the hash.
SECRET_BYTES: Final[Mapping[str, int]] = {"HS256": 32, "HS384": 48, "HS512": 64}
_RSA_BITS: Final = 2048
_MAKE_ONE: Final = 'make one with python -c "import secrets; print(secrets.token_urlsafe(64))"'
# It stands in FastAPI's tutorial, and from there in thousands of repositories.
_TUTORIAL: Final = b"09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7"
# PEM as it is, or in base64 as environments like to hold it; the two forms of SSH.
_TEXT_FORMS: Final = (
    b"-----BEGIN",
    b"LS0tLS1CRUdJTi",
    b"---- BEGIN",
    b"ssh-",
    b"ecdsa-sha2-",
    b"sk-ssh-",
    b"sk-ecdsa-",
)


def check(material: Material, algorithm: str) -> None:
    """Refuse material that is too weak for an algorithm, or meant for another.

    Raises:
        ValueError: It is; the message says what to write instead.
    """
    if algorithm not in ALGORITHMS:
        raise ValueError(f"algorithm={algorithm!r} is none of ours: use one of {', '.join(ALGORITHMS)}")
    fitting = algorithms_for(material)
    if algorithm not in fitting:
        raise ValueError(f"{_kind(material)} cannot be used with {algorithm}: write algorithm={fitting[0]!r}")
    if isinstance(material, bytes):
        _check_secret(material, algorithm)
    elif isinstance(material, RSAPrivateKey | RSAPublicKey) and material.key_size < _RSA_BITS:
        raise ValueError(
            f"an RSA key of {material.key_size} bits is too weak: "
            f"make one with openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:{_RSA_BITS}"
        )


def algorithms_for(material: object) -> tuple[Algorithm, ...]:
    """Give the algorithms that can be used with a key, the usual one first.

    Raises:
        ValueError: There is none.
    """
    if isinstance(material, bytes):
        return ("HS256", "HS384", "HS512")
    if isinstance(material, RSAPrivateKey | RSAPublicKey):
        return ("RS256", "PS256")
    if isinstance(material, EllipticCurvePrivateKey | EllipticCurvePublicKey):
        if isinstance(material.curve, SECP256R1):
            return ("ES256",)
        raise ValueError(
            f"a key on the curve {material.curve.name} cannot be used, only one on P-256: "
            "make one with openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"
        )
    if isinstance(material, Ed25519PrivateKey | Ed25519PublicKey):
        return ("EdDSA",)
    raise ValueError("this kind of key cannot be used: take an RSA key, one on P-256, or one of Ed25519")


def _kind(material: Material) -> str:
    if isinstance(material, bytes):
        return "a secret"
    if isinstance(material, RSAPrivateKey | RSAPublicKey):
        return "an RSA key"
    return "a key of Ed25519" if isinstance(material, Ed25519PrivateKey | Ed25519PublicKey) else "a key on P-256"


def _check_secret(secret: bytes, algorithm: str) -> None:
    # A public key that serves as a secret lets everybody sign, so whatever looks like a key is refused first.
    text = secret.strip()
    if text.startswith(_TEXT_FORMS):
        raise ValueError("this is a key in PEM or SSH form, not a secret: write Key.from_pem(...)")
    if _is_jwk(text):
        raise ValueError("this is a JWK, not a secret: write Key.from_jwk(json.loads(...))")
    if _is_der(secret) or _is_der(_unarmored(text)):
        raise ValueError("this is a key in DER form, not a secret: convert it to PEM and write Key.from_pem(...)")
    if text == _TUTORIAL:
        raise ValueError(f"this secret is the one of FastAPI's tutorial, which everybody knows: {_MAKE_ONE}")
    least = SECRET_BYTES[algorithm]
    if len(secret) < least:
        raise ValueError(
            f"a secret for {algorithm} has at least {least} bytes, this one has {len(secret)}: {_MAKE_ONE}"
        )


def _is_jwk(text: bytes) -> bool:
    if not text.startswith((b"{", b"[")):
        return False
    with suppress(ValueError, RecursionError):
        value = json.loads(text)
        return isinstance(value, list) or "kty" in value or "keys" in value
    return False


def _unarmored(text: bytes) -> bytes:
    """Give what the text of a PEM file stands for without its first and last line."""
    with suppress(ValueError):
        return b64decode(b"".join(text.split()), validate=True)
    return b""


def _is_der(data: bytes) -> bool:
    # Every key in DER is an ASN.1 sequence; all else is not worth a try.
    if not data.startswith(b"\x30"):
        return False
    loaders: tuple[Callable[[bytes], object], ...] = (
        load_der_public_key,
        load_der_x509_certificate,
        lambda each: load_der_private_key(each, password=None),
    )
    for load in loaders:
        try:
            load(data)
        except ValueError:
            continue
        except (TypeError, UnsupportedAlgorithm):  # it is one: encrypted, or of a kind that is not known here
            return True
        return True
    return False
