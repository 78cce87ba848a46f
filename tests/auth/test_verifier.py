"""A verifier accepts what was issued for it, and remembers no more than it may."""

from typing import Any

import pytest

from brickwork.auth import InvalidTokenError
from brickwork.auth._service.verifier import Verifier
from brickwork.auth.jose import JoseCodec, Key, Keys
from brickwork.testing import ManualClock
from tests.auth.hostile import header_of, signed
from tests.auth.keyring import AUDIENCE, ISSUER, claims, key, verifier


class CountingCodec(JoseCodec):
    """Counts how often a signature had to be checked."""

    def __init__(self, keys: Keys) -> None:
        super().__init__(keys)
        self.decoded = 0

    def decode(self, token: str, *, type: str) -> dict[str, Any]:  # noqa: A002
        """Count, and decode."""
        self.decoded += 1
        return super().decode(token, type=type)


def issue(now: float, **changes: Any) -> str:
    """Sign an access token."""
    return signed(key("HS256"), header_of(key("HS256")), claims(now, **changes))


def remembering(clock: ManualClock, size: int, *more: Key) -> tuple[CountingCodec, Keys, Verifier]:
    """Give a verifier that remembers some tokens, its codec and its keys."""
    keys = Keys(key("HS256"), *more, clock=clock)
    codec = CountingCodec(keys)
    return codec, keys, Verifier(codec, issuer=ISSUER, audience=AUDIENCE, clock=clock, cache=size)


def test_claims_can_be_asked() -> None:
    """An accepted token says who it is about, in which session, and what it allows."""
    clock = ManualClock()

    read = verifier(key("HS256"), clock=clock).verify(issue(clock.time()))

    assert (read.subject, read.token_id, read.session_id) == ("user-1", "token-1", "5e55101d")
    assert (read.token_version, read.scopes) == (3, ("orders:read", "orders:write"))


@pytest.mark.promise("auth-9")
@pytest.mark.parametrize(
    ("leeway", "late", "accepted"), [(0, 0, False), (30, 29, True), (30, 30, False), (120, 119, True)]
)
def test_leeway_is_what_it_says(leeway: float, late: float, accepted: bool) -> None:
    """With it a token is accepted for so many seconds after its end, and not for one more."""
    clock = ManualClock()
    token = issue(clock.time())
    clock.advance(900 + late)

    try:
        verified = verifier(key("HS256"), clock=clock, leeway=leeway).verify(token).subject == "user-1"
    except InvalidTokenError:
        verified = False

    assert verified is accepted


@pytest.mark.promise("auth-9")
@pytest.mark.parametrize("leeway", [-1, 120.5, float("nan"), float("inf")])
def test_leeway_is_bounded(leeway: float) -> None:
    """More than two minutes is no difference of clocks."""
    with pytest.raises(ValueError, match="use 0 to 120 seconds"):
        verifier(key("HS256"), clock=ManualClock(), leeway=leeway)


@pytest.mark.parametrize(("issuer", "audience"), [("", "api"), ("api", "")])
def test_issuer_and_audience_have_names(issuer: str, audience: str) -> None:
    """An empty name would be everybody's."""
    with pytest.raises(ValueError, match="must not be empty"):
        Verifier(JoseCodec(Keys(key("HS256"))), issuer=issuer, audience=audience)


def test_the_size_of_a_cache_is_not_negative() -> None:
    """Nothing is remembered with 0."""
    with pytest.raises(ValueError, match="use 0 to remember no tokens"):
        verifier(key("HS256"), clock=ManualClock(), cache_size=-1)


def test_without_a_cache_every_signature_is_checked() -> None:
    """That is the default."""
    clock = ManualClock()
    codec, _, guard = remembering(clock, 0)
    token = issue(clock.time())

    for _ in range(3):
        guard.verify(token)

    assert codec.decoded == 3


@pytest.mark.promise("auth-19")
def test_a_remembered_token_is_checked_once() -> None:
    """As long as it is good, its signature is known."""
    clock = ManualClock()
    codec, _, guard = remembering(clock, 8)
    token = issue(clock.time())

    read = [guard.verify(token).raw for _ in range(3)]

    assert codec.decoded == 1
    assert read == [claims(clock.time())] * 3


@pytest.mark.promise("auth-19")
def test_a_remembered_token_expires_to_the_second() -> None:
    """It is refused at its end, and stays refused."""
    clock = ManualClock()
    _, _, guard = remembering(clock, 8)
    token = issue(clock.time())
    clock.advance(899)
    guard.verify(token)
    clock.advance(1)

    for _ in range(2):
        with pytest.raises(InvalidTokenError):
            guard.verify(token)


@pytest.mark.promise("auth-19")
def test_all_tokens_are_forgotten_when_keys_change() -> None:
    """Also when a key retires by the clock alone."""
    clock = ManualClock()
    former = Key.generate("HS256")
    codec, keys, guard = remembering(clock, 8, former)
    token = signed(former, header_of(former), claims(clock.time()))
    guard.verify(token)

    keys.rotate(key("HS512"), verify_for=60)
    guard.verify(token)
    guard.verify(token)

    assert codec.decoded == 2


@pytest.mark.promise("auth-19")
def test_a_remembered_token_dies_with_its_key() -> None:
    """When the key retires, so does what it signed, remembered or not."""
    clock = ManualClock()
    _, keys, guard = remembering(clock, 8)
    token = issue(clock.time())
    keys.rotate(key("HS512"), verify_for=60)
    guard.verify(token)

    clock.advance(60)

    with pytest.raises(InvalidTokenError):
        guard.verify(token)


@pytest.mark.promise("auth-19")
def test_a_token_is_remembered_for_one_purpose() -> None:
    """A token that was accepted for one thing is not known for another."""
    clock = ManualClock()
    _, _, guard = remembering(clock, 8)
    token = issue(clock.time())
    guard.verify(token)

    with pytest.raises(InvalidTokenError):
        guard.verify(token, type="reset+jwt")


@pytest.mark.promise("auth-19")
def test_the_least_recently_used_token_is_forgotten_first() -> None:
    """There are never more than were asked for."""
    clock = ManualClock()
    codec, _, guard = remembering(clock, 2)
    first, second, third = (issue(clock.time(), jti=f"token-{number}") for number in range(3))

    for token in (first, second, first, third):
        guard.verify(token)

    assert codec.decoded == 3
    guard.verify(first)
    assert codec.decoded == 3
    guard.verify(second)
    assert codec.decoded == 4


@pytest.mark.promise("auth-19")
@pytest.mark.parametrize("own", [{}, {"own": {"roles": ["customer"]}}])
def test_nobody_changes_what_is_remembered(own: dict[str, Any]) -> None:
    """Claims belong to who asked for them; writing into them makes nobody else an admin."""
    clock = ManualClock()
    _, _, guard = remembering(clock, 8)
    token = issue(clock.time(), **own)
    raw: Any = guard.verify(token).raw

    raw["sub"] = "admin"
    raw.setdefault("own", {}).setdefault("roles", []).append("admin")

    assert guard.verify(token).raw == claims(clock.time(), **own)


def test_the_machine_clock_is_used_unless_another_is_given() -> None:
    """A token of the past is over today."""
    guard = Verifier(JoseCodec(Keys(key("HS256"))), issuer=ISSUER, audience=AUDIENCE)

    with pytest.raises(InvalidTokenError):
        guard.verify(issue(1_000_000_000))
