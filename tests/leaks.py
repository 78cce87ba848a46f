"""Fails every test that lets a secret out: in a log record, on stdout or stderr, or in the answer to an error.

The whole suite is watched: what was handed out in an answer or is a secret of the tests may be nowhere else, and
neither may anything that looks like a token, a key or a hash of a password.
"""

import logging
import re
import traceback
from collections.abc import Callable, Generator, Iterator
from functools import wraps
from typing import Any

import pytest
from starlette.responses import Response

# Passwords and secrets of the tests; the module that makes one up adds it here.
SECRETS: set[str] = set()

_SHAPES = {
    "a signed token": re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}"),
    "an API key": re.compile(r"\b[A-Za-z0-9]+_[A-Za-z0-9]{16}_[A-Za-z0-9]{43}\b"),
    "a password hash": re.compile(r"\$(?:argon2id?|2[aby]|pbkdf2-sha\d+|scrypt|[56])\$[^\s'\"]{16,}"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
}
_HANDED_OUT = re.compile(rb'"(?:access_token|refresh_token|csrf_token|key)": ?"([^"]{16,})"')
_SHORTEST = 8  # characters: less is found everywhere by chance
_MEMBERS = logging.makeLogRecord({}).__dict__.keys()


class Witness:
    """Hears what one test says, and knows what it was told in confidence."""

    def __init__(self) -> None:
        self._said: list[tuple[str, str]] = []
        self._records: list[logging.LogRecord] = []
        self._handed_out: set[str] = set()

    def hear(self, record: logging.LogRecord) -> None:
        """Listen to a log record."""
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        text = "" if error is None else "".join(traceback.format_exception(error))
        self._said.append((f"a log record of {record.name}", f"{record.msg} {record.args} {text}"))
        self._records.append(record)  # `extra=` comes into it later

    def see(self, response: Response) -> None:
        """Look at a response: an error is public, and what a success hands out is not."""
        body = bytes(getattr(response, "body", b""))
        if response.status_code >= 400:
            headers = b"\n".join(b"%b: %b" % header for header in response.raw_headers)
            self._said.append(
                (f"an answer {response.status_code}", (headers + b"\n" + body).decode("utf-8", "replace"))
            )
        elif b'"key"' in body or b"_token" in body:
            self._handed_out.update(secret.decode() for secret in _HANDED_OUT.findall(body))

    def leaks(self, printed: Iterator[tuple[str, str]]) -> list[str]:
        """Say which secrets were heard and where, without repeating them."""
        secrets = {each for each in SECRETS | self._handed_out if len(each) >= _SHORTEST}
        found: dict[str, None] = {}
        for where, text in (*self._said, *map(_extra, self._records), *printed):
            shapes = [name for name, shape in _SHAPES.items() if shape.search(text)]
            known = ["a secret that was handed out"] if any(secret in text for secret in secrets) else []
            found.update(dict.fromkeys(f"{name} in {where}" for name in shapes + known))
        return list(found)


def _extra(record: logging.LogRecord) -> tuple[str, str]:
    added = {name: value for name, value in record.__dict__.items() if name not in _MEMBERS}
    return f"a log record of {record.name}", str(added)


_WITNESS = pytest.StashKey[Witness]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Listen from before the setup of a test until after its teardown."""
    witness = item.stash[_WITNESS] = Witness()
    make, initialise = logging.getLogRecordFactory(), Response.__init__

    def heard(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        witness.hear(record)
        return record

    logging.setLogRecordFactory(heard)
    Response.__init__ = _seen(initialise, witness)  # type: ignore[method-assign]
    try:
        return (yield)
    finally:
        Response.__init__ = initialise  # type: ignore[method-assign]
        logging.setLogRecordFactory(make)


def _seen(initialise: Callable[..., None], witness: Witness) -> Callable[..., None]:
    @wraps(initialise)  # FastAPI reads its signature
    def __init__(response: Response, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        initialise(response, *args, **kwargs)
        witness.see(response)

    return __init__


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that passed and told a secret."""
    report = yield
    printed = ((title.lower(), text) for title, text in report.sections if "stdout" in title or "stderr" in title)
    if report.when != "setup" and report.passed and (leaks := item.stash[_WITNESS].leaks(printed)):
        report.outcome = "failed"
        report.longrepr = "told a secret: " + "; ".join(leaks)
    return report
