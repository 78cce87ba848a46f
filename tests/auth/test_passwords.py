"""New passwords have to be long and hard to guess, and nothing else is asked of them."""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brickwork.auth._errors import AuthUnavailableError, WeakPasswordError
from brickwork.auth._rules.guesses import guess_bits
from brickwork.auth._rules.passwords import Weakness, unusable
from brickwork.auth._rules.words import FREQUENT, WORDS
from brickwork.auth._service.policy import PasswordPolicy
from brickwork.testing import CapturedLogs

GOOD = [
    "correct horse battery staple",
    "kein ganz kurzer Satz",
    "xkqzvbnwplmt",
    "483920175639",
    "        u9x     q    ",
    "пароль из пяти слов",
    "🧱🧱🪵🪨🧱🪟🚪🧱🪨🪵🧱🪟",
    "nul\0 is as good as any",
]

COMMON = [
    "password1234",
    "passwordpassword",
    "P@ssw0rd2024!",
    "Password123!",
    "qwertyuiop12",
    "1qaz2wsx3edc",
    "1q2w3e4r5t6y",
    "zxcvbnm,./12",
    "poiuytrewq99",
    "123456789012",
    "098765432109",
    "aaaaaaaaaaaa",
    "abcabcabcabcabc",
    "aaaabbbbcccc",
    "abcdefghijkl",
    "iloveyou1999",
    "liverpool2010",
    "manchesterunited",
    "dragonmonkey1",
    "MyPassword2025",
    "welcome_to_2025",
    "administrator1",
    "01.02.1990password",
    "letmeinletmein",
    "x" * 1024,
    "ab" * 512,
]


async def reason(password: str, policy: PasswordPolicy | None = None, context: Sequence[str] = ()) -> str | None:
    """Give why a password is refused; None where it is not."""
    try:
        await (policy or PasswordPolicy()).check(password, context=context)
    except WeakPasswordError as error:
        return None if password in error.detail else error.reason
    return None


@pytest.mark.promise("auth-80")
@pytest.mark.parametrize("password", GOOD)
async def test_any_long_text_is_a_password(password: str) -> None:
    """No digits, symbols or capitals are asked for; white space and any script are fine."""
    assert await reason(password) is None


@pytest.mark.promise("auth-80")
async def test_length_is_counted_in_characters_at_the_start_and_bytes_at_the_end() -> None:
    """Twelve characters at least, 1024 bytes at most; both can be set."""
    assert await reason("xkqzvbnwplm") == "too-short"
    assert await reason("ж" * 11) == "too-short"
    assert await reason("xkqzvbnw", PasswordPolicy(min_length=8)) is None
    assert await reason("xkqzvbnwplmt" * 86) == "too-long"
    assert await reason("é" * 513) == "too-long"
    assert await reason("x" * 1_000_000) == "too-long"
    assert await reason("xkqzvbnwplmt" * 6, PasswordPolicy(max_bytes=64)) == "too-long"


@pytest.mark.promise("auth-80")
async def test_half_a_character_is_refused() -> None:
    """What UTF-8 cannot say cannot be hashed."""
    assert unusable("half \ud800 of a pair") is Weakness.NOT_TEXT
    with pytest.raises(WeakPasswordError, match="no text"):
        await PasswordPolicy().check("half \ud800 of a pair")


@pytest.mark.promise("auth-81")
@pytest.mark.parametrize("password", COMMON)
async def test_what_guessers_try_first_is_refused(password: str) -> None:
    """Common words in any dress, runs on the keyboard, years, repetitions, and what is put together from them."""
    assert await reason(password) == "common"


@pytest.mark.promise("auth-81")
async def test_a_list_of_your_own_is_refused_as_well() -> None:
    """Such as the most used passwords that somebody published; case makes no difference."""
    policy = PasswordPolicy(refused=["Xkqzvbnwplmt"])

    assert await reason("xkqzvbnwplmT", policy) == "common"
    assert await reason("xkqzvbnwplmt7", policy) is None


@pytest.mark.promise("auth-81")
@given(first=st.sampled_from(sorted(WORDS | FREQUENT)), year=st.integers(1950, 2030), shout=st.booleans())
def test_a_common_word_and_a_year_are_never_enough(first: str, year: int, shout: bool) -> None:
    """Whichever the word."""
    assert guess_bits(f"{first.upper() if shout else first}{year}!") < 30


@pytest.mark.promise("auth-81")
@given(text=st.text(max_size=80), more=st.text(max_size=3))
def test_guessing_any_text_takes_a_finite_number_of_guesses(text: str, more: str) -> None:
    """The estimate fails for no text, and is the same each time."""
    bits = guess_bits(text + more)

    assert 0 <= bits < 1000
    assert bits == guess_bits(text + more)


@pytest.mark.promise("auth-82")
@pytest.mark.parametrize(
    "password", ["grace.hopper1984", "GraceHopper!!", "grace@navy.example", "hoppergrace12", "Acme-grace-99"]
)
async def test_what_is_known_of_the_user_does_not_make_a_password(password: str) -> None:
    """Login, e-mail address and the name of the application, whole and in parts."""
    policy = PasswordPolicy(words=["Acme"])

    assert await reason(password, policy, ["grace.hopper", "grace@navy.example"]) == "contains-login"


@pytest.mark.promise("auth-82")
async def test_a_long_password_may_contain_the_login() -> None:
    """What counts is what is left to guess."""
    assert await reason("my friend grace has 17 green cats", None, ["grace"]) is None
    assert await reason("ed and eight other words", None, ["ed"]) is None


@pytest.mark.promise("auth-83")
async def test_a_password_from_a_breach_is_refused() -> None:
    """Whoever can be asked is asked, once the cheap rules are met."""
    asked = []

    async def breached(password: str) -> bool:
        asked.append(hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest()[:5])
        return password == GOOD[0]

    policy = PasswordPolicy(breached=breached)

    assert await reason(GOOD[0], policy) == "breached"
    assert await reason(GOOD[1], policy) is None
    assert await reason("short", policy) == "too-short"
    assert len(asked) == 2


@pytest.mark.promise("auth-83")
async def test_where_nobody_can_be_asked_the_other_rules_hold(logs: CapturedLogs) -> None:
    """The password passes with a warning that does not show it; or 503, where that is asked for."""

    async def broken(password: str) -> bool:
        raise OSError(f"no route to /range/{password}")

    async def slow(password: str) -> bool:
        await asyncio.Event().wait()
        return False

    for breached in (broken, slow):
        assert await reason(GOOD[0], PasswordPolicy(breached=breached, breached_timeout=0.01)) is None
        with pytest.raises(AuthUnavailableError):
            await PasswordPolicy(breached=breached, breached_timeout=0.01, require_breached=True).check(GOOD[0])

    assert [message.rpartition(": ")[2] for message in logs.messages] == ["OSError"] * 2 + ["TimeoutError"] * 2
    assert GOOD[0] not in "".join(logs.messages)


@pytest.mark.parametrize(
    "options", [{"min_length": 7}, {"max_bytes": 63}, {"min_length": 80, "max_bytes": 70}, {"breached_timeout": 0.0}]
)
def test_a_senseless_policy_cannot_be_made(options: dict[str, Any]) -> None:
    """The mistake shows when the application starts."""
    with pytest.raises(ValueError, match=r"too short|no room|no time"):
        PasswordPolicy(**options)
