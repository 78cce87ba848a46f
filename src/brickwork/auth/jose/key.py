"""`Key`: what tokens are signed and verified with, and the one algorithm for it."""

import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Self

from ..._core.extras import extra
from . import jwk
from .material import SECRET_BYTES, Algorithm, Material, PrivateKey, PublicKey, algorithms_for, check
from .signatures import prepare

with extra("auth"):
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

_KID = re.compile(r"[A-Za-z0-9._~:/@+=-]{1,128}")


class Key:
    """A key and the one algorithm that it is used with.

    Made by `from_secret`, `from_pem`, `from_jwk` or `generate`; its parts appear in no repr.

    Args:
        material: A secret of bytes, or a key object of `cryptography`.
        algorithm: What it is used with; None for the usual one of its kind.
        kid: Its ID in the header of tokens; None to name it after what it is, so that every process finds the same.
        retire_at: When it stops to verify; None for never.

    Raises:
        ValueError: The key is too weak, or the algorithm is none of ours, or of another kind of key.

    Reference: RFC 7518, section 3; RFC 8725, sections 3.1 and 3.5; RFC 7638.
    """

    def __init__(
        self,
        material: Material,
        algorithm: Algorithm | None = None,
        kid: str | None = None,
        *,
        retire_at: datetime | None = None,
    ) -> None:
        self.algorithm: Algorithm = algorithm or algorithms_for(material)[0]
        check(material, self.algorithm)
        if retire_at is not None and retire_at.tzinfo is None:
            raise ValueError("retire_at needs a time zone: write datetime(…, tzinfo=UTC)")
        self.retire_at = retire_at
        self._material = material
        self._signer, self._checker = prepare(material, self.algorithm)
        self._public = None if isinstance(material, bytes) else jwk.show(_public(material))
        self._derived: dict[bytes, bytes] = {}
        self.kid: str = self._name() if kid is None else _checked_kid(kid)

    @classmethod
    def from_secret(cls, secret: str | bytes, algorithm: Algorithm = "HS256", kid: str | None = None) -> Self:
        """Make a key of a secret that whoever verifies has to know too.

        Args:
            secret: At least 32 bytes for HS256, 48 for HS384, 64 for HS512; ``secrets.token_urlsafe(64)`` makes one.
            algorithm: HS256, HS384 or HS512.
            kid: Its ID; None to name it by a keyed digest, which does not tell the secret.

        Raises:
            ValueError: The secret is too short, or is a key of another kind.
            TypeError: It is no text and no bytes.
        """
        if not isinstance(secret, str | bytes):  # pyright: ignore[reportUnnecessaryIsInstance] - settings give None
            raise TypeError(f"a secret is a text or bytes, got {type(secret).__name__}")
        return cls(secret.encode() if isinstance(secret, str) else bytes(secret), algorithm, kid)

    @classmethod
    def from_pem(
        cls,
        pem: str | bytes,
        algorithm: Algorithm | None = None,
        kid: str | None = None,
        *,
        password: str | bytes | None = None,
    ) -> Self:
        """Read a key from PEM: a private one signs and verifies, a public one only verifies.

        Args:
            pem: The text, not the name of a file.
            algorithm: None for RS256, ES256 or EdDSA, whichever the key is made for.
            kid: Its ID; None for its thumbprint.
            password: What a private key is encrypted with.

        Raises:
            ValueError: This is no key, or one that is too weak, or the password is missing or wrong.
        """
        data = pem.encode() if isinstance(pem, str) else pem
        if b"-----BEGIN" not in data:
            raise ValueError("this is no PEM: pass the text of the file, which begins with -----BEGIN")
        if b"PRIVATE KEY-----" not in data:
            return cls(_loaded(load_pem_public_key, data), algorithm, kid)
        secret = password.encode() if isinstance(password, str) else password
        return cls(_loaded(lambda text: load_pem_private_key(text, secret), data), algorithm, kid)

    @classmethod
    def from_jwk(cls, mapping: Mapping[str, Any], kid: str | None = None) -> Self:
        """Read a key from a JWK; its ``alg`` and ``kid`` hold where it has them.

        Raises:
            ValueError: This is no key that could be used, or one that is too weak.

        Reference: RFC 7517, section 4.
        """
        return cls(jwk.read(mapping), mapping.get("alg"), kid or mapping.get("kid"))

    @classmethod
    def generate(cls, algorithm: Algorithm, kid: str | None = None) -> Self:
        """Make a new key, which lives as long as the process: for tests, and for trying things out.

        Raises:
            ValueError: The algorithm is none of ours.
        """
        if algorithm in SECRET_BYTES:
            return cls(secrets.token_bytes(SECRET_BYTES[algorithm]), algorithm, kid)
        if algorithm in ("RS256", "PS256"):
            return cls(generate_rsa_key(public_exponent=65537, key_size=2048), algorithm, kid)
        return cls(
            generate_private_key(SECP256R1()) if algorithm == "ES256" else Ed25519PrivateKey.generate(), algorithm, kid
        )

    @property
    def signs(self) -> bool:
        """Whether it can sign; a public key can only verify."""
        return self._signer is not None

    def retiring(self, at: datetime) -> Self:
        """Give the same key, which verifies until an instant: for the day a new one takes its place.

        Args:
            at: When it stops, with a time zone; the lifetime of the longest-lived tokens after the last was signed.
        """
        return type(self)(self._material, self.algorithm, self.kid, retire_at=at)

    def public_jwk(self) -> dict[str, str] | None:
        """Give what the world may know of the key; None for a secret, of which it may know nothing."""
        if self._public is None:
            return None
        return {**self._public, "use": "sig", "alg": self.algorithm, "kid": self.kid}

    def matches(self, other: "Key") -> bool:
        """Tell whether what one signs the other verifies: the same key under the same ID, or the two halves of one."""
        shown = self.public_jwk()
        if shown is not None:
            return shown == other.public_jwk()
        named = (self.kid, self.algorithm) == (other.kid, other.algorithm)
        return named and self.derive(b"identity") == other.derive(b"identity")

    def sign(self, message: bytes) -> bytes:
        """Give the signature of a message.

        Raises:
            ValueError: The key is public.
        """
        if self._signer is None:
            raise ValueError("a public key cannot sign")
        return self._signer.sign(message)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Tell whether a signature is right."""
        return self._checker.verify(message, signature)

    def derive(self, purpose: bytes) -> bytes:
        """Give 32 bytes that depend on the key and the purpose, and tell of neither.

        Raises:
            ValueError: The key is public, so that everybody could derive the same.

        Reference: RFC 5869.
        """
        if purpose not in self._derived:
            hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"brickwork.auth " + purpose)
            self._derived[purpose] = hkdf.derive(_secret_part(self._material))
        return self._derived[purpose]

    def _name(self) -> str:
        if self._public is not None:
            return jwk.thumbprint(self._public)
        return self.derive(b"kid " + self.algorithm.encode())[:12].hex()

    def __repr__(self) -> str:
        return f"<Key {self.kid} for {self.algorithm}>"


def _checked_kid(kid: str) -> str:
    if type(kid) is not str or not _KID.fullmatch(kid):
        raise ValueError(f"kid={kid!r} goes into headers and logs: use 1 to 128 letters, digits and .-_~:/@+=")
    return kid


def _loaded(load: Callable[[bytes], Any], pem: bytes) -> Any:
    try:
        return load(pem)
    except TypeError as error:
        raise ValueError("the key is encrypted, or is not: pass password= where it is, and only there") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("this PEM holds no key that can be read, or the password is wrong") from error


def _public(key: PrivateKey | PublicKey) -> PublicKey:
    return key.public_key() if isinstance(key, PrivateKey) else key


def _secret_part(material: Material) -> bytes:
    """Give what nobody else knows, in a form that does not depend on how the key was written down."""
    if isinstance(material, bytes):
        return material
    if isinstance(material, Ed25519PrivateKey):
        return material.private_bytes_raw()
    if isinstance(material, EllipticCurvePrivateKey):
        return material.private_numbers().private_value.to_bytes(32)
    if isinstance(material, RSAPrivateKey):
        numbers = material.private_numbers()
        return min(numbers.p, numbers.q).to_bytes(material.key_size // 8)
    raise ValueError("a public key holds no secret to derive another from")
