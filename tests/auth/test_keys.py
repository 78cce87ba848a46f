"""Keys follow one another without a restart, and show the world no more than it may see."""

from datetime import UTC, datetime
from typing import Any

import pytest

from brickwork.auth.jose import Algorithm, Key, Keys
from brickwork.testing import ManualClock
from tests.auth.keyring import ALGORITHMS, EC, RSA, key, public_pem


@pytest.mark.promise("auth-3")
def test_two_algorithms_take_two_ids() -> None:
    """One RSA key under one ID serves one algorithm; under a second ID it may serve another."""
    with pytest.raises(ValueError, match="give kid= where one serves two algorithms"):
        Keys(Key(RSA, "RS256"), Key(RSA, "PS256"))

    assert Keys(Key(RSA, "RS256"), Key(RSA, "PS256", kid="pss")).find("pss") is not None


def test_there_is_a_key() -> None:
    """No key at all, or something that is none, is found when the application starts."""
    text: Any = "x" * 32

    with pytest.raises(ValueError, match="there is no key to verify with"):
        Keys(None)
    with pytest.raises(ValueError, match="there is no secret"):
        Keys.from_secret([])
    with pytest.raises(TypeError, match=r"keys are made by Key\.from_secret"):
        Keys(text)


def test_the_first_secret_signs_and_all_verify() -> None:
    """For a new secret, put it in front of the old one."""
    keys = Keys.from_secret(["n" * 32, "o" * 32])

    assert keys.signing is keys.find(Key.from_secret("n" * 32).kid)
    assert keys.find(Key.from_secret("o" * 32).kid) is not None
    assert keys.find(Keys.from_secret("x" * 32).signing.kid) is None  # type: ignore[union-attr]


@pytest.mark.promise("auth-17")
def test_the_world_sees_public_members_only() -> None:
    """A set of public keys holds every one that verifies, nothing private, and no secret in any form."""
    clock = ManualClock()
    keys = Keys(*(key(name) for name in ALGORITHMS), clock=clock)

    shown = keys.jwks()["keys"]

    assert [each["alg"] for each in shown] == ["RS256", "PS256", "ES256", "EdDSA"]
    assert set().union(*shown) == {"kty", "use", "alg", "kid", "n", "e", "crv", "x", "y"}


@pytest.mark.promise("auth-18")
def test_a_new_key_signs_at_once_and_the_old_one_verifies_until_it_retires() -> None:
    """Nothing has to be restarted, and to the second of its retirement the old key is known."""
    clock = ManualClock()
    old, new = Key.generate("ES256"), Key.generate("EdDSA")
    keys = Keys(old, clock=clock)
    before = keys.version

    keys.rotate(new, verify_for=900)

    assert keys.signing is new
    assert keys.version > before
    assert [each["kid"] for each in keys.jwks()["keys"]] == [new.kid, old.kid]
    clock.advance(899)
    assert keys.find(old.kid) is not None
    version = keys.version
    clock.advance(1)
    assert keys.find(old.kid) is None
    assert keys.version > version
    assert [each["kid"] for each in keys.jwks()["keys"]] == [new.kid]


@pytest.mark.promise("auth-18")
@pytest.mark.parametrize("algorithm", ["HS256", "ES256"])
def test_a_key_that_was_announced_follows(algorithm: Algorithm) -> None:
    """Whoever verifies the next key already may sign with it later, the same object or one read anew."""
    old, new = Key.generate(algorithm), Key.generate(algorithm)
    keys = Keys(old, new)

    keys.rotate(Key(new._material, algorithm, new.kid), verify_for=60)

    assert keys.signing is not None
    assert keys.signing.matches(new)
    assert len(keys.derive(b"purpose")) == 2


@pytest.mark.promise("auth-18")
def test_retirement_can_be_written_down() -> None:
    """A key that was replaced by a deployment ends at the instant that the settings say."""
    clock = ManualClock()
    old = key("HS256", "old")

    keys = Keys(key("HS256"), old.retiring(datetime.fromtimestamp(clock.time() + 60, UTC)), clock=clock)

    assert keys.find(old.kid) is not None
    clock.advance(60)
    assert keys.find(old.kid) is None


def test_a_rotation_that_makes_no_sense_is_refused() -> None:
    """Public or retiring keys sign nothing, IDs are not taken over, and time does not run backwards."""
    keys = Keys(key("HS256"))
    retiring = key("HS512").retiring(datetime(2030, 1, 1, tzinfo=UTC))

    for new, verify_for, advice in (
        (Key.from_pem(public_pem(EC)), 60, "a public key cannot sign"),
        (retiring, 60, "a key that retires cannot sign"),
        (Key.generate("HS256", kid=key("HS256").kid), 60, "two keys have the same kid"),
        (key("HS512"), -1, "verify_for=-1 makes no sense"),
        (key("HS512"), float("inf"), "verify_for=inf makes no sense"),
    ):
        with pytest.raises(ValueError, match=advice):
            keys.rotate(new, verify_for=verify_for)
    assert keys.signing is key("HS256")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_secrets_are_derived_for_a_purpose(algorithm: Algorithm) -> None:
    """32 bytes for each key that signs, the current one's first: others for each purpose, the same in every process."""
    keys = Keys(key(algorithm), key(algorithm, "second"))

    derived = keys.derive(b"csrf")

    assert [len(each) for each in derived] == [32, 32]
    assert derived == Keys(key(algorithm), key(algorithm, "second")).derive(b"csrf")
    assert len({*derived, *keys.derive(b"refresh")}) == 4


def test_nothing_secret_is_derived_from_what_is_public() -> None:
    """Everybody could derive the same."""
    with pytest.raises(ValueError, match="public keys hold no secret"):
        Keys(None, Key.from_pem(public_pem(RSA))).derive(b"csrf")
    with pytest.raises(ValueError, match="a public key holds no secret"):
        Key.from_pem(public_pem(RSA)).derive(b"csrf")
