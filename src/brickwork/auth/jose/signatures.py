"""Keys prepared once for the one algorithm that they are used with."""

from collections.abc import Callable
from typing import Any, Protocol

from ..._core.extras import extra
from .material import Material

with extra("auth"):
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
    from cryptography.hazmat.primitives.hmac import HMAC
    from jose import jwk  # type: ignore[import-untyped]

_SHA256 = SHA256()
_DIGESTS: dict[str, HashAlgorithm] = {"HS256": _SHA256, "HS384": SHA384(), "HS512": SHA512()}
# RFC 7518, section 3.5: the salt is as long as the hash.
_PSS = PSS(mgf=MGF1(_SHA256), salt_length=_SHA256.digest_size)
_construct: Callable[[Any, str], Any] = jwk.construct


class Signer(Protocol):
    """Signs with a key of its own."""

    def sign(self, message: bytes, /) -> bytes:
        """Give the signature of a message."""
        ...


class Checker(Protocol):
    """Checks signatures with a key of its own."""

    def verify(self, message: bytes, signature: bytes, /) -> bool:
        """Tell whether a signature is right."""
        ...


def prepare(material: Material, algorithm: str) -> tuple[Signer | None, Checker]:
    """Give what signs, where the material can, and what checks.

    Here is nothing to refuse: `brickwork.auth.jose.material.check` has seen to it that the two go together.
    """
    if isinstance(material, bytes):
        return _construct(material, algorithm), _SecretChecker(material, algorithm)
    if isinstance(material, Ed25519PublicKey):
        return None, _Ed25519Checker(material)
    if isinstance(material, Ed25519PrivateKey):
        return material, _Ed25519Checker(material.public_key())
    if algorithm == "PS256" and isinstance(material, RSAPublicKey):
        return None, _PS256Checker(material)
    if algorithm == "PS256" and isinstance(material, RSAPrivateKey):
        return _PS256Signer(material), _PS256Checker(material.public_key())
    key = _construct(material, algorithm)
    # python-jose warns when a private key is to check signatures.
    return (None, key) if key.is_public() else (key, key.public_key())


class _SecretChecker:
    """HMAC with the secret worked in once, where python-jose does it anew for every token."""

    def __init__(self, secret: bytes, algorithm: str) -> None:
        self._prepared = HMAC(secret, _DIGESTS[algorithm])

    def verify(self, message: bytes, signature: bytes, /) -> bool:
        mac = self._prepared.copy()
        mac.update(message)
        try:
            mac.verify(signature)
        except InvalidSignature:
            return False
        return True


class _PS256Signer:
    """RSASSA-PSS, which python-jose does not have."""

    def __init__(self, key: RSAPrivateKey) -> None:
        self._key = key

    def sign(self, message: bytes, /) -> bytes:
        return self._key.sign(message, _PSS, _SHA256)


class _PS256Checker:
    def __init__(self, key: RSAPublicKey) -> None:
        self._key = key

    def verify(self, message: bytes, signature: bytes, /) -> bool:
        try:
            self._key.verify(signature, message, _PSS, _SHA256)
        except InvalidSignature:
            return False
        return True


class _Ed25519Checker:
    """EdDSA, which python-jose does not have either."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key

    def verify(self, message: bytes, signature: bytes, /) -> bool:
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True
