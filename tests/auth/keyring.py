"""Keys for tests, made once, and tokens that are as good as ours."""

from functools import cache
from typing import Any

from brickwork.auth._rules.claims import build
from brickwork.auth._service.verifier import Verifier
from brickwork.auth.jose import Algorithm, JoseCodec, Key, Keys
from brickwork.testing import ManualClock

ALGORITHMS: tuple[Algorithm, ...] = ("HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "EdDSA")
ISSUER = "https://issuer.example"
AUDIENCE = "https://api.example"


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
