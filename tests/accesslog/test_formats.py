"""How lines look, as JSON and as text."""

import json
import logging
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brickwork.accesslog import JSONFormatter, TextFormatter

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=[]))
    | st.binary(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.none(), inner) | st.frozensets(st.integers())
    ),
    max_leaves=8,
)


class Unspeakable:
    """Has no text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def record(
    message: object = "hello", *args: object, error: BaseException | None = None, **extra: object
) -> logging.LogRecord:
    """Make a record."""
    info = (type(error), error, error.__traceback__) if error else None
    made = logging.LogRecord("shop", logging.INFO, __file__, 1, message, args, info)
    made.created = 1_700_000_000.123
    made.__dict__.update(extra)
    return made


def failed(text: str) -> BaseException:
    """Give an error that was raised."""
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the text is the test's
        raise ValueError(text)
    return raised.value


@pytest.mark.promise("accesslog-11")
def test_a_record_is_a_json_object() -> None:
    """Time, level, logger and message first, then what the record carries."""
    line = JSONFormatter().format(record("hello %s", "you", request_id="abcdefgh", path="/books", color_message="x"))

    assert line == (
        '{"time": "2023-11-14T22:13:20.123+00:00", "level": "INFO", "logger": "shop", "message": "hello you", '
        '"request_id": "abcdefgh", "path": "/books"}'
    )


def test_errors_and_stacks_are_members() -> None:
    """A traceback is part of the object, not of the message."""
    made = record(error=failed("reason"))
    made.stack_info = "Stack (most recent call last):\n  here"

    document = json.loads(JSONFormatter().format(made))

    assert document["exception"]["type"] == "ValueError"
    assert document["exception"]["traceback"].endswith("ValueError: reason")
    assert document["stack"].endswith("here")
    assert document["message"] == "hello"


def test_names_of_ours_are_kept() -> None:
    """A value that has the name of one of our members stands beside it."""
    document = json.loads(JSONFormatter().format(record(level=5)))

    assert (document["level"], document["level_"]) == ("INFO", 5)


@pytest.mark.promise("accesslog-11")
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (float("nan"), None),
        ({1: {2, 3}}, {"1": [2, 3]}),
        ({None: (1.5,)}, {"null": [1.5]}),
        ({(1, 2): b"x"}, {"(1, 2)": "b'x'"}),
        (Unspeakable(), "<Unspeakable>"),
        ("\ud800", "\ud800"),
        (16**5_000, "0x1" + "0" * 5_000),
    ],
    ids=["nan", "set", "none", "tuple", "unspeakable", "surrogate", "endless"],
)
def test_what_json_does_not_know_has_a_form(value: object, shown: object) -> None:
    """A line comes out whatever a record carries."""
    assert json.loads(JSONFormatter().format(record(value=value)))["value"] == shown


@pytest.mark.promise("accesslog-11")
def test_a_list_that_holds_itself_ends() -> None:
    """Beyond eight levels only the kind is told."""
    ring: list[Any] = []
    ring.append(ring)

    document = json.loads(JSONFormatter().format(record(ring=ring)))

    assert "<list>" in str(document["ring"])


@pytest.mark.promise("accesslog-11")
@given(message=ANYTHING, args=st.lists(ANYTHING, max_size=2), value=ANYTHING)
def test_any_record_is_one_line(message: object, args: list[object], value: object) -> None:
    """Whatever was logged: one line of visible ASCII that is JSON, and one line of visible text."""
    made = record(message, *args, value=value)

    line, text = JSONFormatter().format(made), TextFormatter().format(made)

    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["logger"] == "shop"
    assert text.isprintable()


@pytest.mark.promise("accesslog-6")
@pytest.mark.parametrize("attack", ["\n2026-01-01 00:00:00 INFO forged", "\r\n{}", "\x1b[2J", "\u2028x", "\x9b31m"])
def test_no_text_forges_a_line(attack: str) -> None:
    """Neither a message, nor a value, nor an error's text begins a line or commands the terminal."""
    made = record("a%s", attack, value=attack, error=failed(attack))

    line, text = JSONFormatter().format(made), TextFormatter().format(made)

    assert line.isprintable()
    first, *rest = text.split("\n")
    assert first.isprintable()
    assert all(each.startswith("    ") and each.isprintable() for each in rest)


def test_text_is_for_people() -> None:
    """Level, logger, ID, message and values on one line, what belongs to it indented below."""
    made = record("hello", request_id="abcdefgh", user="ada", error=failed("reason"))
    made.stack_info = "Stack:\n  here"

    first, *rest = TextFormatter().format(made).split("\n")

    assert first.endswith(" INFO     shop [abcdefgh] hello user=ada")
    assert rest[0] == "    Traceback (most recent call last):"
    assert rest[-1] == "      here"


def test_an_access_record_is_short_as_text() -> None:
    """What the message says already is not said again, and neither is what there is not."""
    fields: dict[str, Any] = {
        "method": "GET",
        "path": "/",
        "status": 200,
        "route": "/",
        "error": None,
        "disconnected": False,
    }

    text = TextFormatter().format(record("GET / 200 in 1.0 ms", **fields))

    assert text.endswith("[-] GET / 200 in 1.0 ms route=/")


@pytest.mark.parametrize(("level", "coloured"), [(logging.ERROR, "\x1b[31mERROR   \x1b[0m"), (35, "Level 35 ")])
def test_levels_can_be_coloured(level: int, coloured: str) -> None:
    """The known ones are, when asked."""
    made = record()
    made.levelno, made.levelname = level, logging.getLevelName(level)

    assert coloured in TextFormatter(colour=True).format(made)
    assert "\x1b" not in TextFormatter().format(made)


def test_no_error_in_progress_is_none() -> None:
    """`exc_info=True` outside of a handler has nothing to tell."""
    made = record()
    made.exc_info = sys.exc_info()

    assert "exception" not in json.loads(JSONFormatter().format(made))
    assert "\n" not in TextFormatter().format(made)
