"""One person has one login, however it is typed; and new passwords stay out of sight."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from brickwork.auth._rules.logins import StrongPassword, UserName, normalise_login

PASSWORD = "correct horse battery staple"


class Registration(BaseModel):
    login: UserName
    password: StrongPassword


@pytest.mark.promise("auth-84")
@pytest.mark.parametrize(
    ("typed", "login"),
    [
        ("ada", "ada"),
        ("Ada.Lovelace@Example.COM", "ada.lovelace@example.com"),
        ("STRASSE", "strasse"),
        ("straße", "strasse"),
        ("\uff41\uff44\uff41", "ada"),
        ("\ufb01ona", "fiona"),
        ("e\u0301va", "éva"),
        ("\u03a3\u038a\u03a3\u03a5\u03a6\u039f\u03a3", "\u03c3\u03af\u03c3\u03c5\u03c6\u03bf\u03c3"),
        ("Ada Lovelace", "ada lovelace"),
        ("Ada\u00a0Lovelace", "ada lovelace"),
        ("李雷", "李雷"),
        ("x" * 320, "x" * 320),
    ],
)
def test_a_login_has_one_form(typed: str, login: str) -> None:
    """Case and compatibility characters make no difference."""
    assert normalise_login(typed) == login


@pytest.mark.promise("auth-84")
@pytest.mark.parametrize(
    "typed",
    [
        *("", " ", " ada", "ada ", "ada\n", "\tada", "ada\u3000", "\u00a8ada"),
        *("a\0da", "a\nda", "a\u200bda", "a\u202eda", "\ufeffada", "a\u00adda", "a\ud800da", "a\ue000da", "a\u0378da"),
        *("a\u2028da", "a\u034fda", "a\u3164da", "a\ufe0fda", "a\U000e0101da", "x" * 321, "\ufdfa" * 100),
    ],
)
def test_a_login_that_could_pass_for_another_is_refused(typed: str) -> None:
    """Empty, too long, white space around it, control characters, and what does not show."""
    with pytest.raises(ValueError, match=r"^a login "):
        normalise_login(typed)


@pytest.mark.promise("auth-84")
@given(typed=st.text(max_size=40))
def test_the_normal_form_is_its_own_normal_form(typed: str) -> None:
    """For every text that is a login, in any case."""
    try:
        login = normalise_login(typed)
    except ValueError:
        return

    assert normalise_login(login) == login
    assert normalise_login(login.upper()) == normalise_login(login.upper().lower())


@pytest.mark.promise("auth-85")
def test_models_hold_logins_in_their_normal_form() -> None:
    """Your own models get the rules by two types."""
    registration = Registration.model_validate({"login": "ADA", "password": PASSWORD})

    assert registration.login == "ada"
    assert registration.password.get_secret_value() == PASSWORD


@pytest.mark.promise("auth-86")
def test_a_password_in_a_model_does_not_show() -> None:
    """Neither in its repr, nor as JSON."""
    registration = Registration.model_validate({"login": "ada", "password": PASSWORD})

    shown = f"{registration!r} {registration} {registration.model_dump()} {registration.model_dump_json()}"

    assert PASSWORD not in shown


@pytest.mark.promise("auth-85")
@pytest.mark.parametrize("body", [{"login": " ada"}, {"password": "short"}, {"password": "password1234"}])
def test_a_bad_value_is_refused_by_the_field_that_has_it(body: dict[str, str]) -> None:
    """A validation error like any other, so a 422 that names the field."""
    with pytest.raises(ValidationError) as refused:
        Registration.model_validate({"login": "ada", "password": PASSWORD} | body)

    (error,) = refused.value.errors()
    assert error["loc"] == tuple(body)


@pytest.mark.promise("auth-85")
@pytest.mark.parametrize("password", ["x" * 1025, "half \ud800 of a pair", 12, None])
def test_what_cannot_be_a_password_is_a_validation_error_too(password: object) -> None:
    """Too long, no text, no string."""
    with pytest.raises(ValidationError):
        Registration.model_validate({"login": "ada", "password": password})


@pytest.mark.promise("auth-85")
def test_the_document_says_what_is_asked() -> None:
    """JSON Schema with lengths, the password to be written only."""
    schema = Registration.model_json_schema()["properties"]

    assert (schema["login"]["minLength"], schema["login"]["maxLength"]) == (1, 320)
    assert schema["password"] | {"title": ""} == {
        "type": "string",
        "format": "password",
        "writeOnly": True,
        "minLength": 12,
        "maxLength": 1024,
        "title": "",
    }
    assert PASSWORD not in json.dumps(schema)
