"""Claims say who, for whom, by whom and until when, and hold for nobody else and at no other time."""

from typing import Any

import pytest

from brickwork.auth._rules.claims import REGISTERED, InvalidClaimsError, build, check
from tests.auth.keyring import AUDIENCE, ISSUER, claims

_NOW = 1_767_225_600.0


def holds(claims: dict[str, Any], *, leeway: float = 0) -> bool:
    """Tell whether claims are accepted."""
    try:
        check(claims, issuer=ISSUER, audience=AUDIENCE, now=_NOW, leeway=leeway)
    except InvalidClaimsError:
        return False
    return True


def with_own(own: dict[Any, Any]) -> dict[str, Any]:
    """Build claims with some of the application's."""
    return build(issuer="a", audience="b", subject="c", token_id="d", now=0, lifetime=1, own=own)


@pytest.mark.promise("auth-8")
def test_a_token_says_all_that_is_needed() -> None:
    """Issuer, user, audience, times and ID always; session, version, scopes and time of login where there are any."""
    assert claims(_NOW) == {
        "iss": ISSUER,
        "sub": "user-1",
        "aud": AUDIENCE,
        "exp": 1_767_226_500,
        "iat": 1_767_225_600,
        "jti": "token-1",
        "sid": "5e55101d",
        "ver": 3,
        "scope": "orders:read orders:write",
        "auth_time": 1_767_225_600,
    }
    assert build(issuer="a", audience=["b", "c"], subject="d", token_id="e", now=0.9, lifetime=10) == {
        "iss": "a", "sub": "d", "aud": ["b", "c"], "exp": 10, "iat": 0, "jti": "e",
    }  # fmt: skip


@pytest.mark.promise("auth-8")
@pytest.mark.parametrize("name", ["iss", "sub", "aud", "exp", "iat", "jti"])
def test_no_claim_may_be_missing(name: str) -> None:
    """A token without one of the six is refused, though it is signed."""
    assert holds(claims(_NOW))
    assert not holds(claims(_NOW, **{name: ...}))


def test_own_claims_are_added() -> None:
    """An application says what it likes under names of its own."""
    assert with_own({"tenant": 7})["tenant"] == 7


@pytest.mark.parametrize("name", sorted(REGISTERED))
def test_own_claims_replace_none(name: str) -> None:
    """Nothing that decides about access is overwritten by an application's claims."""
    with pytest.raises(ValueError, match=f"may not set {name}"):
        with_own({name: "x"})


def test_names_of_claims_are_texts() -> None:
    """A number as a name would come back as a text."""
    with pytest.raises(ValueError, match="must be a text, got 1"):
        with_own({1: "x"})


@pytest.mark.promise("auth-11")
@pytest.mark.parametrize("subject", ["", " ", "a ", "a\0", "a\nb", "a" * 256])
def test_an_impossible_user_gets_no_token(subject: str) -> None:
    """An ID that would be refused later is refused when the token is made."""
    with pytest.raises(ValueError, match="a user's ID must be a text"):
        build(issuer="a", audience="b", subject=subject, token_id="d", now=0, lifetime=1)


@pytest.mark.promise("auth-9")
@pytest.mark.parametrize(
    ("changes", "leeway", "held"),
    [
        ({"exp": _NOW}, 0, False),
        ({"exp": _NOW + 1}, 0, True),
        ({"exp": _NOW + 0.001}, 0, True),
        ({"exp": _NOW - 30}, 30, False),
        ({"exp": _NOW - 29}, 30, True),
        ({"iat": _NOW}, 0, True),
        ({"iat": _NOW + 1}, 0, False),
        ({"iat": _NOW + 30}, 30, True),
        ({"iat": _NOW + 31}, 30, False),
        ({"nbf": _NOW}, 0, True),
        ({"nbf": _NOW + 1}, 0, False),
        ({"nbf": _NOW + 30}, 30, True),
        ({"nbf": _NOW + 31}, 30, False),
        ({"exp": 253_402_300_799}, 0, True),
        ({"exp": 253_402_300_800}, 0, False),
        ({"iat": 0}, 0, True),
        ({"iat": -1}, 0, False),
    ],
)
def test_times_hold_to_the_second(changes: dict[str, Any], leeway: float, held: bool) -> None:
    """A token is dead at the very second of its end, and no sooner; leeway moves each edge by itself."""
    assert holds(claims(_NOW, **changes), leeway=leeway) is held


@pytest.mark.promise("auth-10")
@pytest.mark.parametrize("audience", [AUDIENCE, [AUDIENCE], ["https://other.example", AUDIENCE]])
def test_a_token_may_be_for_several(audience: object) -> None:
    """Ours must be among the audiences, whole."""
    assert holds(claims(_NOW, aud=audience))


@pytest.mark.promise("auth-10")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("aud", AUDIENCE + "/"), ("aud", AUDIENCE.upper()), ("aud", AUDIENCE[:-1]), ("aud", [AUDIENCE, 1]), ("aud", []),
        ("aud", [AUDIENCE + "s"]), ("aud", {AUDIENCE: 1}), ("iss", [ISSUER]), ("iss", ISSUER + "/"),
        ("iss", ISSUER.upper()),
    ],
)  # fmt: skip
def test_a_token_for_others_is_refused(name: str, value: object) -> None:
    """Issuer and audience are compared letter by letter."""
    assert not holds(claims(_NOW, **{name: value}))


@pytest.mark.promise("auth-11")
@pytest.mark.parametrize("name", ["sub", "jti", "sid"])
@pytest.mark.parametrize("value", [1, "", " ", "a\0", "a\r\n", "a" * 256, None, ["a"]])
def test_ids_are_texts_that_stores_and_logs_can_take(name: str, value: object) -> None:
    """A user, token or session is named by a short printable text."""
    assert not holds(claims(_NOW, **{name: value}))


@pytest.mark.parametrize(
    ("name", "value"),
    [("ver", "3"), ("ver", True), ("ver", -1), ("ver", 2**63), ("scope", []), ("scope", "a  b"), ("auth_time", "0")],
)
def test_what_else_we_write_is_checked_too(name: str, value: object) -> None:
    """Whoever reads accepted claims never meets a value of another kind."""
    assert not holds(claims(_NOW, **{name: value}))


def test_session_and_scopes_may_be_left_out() -> None:
    """A token for a machine belongs to no session."""
    assert holds(claims(_NOW, sid=..., ver=..., scope=..., auth_time=...))
