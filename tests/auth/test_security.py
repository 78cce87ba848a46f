"""Attacks on tokens: forged, confused, expired, respelled, oversized, deep, and never anything but one refusal."""

import json
import socket
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brickwork.auth import InvalidTokenError
from brickwork.auth._service.verifier import Verifier
from brickwork.auth.jose import Algorithm, JoseCodec, Key, Keys
from brickwork.testing import ManualClock
from tests.auth.hostile import forge, header_of, hostile_tokens, signed
from tests.auth.keyring import ALGORITHMS, AUDIENCE, ISSUER, claims, key, verifier

pytestmark = pytest.mark.promise("auth-1")


def verdict(guard: Verifier, token: str) -> str:
    """Give what became of a token: the answer, or the name of an error that should not be."""
    try:
        guard.verify(token)
    except InvalidTokenError as error:
        return f"{error.status_code} {error.detail} {error.headers} {error.members()}"
    except Exception as error:  # noqa: BLE001  # that none of another kind comes is what is tested
        return type(error).__name__
    return "accepted"


@pytest.mark.promise("auth-2")
@pytest.mark.promise("auth-5")
@pytest.mark.promise("auth-6")
@pytest.mark.promise("auth-9")
@pytest.mark.promise("auth-12")
@pytest.mark.promise("auth-13")
@pytest.mark.promise("auth-14")
@pytest.mark.promise("auth-15")
@pytest.mark.parametrize("cache_size", [0, 8], ids=["uncached", "cached"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_hostile_tokens_get_one_and_the_same_refusal(algorithm: Algorithm, cache_size: int) -> None:
    """None of hundreds is accepted, none raises another error, and nobody learns which defect was found."""
    clock = ManualClock()
    trusted, stranger = key(algorithm), key(algorithm, "stranger")
    guard = verifier(trusted, clock=clock, cache_size=cache_size)
    good = signed(trusted, header_of(trusted), claims(clock.time()))
    attacks = dict(hostile_tokens(trusted, stranger, now=clock.time()))
    before = verdict(guard, good)

    verdicts = {name: verdict(guard, token) for name, token in attacks.items()}

    refusal = "401 Invalid token None {}"
    assert {name: each for name, each in verdicts.items() if each != refusal} == {}
    assert len(attacks) > 600
    assert (before, verdict(guard, good)) == ("accepted", "accepted")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_no_attack_hides_another(algorithm: Algorithm) -> None:
    """Every attack has a name of its own, so that all are tried."""
    attacks = hostile_tokens(key(algorithm), key(algorithm, "stranger"), now=ManualClock().time())

    counted = Counter(name for name, _ in attacks)

    assert [name for name, count in counted.items() if count > 1] == []


@pytest.mark.promise("auth-5")
@pytest.mark.parametrize("member", ["jku", "x5u", "url", "kid"])
def test_nothing_is_fetched(member: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a header points to an address, nobody looks there."""
    looked_up: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **_: looked_up.append(address))
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: looked_up.append(address))
    clock = ManualClock()
    header = header_of(key("RS256"), **{member: "https://attacker.example/jwks.json"})

    answer = verdict(verifier(key("RS256"), clock=clock), signed(key("RS256"), header, claims(clock.time())))

    assert (answer, looked_up) == ("401 Invalid token None {}", [])


@pytest.mark.promise("auth-3")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_other_keys_of_the_same_service_change_nothing(algorithm: Algorithm) -> None:
    """With keys for every algorithm at once, a token still counts only under the algorithm of the key it names."""
    clock = ManualClock()
    guard = verifier(*(key(name) for name in ALGORITHMS), clock=clock)
    claimed = claims(clock.time())
    tokens = [
        signed(key(signer), header_of(key(algorithm), alg=said), claimed)
        for signer in ALGORITHMS
        for said in ALGORITHMS
        if (signer, said) != (algorithm, algorithm)
    ]

    verdicts = {verdict(guard, token) for token in tokens}

    assert verdicts == {"401 Invalid token None {}"}


@pytest.mark.promise("auth-7")
@pytest.mark.parametrize("wanted", ["at+jwt", "reset+jwt", "verify+jwt"])
@pytest.mark.parametrize("given", ["at+jwt", "reset+jwt", "verify+jwt", "JWT"])
def test_a_token_serves_one_purpose(wanted: str, given: str) -> None:
    """A token for one thing is refused for every other."""
    clock = ManualClock()
    guard = verifier(key("HS256"), clock=clock)
    token = signed(key("HS256"), header_of(key("HS256"), typ=given), claims(clock.time()))

    try:
        accepted = guard.verify(token, type=wanted).subject == "user-1"
    except InvalidTokenError:
        accepted = False

    assert accepted == (wanted == given)


@pytest.mark.promise("auth-12")
@pytest.mark.parametrize("addition", ["=", "==", " ", "\n", "."])
def test_a_token_has_one_text(addition: str) -> None:
    """A revoked token comes back in no other spelling: what is refused by its ID has no twin."""
    clock = ManualClock()
    token = signed(key("HS256"), header_of(key("HS256")), claims(clock.time()))

    verdicts = {verdict(verifier(key("HS256"), clock=clock), text) for text in (token + addition, addition + token)}

    assert verdicts == {"401 Invalid token None {}"}


@given(data=st.data())
def test_no_change_to_a_token_goes_unnoticed(data: st.DataObject) -> None:
    """Whatever characters are replaced, taken away or added, the token is refused."""
    clock = ManualClock()
    token = signed(key("HS256"), header_of(key("HS256")), claims(clock.time()))
    start = data.draw(st.integers(0, len(token)))
    end = data.draw(st.integers(start, min(len(token), start + 4)))
    text = data.draw(st.text(st.characters(codec="latin-1"), max_size=4))
    changed = token[:start] + text + token[end:]

    answer = verdict(verifier(key("HS256"), clock=clock), changed)

    assert answer == ("accepted" if changed == token else "401 Invalid token None {}")


@given(st.one_of(st.text(), st.binary(), st.none(), st.integers(), st.lists(st.text())))
def test_nothing_that_is_no_token_does_harm(value: object) -> None:
    """Any text, and any value that is no text, is refused like a bad token."""
    answer = verdict(verifier(key("HS256"), clock=ManualClock()), value)  # type: ignore[arg-type]

    assert answer == "401 Invalid token None {}"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(name=st.sampled_from(["alg", "typ", "kid", "crit"]), value=_JSON)
def test_any_value_in_a_header_is_judged(name: str, value: object) -> None:
    """Whatever stands in a signed header, it is the right thing or it is refused."""
    clock = ManualClock()
    header = header_of(key("HS256"), **{name: value})
    token = forge(json.dumps(header).encode(), json.dumps(claims(clock.time())).encode(), key("HS256").sign)

    answer = verdict(verifier(key("HS256"), clock=clock), token)

    assert answer == ("accepted" if header == header_of(key("HS256")) else "401 Invalid token None {}")


@given(name=st.sampled_from(["iss", "sub", "aud", "exp", "iat", "nbf", "jti", "sid", "ver", "scope"]), value=_JSON)
def test_any_value_of_a_claim_is_judged(name: str, value: object) -> None:
    """Whatever a claim holds, it is refused, or the claims can be read without another error."""
    clock = ManualClock()
    payload = json.dumps(claims(clock.time(), **{name: value})).encode()
    token = forge(json.dumps(header_of(key("HS256"))).encode(), payload, key("HS256").sign)

    try:
        read = verifier(key("HS256"), clock=clock).verify(token)
    except InvalidTokenError:
        return

    assert (read.subject.isprintable(), read.expires_at > read.issued_at, read.token_version >= 0) == (True, True, True)
    assert all(isinstance(scope, str) for scope in read.scopes)
    assert isinstance(read.session_id, str)


@pytest.mark.promise("auth-20")
def test_forged_headers_are_not_remembered() -> None:
    """A million headers that nobody signed take no memory."""
    clock = ManualClock()
    trusted = key("HS256")
    codec = JoseCodec(Keys(trusted, clock=clock))
    guard = Verifier(codec, issuer=ISSUER, audience=AUDIENCE, clock=clock, cache=4)

    for number in range(200):
        header = json.dumps(header_of(trusted)) + " " * number
        verdict(guard, forge(header.encode(), b"{}", lambda _: bytes(32)))

    assert (len(codec._headers), len(guard._verified)) == (0, 0)


def test_many_signed_headers_take_bounded_memory() -> None:
    """A signer that writes every header differently fills nothing up."""
    clock = ManualClock()
    trusted = key("HS256")
    codec = JoseCodec(Keys(trusted, clock=clock))
    payload = json.dumps(claims(clock.time())).encode()

    for number in range(200):
        header = (json.dumps(header_of(trusted)) + " " * number).encode()
        codec.decode(forge(header, payload, trusted.sign), type="at+jwt")
        codec.encode({}, type=f"type-{number}+jwt")

    assert len(codec._headers) <= 64
    assert len(codec._written) <= 64


@pytest.mark.promise("auth-18")
def test_a_rotated_out_key_is_no_way_in() -> None:
    """Tokens of a key that was dropped at once, after a leak, are refused at once."""
    clock = ManualClock()
    leaked = Key.generate("HS256")
    keys = Keys(leaked, clock=clock)
    guard = Verifier(JoseCodec(keys), issuer=ISSUER, audience=AUDIENCE, clock=clock, cache=8)
    token = signed(leaked, header_of(leaked), claims(clock.time()))
    before = verdict(guard, token)

    keys.rotate(Key.generate("HS256"), verify_for=0)

    assert (before, verdict(guard, token)) == ("accepted", "401 Invalid token None {}")
