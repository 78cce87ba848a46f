"""A key is strong, is used with one algorithm, and tells nobody what it is made of."""

import json
from base64 import b64encode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from brickwork.auth.jose import Algorithm, Key, Keys
from tests.auth.keyring import ALGORITHMS, EC, ED, RSA, key, number_segment, pem, public_pem


@pytest.mark.promise("auth-4")
@pytest.mark.parametrize(("algorithm", "least"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_a_secret_is_as_long_as_its_hash(algorithm: Algorithm, least: int) -> None:
    """One byte less is refused, and the message says how to make a good one."""
    with pytest.raises(ValueError, match=rf"at least {least} bytes, this one has {least - 1}: .*token_urlsafe"):
        Key.from_secret("x" * (least - 1), algorithm)

    assert Key.from_secret("x" * least, algorithm).algorithm == algorithm


@pytest.mark.promise("auth-4")
def test_bytes_are_counted_not_characters() -> None:
    """A secret of letters beyond ASCII has as many bytes as UTF-8 needs."""
    assert Key.from_secret("\u00e9" * 16).signs


_NO_SECRETS = {
    "private PEM": (pem(RSA), "Key.from_pem"),
    "public PEM": (b"\n" + public_pem(EC), "Key.from_pem"),
    "PEM in base64": (b64encode(pem(EC)), "Key.from_pem"),
    "PKCS #1": (RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1), "Key.from_pem"),
    "SSH of RSA": (RSA.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH), "Key.from_pem"),
    "SSH of P-256": (EC.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH), "Key.from_pem"),
    "DER": (RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), "DER form"),
    "PKCS #1 in DER": (RSA.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1), "DER form"),
    "private DER": (EC.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()), "DER form"),
    "locked DER": (EC.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")), "DER form"),
    "PEM without armor": (b"".join(public_pem(ED).splitlines()[1:-1]), "DER form"),
    "PEM of lines without armor": (b"\n".join(public_pem(RSA).splitlines()[1:-1]), "DER form"),
    "JWK": (json.dumps(Key(EC).public_jwk()).encode(), "Key.from_jwk"),
    "JWK set": (json.dumps({"keys": [Key(RSA).public_jwk()]}, indent=2).encode(), "Key.from_jwk"),
    "list of JWK": (json.dumps([Key(RSA).public_jwk()]).encode(), "Key.from_jwk"),
    "tutorial": (b"09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7\n", "of FastAPI's tutorial"),
}


@pytest.mark.promise("auth-4")
@pytest.mark.parametrize(("secret", "advice"), _NO_SECRETS.values(), ids=_NO_SECRETS)
def test_what_is_no_secret_is_refused_as_one(secret: bytes, advice: str) -> None:
    """A key that others can read, in whatever form, would let them sign; the message says what to write instead."""
    with pytest.raises(ValueError, match=advice):
        Key.from_secret(secret)


@pytest.mark.parametrize(
    "secret", [b"\x30" + b"x" * 63, b"\x30\x3e" + b"\0" * 62, b"{" * 64, b'{"a": 1}' + b" " * 60, b"[" + b"0" * 63]
)
def test_a_secret_may_begin_like_a_key(secret: bytes) -> None:
    """Random bytes that only look like the beginning of a key are a secret like any other."""
    assert Key.from_secret(secret).signs


def test_a_secret_is_text_or_bytes() -> None:
    """A setting that is not set is found when the application starts."""
    nothing: Any = None

    with pytest.raises(TypeError, match="a secret is a text or bytes, got NoneType"):
        Key.from_secret(nothing)


@pytest.mark.promise("auth-4")
def test_a_short_rsa_key_is_refused() -> None:
    """Below 2048 bits, whether it is to sign or to verify."""
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)

    for text in (pem(weak), public_pem(weak)):
        with pytest.raises(ValueError, match=r"1024 bits is too weak: .*rsa_keygen_bits:2048"):
            Key.from_pem(text)


@pytest.mark.promise("auth-4")
@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP521R1(), ec.SECP256K1()])
def test_another_curve_is_refused(curve: ec.EllipticCurve) -> None:
    """ES256 is made for P-256; the message says how to make such a key."""
    with pytest.raises(ValueError, match=f"curve {curve.name} cannot be used.*ec_paramgen_curve:P-256"):
        Key.from_pem(pem(ec.generate_private_key(curve)))


@pytest.mark.parametrize("private", [ed448.Ed448PrivateKey.generate(), x25519.X25519PrivateKey.generate()])
def test_another_kind_of_key_is_refused(private: Any) -> None:
    """Keys of which no algorithm here makes use are named as such."""
    with pytest.raises(ValueError, match="take an RSA key, one on P-256, or one of Ed25519"):
        Key.from_pem(pem(private))


