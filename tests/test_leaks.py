"""The watch over secrets: that it sees what it is there to see."""

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse

from tests.leaks import SECRETS, Witness

ROOT = Path(__file__).parent.parent
TOKEN = "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiJhZGEifQ." + "c2lnbmF0dXJlLW9mLWEtdG9rZW4"
KEY = "key_" + "a1b2c3d4e5f6g7h8_" + "0123456789" * 4 + "abc"
HASH = "$argon2id$" + "v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNo"
PEM = "-----BEGIN " + "PRIVATE KEY-----"


def _record(**members: Any) -> logging.LogRecord:
    # Made by hand: the watch over this very test listens to all that are made by logging.
    record = logging.LogRecord("shop", logging.INFO, "", 0, "", (), None)
    record.__dict__.update(members)
    return record


@pytest.mark.promise("auth-180")
@pytest.mark.parametrize("secret", [TOKEN, KEY, HASH, PEM])
def test_what_looks_like_a_secret_is_found(secret: str) -> None:
    """In the text of a record, in its arguments, in what is added to it, in its traceback, in what is printed."""
    error = ValueError(secret)
    failed = (ValueError, error, None)
    fields: list[dict[str, Any]] = [{"msg": secret}, {"args": (secret,)}, {"user": secret}, {"exc_info": failed}]
    witnesses = [Witness() for _ in fields]
    for witness, each in zip(witnesses, fields, strict=True):
        witness.hear(_record(**each))

    found = [witness.leaks(iter(())) for witness in witnesses]

    assert [len(each) for each in found] == [1, 1, 1, 1]
    assert Witness().leaks(iter([("captured stdout call", f"it was {secret}")]))
    assert not any(secret in text for each in found for text in each)


@pytest.mark.promise("auth-180")
def test_what_was_handed_out_is_known() -> None:
    """A refresh token looks like nothing in particular, and is recognised once it was in an answer."""
    witness = Witness()
    witness.see(JSONResponse({"refresh_token": "an opaque text of some length"}))
    witness.hear(_record(msg="got %s", args=("an opaque text of some length",)))

    found = witness.leaks(iter(()))

    assert found == ["a secret that was handed out in a log record of shop"]


@pytest.mark.promise("auth-180")
def test_an_error_may_repeat_nothing() -> None:
    """What a success hands out is no leak; the same in an error is one, in its body and in its headers."""
    body = JSONResponse({"input": TOKEN})
    header = JSONResponse({}, headers={"WWW-Authenticate": f'Bearer error="{TOKEN}"'})
    witnesses = [Witness() for _ in range(4)]
    for witness, answer in zip(witnesses, (body, header), strict=False):
        witness.see(answer)
    for witness, answer in zip(witnesses[2:], (body, header), strict=True):
        answer.status_code = 422  # now, because the watch over this very test would take it for a leak
        witness.see(answer)

    found = [bool(witness.leaks(iter(()))) for witness in witnesses]

    assert found == [False, False, True, True]


@pytest.mark.slow
@pytest.mark.promise("auth-180")
@pytest.mark.parametrize("options", [[], ["-p", "xdist", "-n", "2"]], ids=["one process", "two workers"])
def test_a_test_that_tells_a_secret_fails(tmp_path: Path, options: list[str]) -> None:
    """Whatever else it holds, and in whichever process it runs; the secret itself is not repeated in the reason."""
    path = [str(ROOT), *filter(None, sys.path)]
    (tmp_path / "pytest.ini").touch()
    (tmp_path / "test_it.py").write_text(
        f"import logging\n"
        f"def test_silent(): pass\n"
        f"def test_logging(): logging.getLogger('shop').warning('%s', {TOKEN!r})\n"
        f"def test_printing(): print({KEY!r})\n"
    )

    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.leaks", "-p", "no:cacheprovider", "-rf", *options],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": os.pathsep.join(path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "2 failed, 1 passed" in ended.stdout
    assert "told a secret: a signed token in a log record of shop" in ended.stdout
    assert "told a secret: an API key in captured stdout call" in ended.stdout


@pytest.mark.promise("auth-180")
def test_the_passwords_of_the_tests_are_known() -> None:
    """Whoever makes one up for the tests of authentication adds it to those that are looked for."""
    from tests.auth import site  # confides them when it is imported

    confided = {site.SECRET, site.PASSWORD, site.OTHER_PASSWORD}

    assert confided <= SECRETS
