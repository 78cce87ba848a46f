"""What requests add to log lines."""

import logging
import sys
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brickwork._core.context import CURRENT, RequestContext, mark
from brickwork._core.logs import RequestIDFilter, log_fields, printable, request_id_here


def marked() -> ValueError:
    """Give an error of a request."""
    context = RequestContext({"type": "http", "headers": []}, 0.0)
    context.request_id = "abcdefgh"
    error = ValueError()
    mark(error, context)
    return error


def test_outside_a_request_ids_are_hyphens() -> None:
    """A format string with %(request_id)s works for every record."""
    assert log_fields() == {"request_id": "-", "trace_id": "-", "span_id": "-"}
    assert request_id_here() is None


@dataclass
class LoguruException:
    value: BaseException


@pytest.mark.parametrize("form", ["exception", "triple", "loguru"])
def test_a_reported_error_names_its_request(form: str) -> None:
    """Loggers hand errors over in several forms; the request is found in each."""
    error = marked()
    forms = {"exception": error, "triple": (type(error), error, None), "loguru": LoguruException(error)}

    fields = log_fields(forms[form])

    assert fields["request_id"] == "abcdefgh"


@pytest.mark.parametrize("nothing", [None, False, (), (None, None, None), "text", 7])
def test_no_error_names_no_request(nothing: object) -> None:
    """Whatever stands for no error is taken as none."""
    assert log_fields(nothing)["request_id"] == "-"


def test_an_error_in_progress_names_its_request() -> None:
    """While an error is handled, its request is the one."""
    try:
        raise marked()
    except ValueError:
        assert log_fields(error=True)["request_id"] == "abcdefgh"
        assert log_fields(sys.exc_info())["request_id"] == "abcdefgh"
        assert request_id_here() == "abcdefgh"


def test_a_filter_keeps_what_is_there() -> None:
    """A record that was filled in where it was made is not filled in again elsewhere."""
    record = logging.makeLogRecord({"request_id": "mine"})
    token = CURRENT.set(RequestContext({"type": "http", "headers": []}, 0.0))

    passed = RequestIDFilter().filter(record)
    CURRENT.reset(token)

    assert passed
    assert (record.__dict__["request_id"], record.__dict__["span_id"]) == ("mine", "-")


@pytest.mark.parametrize(
    ("text", "shown"),
    [("/books/ä", "/books/ä"), ("a\r\nb", "a\\r\\nb"), ("\x1b[31m", "\\x1b[31m"), ("\u2028\ud800", "\\u2028\\ud800")],
)
def test_control_characters_are_escaped(text: str, shown: str) -> None:
    """A text stays on its line and commands no terminal."""
    assert printable(text) == shown


@given(st.text(st.characters(exclude_categories=[])))
def test_any_text_becomes_printable(text: str) -> None:
    """Every character has a form that can be shown."""
    assert printable(text).isprintable()