@pytest.mark.promise("auth-3")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(
    ("material", "kind", "fitting"),
    [
        (b"x" * 64, "a secret", ("HS256", "HS384", "HS512")),
        (RSA, "an RSA key", ("RS256", "PS256")),
        (EC.public_key(), "a key on P-256", ("ES256",)),
        (ED, "a key of Ed25519", ("EdDSA",)),
    ],
)
def test_a_key_is_used_as_it_is_meant(material: Any, kind: str, fitting: tuple[str, ...], algorithm: Algorithm) -> None:
    """No key serves an algorithm of another kind; the message names the right one."""
    try:
        outcome: str = Key(material, algorithm).algorithm
    except ValueError as error:
        outcome = str(error)

    refusal = f"{kind} cannot be used with {algorithm}: write algorithm={fitting[0]!r}"
    assert outcome == (algorithm if algorithm in fitting else refusal)


@pytest.mark.parametrize("algorithm", ["none", "RS512", "hs256", "ES384"])
def test_an_unknown_algorithm_is_refused(algorithm: Any) -> None:
    """The message lists what there is."""
    with pytest.raises(ValueError, match="use one of HS256, HS384, HS512, RS256, PS256, ES256, EdDSA"):
        Key.from_secret("x" * 64, algorithm)


_KINDS: dict[Algorithm, Any] = {"RS256": RSA, "PS256": RSA, "ES256": EC, "EdDSA": ED}


@pytest.mark.parametrize("algorithm", _KINDS)
def test_keys_are_read_from_pem(algorithm: Algorithm) -> None:
    """The private half signs, the public half verifies, and both have the same ID."""
    private = Key.from_pem(pem(_KINDS[algorithm]), algorithm)
    public = Key.from_pem(public_pem(_KINDS[algorithm]).decode(), algorithm)

    assert (private.signs, public.signs) == (True, False)
    assert private.kid == public.kid
    assert public.verify(b"message", private.sign(b"message"))
    assert not public.verify(b"another", private.sign(b"message"))


def test_a_key_knows_its_usual_algorithm() -> None:
    """Without a word it is RS256, ES256 or EdDSA."""
    assert [Key.from_pem(pem(each)).algorithm for each in (RSA, EC, ED)] == ["RS256", "ES256", "EdDSA"]


def test_an_encrypted_key_needs_its_password() -> None:
    """With it the key is read; without it, with a wrong one, or with one too many, the message says so."""
    locked = pem(EC, b"open sesame")

    assert Key.from_pem(locked, password="open sesame").signs
    assert Key.from_pem(locked, password=b"open sesame").signs
    for text, password in ((locked, None), (locked, "wrong"), (pem(EC), "needless")):
        with pytest.raises(ValueError, match="password"):
            Key.from_pem(text, password=password)


