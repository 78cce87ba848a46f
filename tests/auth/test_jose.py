"""The codec signs what it is given, with the key that signs, and reads what any of its keys has signed."""

import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from jose import jwt  # type: ignore[import-untyped]
from jose.constants import ALGORITHMS as THEIRS  # type: ignore[import-untyped]

from brickwork.auth import InvalidTokenError
from brickwork.auth.jose import Algorithm, JoseCodec, Key, Keys
from tests.auth.hostile import header_of, signed
from tests.auth.keyring import ALGORITHMS, EC, key, pem, public_pem


def header(token: str) -> dict[str, Any]:
    """Read what a token says of itself."""
    segment = token.partition(".")[0]
    members: dict[str, Any] = json.loads(urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    return members


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_claims_come_back(algorithm: Algorithm) -> None:
    """What was signed is read, by the same keys and for the same purpose."""
    codec = JoseCodec(Keys(key(algorithm)))
    said = {"sub": "Ada \N{BRICK}", "own": [1, 2.5, None, {"a": True}]}

    token = codec.encode(said, type="at+jwt")

    assert codec.decode(token, type="at+jwt") == said
    assert codec.decode(codec.encode(said, type="at+jwt"), type="at+jwt") == said


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_header_says_three_things(algorithm: Algorithm) -> None:
    """The algorithm, what the token is for, and which key signed it."""
    token = JoseCodec(Keys(key(algorithm))).encode({}, type="reset+jwt")

    assert header(token) == {"alg": algorithm, "typ": "reset+jwt", "kid": f"first-{algorithm}"}


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"])
def test_a_purpose_may_be_spelled_as_a_media_type(typ: str) -> None:
    """Upper and lower case are the same, and "application/" may stand in front."""
    token = signed(key("ES256"), header_of(key("ES256"), typ=typ), {"sub": "ada"})

    assert JoseCodec(Keys(key("ES256"))).decode(token, type="at+jwt") == {"sub": "ada"}


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512", "RS256", "ES256"])
def test_others_read_our_tokens(algorithm: Algorithm) -> None:
    """A token is one by the standard: another library verifies it with the same key."""
    token = JoseCodec(Keys(key(algorithm))).encode({"sub": "ada"}, type="at+jwt")
    material: Any = key(algorithm)._material
    theirs = material if isinstance(material, bytes) else public_pem(material)

    assert jwt.decode(token, theirs, algorithms=[algorithm]) == {"sub": "ada"}


@pytest.mark.promise("auth-18")
def test_former_keys_are_read() -> None:
    """After a change of keys, tokens of both are accepted, and new ones come from the new one."""
    keys = Keys(key("HS256"))
    codec = JoseCodec(keys)
    before = codec.encode({"sub": "ada"}, type="at+jwt")
    version = codec.version

    keys.rotate(key("ES256"), verify_for=900)

    after = codec.encode({"sub": "ada"}, type="at+jwt")
    assert [header(each)["alg"] for each in (before, after)] == ["HS256", "ES256"]
    assert codec.decode(before, type="at+jwt") == codec.decode(after, type="at+jwt")
    assert codec.version > version


def test_who_only_verifies_signs_nothing() -> None:
    """With a public key alone, tokens are read; to sign one is refused with what to write."""
    token = JoseCodec(Keys(Key.from_pem(pem(EC)))).encode({"sub": "ada"}, type="at+jwt")
    codec = JoseCodec(Keys(None, Key.from_pem(public_pem(EC))))

    assert codec.decode(token, type="at+jwt") == {"sub": "ada"}
    with pytest.raises(ValueError, match="there is no key to sign with"):
        codec.encode({}, type="at+jwt")


@pytest.mark.promise("auth-14")
def test_what_would_be_refused_is_not_signed() -> None:
    """A token that is too long, or claims that JSON cannot say, are found when it is made."""
    codec = JoseCodec(Keys(key("HS256")))

    with pytest.raises(ValueError, match="holds 8192 characters at most, not 8"):
        codec.encode({"own": "x" * 6100}, type="at+jwt")
    with pytest.raises(ValueError, match="JSON"):
        codec.encode({"own": float("nan")}, type="at+jwt")
    with pytest.raises(TypeError, match="not JSON serializable"):
        codec.encode({"own": {1, 2}}, type="at+jwt")


@pytest.mark.promise("auth-13")
def test_claims_are_not_read_before_the_signature() -> None:
    """A payload that is no JSON is refused for its signature, as any other."""
    codec = JoseCodec(Keys(key("HS256")))
    head, _, signature = codec.encode({}, type="at+jwt").split(".")

    with pytest.raises(InvalidTokenError) as refused:
        codec.decode(f"{head}.AAAA.{signature}", type="at+jwt")

    assert refused.value.__cause__ is None


@pytest.mark.promise("auth-21")
def test_the_library_below_is_left_as_it_was() -> None:
    """The algorithms that python-jose lacks are not registered with it: other users in the process notice nothing."""
    assert THEIRS.KEYS == {}
    assert not {"EdDSA", "PS256"} & THEIRS.SUPPORTED
