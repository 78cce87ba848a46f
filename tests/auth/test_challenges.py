"""Challenges say what is needed, and nothing that is put into them breaks out."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brickwork.auth._rules.challenges import api_key, basic, bearer, checked_realm, quoted

_QUOTED_STRING = re.compile(r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"')


def test_without_credentials_a_challenge_names_no_error() -> None:
    """Who sent no token is told which kind is wanted, and no more."""
    assert bearer("api") == 'Bearer realm="api"'


def test_a_challenge_says_what_is_wrong() -> None:
    """Error, scope and age stand in it, each as far as it is known."""
    assert bearer("api", error="invalid_token") == 'Bearer realm="api", error="invalid_token"'
    assert bearer("api", error="insufficient_scope", scope="a b") == (
        'Bearer realm="api", error="insufficient_scope", scope="a b"'
    )
    assert bearer("api", error="insufficient_user_authentication", max_age=300).endswith(', max_age="300"')


def test_other_credentials_have_challenges_too() -> None:
    """Clients are asked for their secret, programs for their key."""
    assert basic("api") == 'Basic realm="api", charset="UTF-8"'
    assert api_key("api") == 'ApiKey realm="api"'


@pytest.mark.promise("auth-16")
@given(st.text())
def test_nothing_splits_a_challenge(text: str) -> None:
    """Quotes, backslashes, line breaks and any other characters stay inside their quotes."""
    assert _QUOTED_STRING.fullmatch(quoted(text))
    assert _QUOTED_STRING.sub("?", bearer(text, scope=text)) == "Bearer realm=?, scope=?"


@pytest.mark.promise("auth-16")
def test_quotes_are_escaped() -> None:
    """What can be shown is shown, and what would end the line is not."""
    assert quoted('say "a\\b"\r\nSet-Cookie: c=d\0\u00e9') == '"say \\"a\\\\b\\"??Set-Cookie: c=d??"'


@pytest.mark.parametrize("realm", ["", 'a"b', "a\\b", "a\r\nb", "\u00e9"])
def test_a_realm_that_cannot_be_shown_is_refused(realm: str) -> None:
    """The message says what to write."""
    with pytest.raises(ValueError, match="as realm='api'"):
        checked_realm(realm)


def test_a_realm_is_taken_as_it_is() -> None:
    """Plain words may have spaces."""
    assert checked_realm("The shop") == "The shop"
