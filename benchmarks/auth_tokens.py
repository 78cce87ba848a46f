"""What it takes to verify a token, by algorithm, and to refuse one that was made to take long."""

import json
import time
import warnings
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from typing import Any

from jose import jwt  # type: ignore[import-untyped]

from brickwork.auth import InvalidTokenError, Key, Keys
from brickwork.auth._rules.claims import build
from brickwork.auth._service.verifier import Verifier
from brickwork.auth.jose import Algorithm, JoseCodec
from brickwork.testing import ManualClock
from tests.auth import keyring
from tests.auth.hostile import b64, forge, header_of, hostile_tokens, signed

from .functions import Function, measure
from .table import Table

SECRET = "a secret of this benchmark, of far more than thirty-two bytes"
ALGORITHMS: tuple[Algorithm, ...] = ("HS256", "RS256", "ES256", "EdDSA")
CLOCK = ManualClock()
PRIVATE = {"RS256": keyring.RSA, "ES256": keyring.EC, "EdDSA": keyring.ED}


def key_of(algorithm: Algorithm) -> tuple[Key, str]:
    """Give a key, and what others verify with, as text."""
    private = PRIVATE.get(algorithm)
    if private is None:
        return Key.from_secret(SECRET), SECRET
    return Key.from_pem(keyring.pem(private)), keyring.public_pem(private).decode()


def claims() -> dict[str, Any]:
    """Give the claims of one of our access tokens."""
    now = time.time()
    return build(
        issuer=keyring.ISSUER, audience=keyring.AUDIENCE, subject="0190b5ac-7d3e-7c2a-b1f4-6a1f5b1d2e3c",
        token_id="5TzXcWm0dLkq3uE8yQnO1g", now=now, lifetime=7200, session_id="9f86d081884c7d659a2feaa0c55ad015",
        token_version=3, scopes=("orders:read", "orders:write"), authenticated_at=now,
    )  # fmt: skip


def verifier(key: Key, cache: int = 0) -> Verifier:
    """Give what verifies the tokens of a key."""
    return Verifier(JoseCodec(Keys(key)), issuer=keyring.ISSUER, audience=keyring.AUDIENCE, cache=cache)


def verify(algorithm: Algorithm, rounds: int) -> Table:
    """Measure how long a good token takes to verify."""
    key, public = key_of(algorithm)
    token = JoseCodec(Keys(key)).encode(claims(), type="at+jwt")
    signed_part, _, tail = token.rpartition(".")
    message, signature = signed_part.encode(), urlsafe_b64decode(tail + "==")
    functions = [
        *_peers(algorithm, token, public),
        Function("the signature alone", partial(key.verify, message, signature), "floor"),
        Function("ours", partial(verifier(key).verify, token)),
        Function("ours, verified_cache", partial(verifier(key, 1000).verify, token)),
    ]
    note = (
        "From the text of an access token to its claims: header, signature, JSON and every registered claim. "
        "python-jose and PyJWT are given the key as text, as their pages show it, and joserfc as an object of its own."
    )
    return measure(f"A token signed with {algorithm}", note, functions, per="token", rounds=rounds)


def _peers(algorithm: Algorithm, token: str, public: str) -> Iterator[Function]:
    expected: dict[str, Any] = {"audience": keyring.AUDIENCE, "issuer": keyring.ISSUER}
    if algorithm != "EdDSA":
        yield Function("python-jose", lambda: jwt.decode(token, public, [algorithm], **expected), "floor")
    if find_spec("jwt") is not None:
        import jwt as pyjwt

        yield Function("PyJWT", lambda: pyjwt.decode(token, public, [algorithm], **expected), "peer")
    if find_spec("joserfc") is not None:
        yield Function("joserfc", _joserfc(algorithm, token, public), "peer")


def _joserfc(algorithm: Algorithm, token: str, public: str) -> Callable[[], object]:
    from joserfc import jwk
    from joserfc import jwt as joserfc_jwt

    warnings.filterwarnings("ignore", "EdDSA is deprecated")
    kind = {"HS256": "oct", "RS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}[algorithm]
    key: Any = jwk.import_key(public, kind)
    must = {"essential": True}
    rules: Any = joserfc_jwt.JWTClaimsRegistry(
        iss={**must, "value": keyring.ISSUER}, aud={**must, "value": keyring.AUDIENCE}, exp=must
    )

    def decode() -> None:
        rules.validate(joserfc_jwt.decode(token, key, [algorithm]).claims)

    return decode


# --- tokens that nobody should accept


def hostile(rounds: int) -> Table:
    """Measure how long the worst tokens take to refuse."""
    key, _ = key_of("HS256")
    good = signed(key, header_of(key), keyring.claims(CLOCK.time()))
    functions = [
        Function("a good token", partial(keyring.verifier(key, clock=CLOCK).verify, good), "floor"),
        *(Function(name, _refusing(key, token)) for name, token in _long(key, good)),
        *(_worst(algorithm) for algorithm in ALGORITHMS),
    ]
    note = (
        "What the processor has to do for a token that is refused, made to take as long as it can. Long ones, signed "
        "with HS256 where they say so; and the one that takes longest of the hundreds for each algorithm that the "
        "tests know."
    )
    return measure("Tokens that are refused", note, functions, per="token", rounds=rounds)


def _long(key: Key, good: str) -> Iterator[tuple[str, str]]:
    head, payload, signature = good.split(".")
    said = json.dumps(keyring.claims(CLOCK.time())).encode()[:-1]
    header = json.dumps(header_of(key)).encode()
    room = 5900 - len(said) - len(header)
    yield "a million characters", good + "A" * 1_000_000
    yield "8192 dots", "." * 8192
    yield "8 kB of header", f"{'A' * 8000}.{payload}.{signature}"
    yield "700 arrays for a header", forge(b"[" * 700, b"{}", key.sign)
    yield "8 kB, wrong signature", f"{head}.{b64(said + b' ' * room + b'}')}.{signature}"
    yield "5000 arrays, signed", forge(header, said + b',"own":' + b"[" * 5000, key.sign)
    yield "550 members and one twice, signed", forge(header, _members(550) + b',"k0":0}', key.sign)
    yield "4000 digits, signed", forge(header, said + b',"own":' + b"9" * 4000 + b',"exp":1}', key.sign)
    yield "900 half characters, signed", forge(header, said + b',"own":"' + rb"\ud800" * 900 + b'"}', key.sign)
    yield "2700 scopes, signed", signed(key, header_of(key), keyring.claims(CLOCK.time(), scope="a " * 2700))


def _members(number: int) -> bytes:
    return b"{" + b",".join(b'"k%d":0' % each for each in range(number))


def _worst(algorithm: Algorithm) -> Function:
    key, _ = key_of(algorithm)
    stranger = Key.generate(algorithm)
    refusing = {name: _refusing(key, token) for name, token in hostile_tokens(key, stranger, now=CLOCK.time())}
    name = max(refusing, key=lambda each: min(_took(refusing[each]) for _ in range(3)))
    return Function(f"{algorithm}: {name}", refusing[name])


def _took(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def _refusing(key: Key, token: str) -> Callable[[], None]:
    guard = keyring.verifier(key, clock=CLOCK)

    def refuse() -> None:
        try:
            guard.verify(token)
        except InvalidTokenError:
            return
        raise AssertionError(f"{token[:80]} was accepted")

    return refuse
