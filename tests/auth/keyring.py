"""Keys for tests, made once, and tokens that are as good as ours."""

from base64 import urlsafe_b64encode
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from brickwork.auth._rules.claims import build
from brickwork.auth._service.verifier import Verifier
from brickwork.auth.jose import Algorithm, JoseCodec, Key, Keys
from brickwork.testing import ManualClock

ALGORITHMS: tuple[Algorithm, ...] = ("HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "EdDSA")
ISSUER = "https://issuer.example"
AUDIENCE = "https://api.example"
# Keys of `cryptography`, for those who bring their own.
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def pem(private: Any, password: bytes | None = None) -> bytes:
    """Write a private key as OpenSSL does."""
    encryption = NoEncryption() if password is None else BestAvailableEncryption(password)
    return bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))


def public_pem(private: Any) -> bytes:
    """Write the public half of a key as OpenSSL does."""
    return bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def number_segment(number: int) -> str:
    """Write a number as JWK does."""
    return urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8)).rstrip(b"=").decode()


@cache
def key(algorithm: Algorithm, name: str = "first") -> Key:
    """Give a key for an algorithm; the same one whenever it is asked for by the same name."""
    return Key.generate(algorithm, kid=f"{name}-{algorithm}")


def claims(now: float, **changes: Any) -> dict[str, Any]:
    """Give the claims of an access token that is good for 15 minutes; `...` takes a claim away."""
    good = build(
        issuer=ISSUER,
        audience=AUDIENCE,
        subject="user-1",
        token_id="token-1",
        now=now,
        lifetime=900,
        session_id="5e55101d",
        token_version=3,
        scopes=("orders:read", "orders:write"),
        authenticated_at=now,
    )
    return {name: value for name, value in {**good, **changes}.items() if value is not ...}


def verifier(*keys: Key, clock: ManualClock, leeway: float = 0, cache_size: int = 0) -> Verifier:
    """Give a verifier that knows some keys."""
    codec = JoseCodec(Keys(None, *keys, clock=clock))
    return Verifier(codec, issuer=ISSUER, audience=AUDIENCE, leeway=leeway, clock=clock, cache=cache_size)