@pytest.mark.parametrize(
    "text", ["keys/private.pem", b"", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"]
)
def test_what_is_no_pem_is_refused(text: str | bytes) -> None:
    """The name of a file, or a text that holds no key."""
    with pytest.raises(ValueError, match="PEM"):
        Key.from_pem(text)


def test_a_public_key_cannot_sign() -> None:
    """It refuses, as a key and as the first of several."""
    public = Key.from_pem(public_pem(EC))

    with pytest.raises(ValueError, match="a public key cannot sign"):
        public.sign(b"message")
    with pytest.raises(ValueError, match=r"Keys\(None, key\)"):
        Keys(public)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_keys_are_made(algorithm: Algorithm) -> None:
    """For every algorithm, with an ID of its own."""
    made = Key.generate(algorithm)

    assert (made.algorithm, made.signs) == (algorithm, True)
    assert made.verify(b"message", made.sign(b"message"))
    assert made.kid != key(algorithm).kid


def test_a_key_that_cannot_be_made_is_refused() -> None:
    """For an algorithm that is none, nothing is made."""
    algorithm: Any = "none"

    with pytest.raises(ValueError, match="is none of ours"):
        Key.generate(algorithm)


@pytest.mark.promise("auth-23")
def test_the_id_of_a_secret_tells_nothing_of_it() -> None:
    """Every process finds the same ID; it is no plain hash, and differs from one algorithm to the next."""
    first, again, other = (Key.from_secret("x" * 64, name) for name in ("HS256", "HS256", "HS512"))

    assert first.kid == again.kid != other.kid
    assert len(first.kid) == 24


def test_the_id_of_a_public_key_is_its_thumbprint() -> None:
    """The name that everybody finds; the key and its name are those of RFC 7638, section 3.1."""
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs"
        "tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajr"
        "n1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )

    named = Key.from_jwk({"kty": "RSA", "n": modulus, "e": "AQAB"})

    assert named.kid == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize("kid", ["", " ", "a b", "a\r\nb", 'a"', "k" * 129, "\u00e9"])
def test_an_id_of_your_own_is_plain(kid: str) -> None:
    """It goes into headers and logs."""
    with pytest.raises(ValueError, match="goes into headers and logs"):
        Key.from_secret("x" * 32, kid=kid)


@pytest.mark.promise("auth-22")
def test_keys_hide_what_they_are_made_of() -> None:
    """Neither a key nor many show their secret where they are printed."""
    secret = Key.from_secret("correct horse battery staple, twice over", kid="today")

    shown = f"{secret!r} {secret} {Keys(secret)!r}"

    assert shown == "<Key today for HS256> <Key today for HS256> <Keys today>"


def test_a_retirement_needs_a_time_zone() -> None:
    """Without one nobody knows when it is."""
    with pytest.raises(ValueError, match="tzinfo=UTC"):
        key("HS256").retiring(datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_key_that_retires_is_the_same_key() -> None:
    """It verifies what it signed, under its ID."""
    at = datetime(2026, 1, 1, tzinfo=UTC)

    retiring = key("ES256").retiring(at)

    assert (retiring.retire_at, retiring.kid) == (at, key("ES256").kid)
    assert retiring.matches(key("ES256"))


def test_keys_read_from_jwk_are_those_that_were_written() -> None:
    """The private members of each kind are understood, with and without the primes of RSA."""
    numbers = RSA.private_numbers()
    rsa_members = {
        "kty": "RSA",
        "n": number_segment(numbers.public_numbers.n),
        "e": "AQAB",
        "d": number_segment(numbers.d),
    }
    primes = {"p": number_segment(numbers.p), "q": number_segment(numbers.q)}
    point = EC.private_numbers()
    ec_members = {
        **(Key(EC).public_jwk() or {}),
        "d": urlsafe_b64encode(point.private_value.to_bytes(32)).rstrip(b"=").decode(),
    }
    ed_members = {**(Key(ED).public_jwk() or {}), "d": urlsafe_b64encode(ED.private_bytes_raw()).rstrip(b"=").decode()}

    read = [Key.from_jwk(each) for each in (rsa_members, {**rsa_members, **primes}, ec_members, ed_members)]

    assert [each.signs for each in read] == [True] * 4
    materials: list[Any] = [RSA, RSA, EC, ED]
    for each, private in zip(read, materials, strict=True):
        assert each.public_jwk() == Key(private).public_jwk()
        assert each.derive(b"same") == Key(private).derive(b"same")
        assert Key.from_jwk(each.public_jwk() or {}).verify(b"message", each.sign(b"message"))


def test_a_secret_is_read_from_jwk() -> None:
    """Its algorithm and ID are taken from there, and the ID may be replaced."""
    jwk = {"kty": "oct", "k": "eHh4" * 22, "alg": "HS512", "kid": "theirs"}

    assert repr(Key.from_jwk(jwk)) == "<Key theirs for HS512>"
    assert Key.from_jwk(jwk, kid="ours").kid == "ours"


_PUBLIC: dict[str, Any] = Key(EC).public_jwk() or {}
_OTHER = number_segment(ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value)
_ED_PUBLIC: dict[str, Any] = Key(ED).public_jwk() or {}


@pytest.mark.parametrize(
    "jwk",
    [
        {}, {"kty": "oct"}, {"kty": "oct", "k": ""}, {"kty": "oct", "k": 5}, {"kty": "oct", "k": "a+b/" * 16},
        {"kty": "oct", "k": "A" * 85}, {"kty": "oct", "k": "AAAA"}, {"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"},
        {"kty": "OKP", "crv": "X25519", "x": "AA"}, {"kty": "OKP", "crv": "Ed25519", "x": "AA"},
        {"kty": "RSA", "n": "AQAB"}, {**_PUBLIC, "use": "enc"}, {**_PUBLIC, "alg": "RS256"}, {**_PUBLIC, "kid": 1},
        {**_PUBLIC, "y": _PUBLIC["x"]}, {**_PUBLIC, "d": _OTHER}, {**_ED_PUBLIC, "d": "A" * 43},
        {**_PUBLIC, "alg": ["ES256"]},
    ],
)  # fmt: skip
def test_a_jwk_that_makes_no_key_is_refused(jwk: dict[str, Any]) -> None:
    """Missing, foreign, contradictory or misspelt members end in a sentence, not in another error."""
    with pytest.raises(ValueError, match=r"\w"):
        Key.from_jwk(jwk)
