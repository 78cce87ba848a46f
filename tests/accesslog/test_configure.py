"""Logging for the process, in one call."""

import io
import json
import logging
import logging.config
import threading
from typing import Any

import pytest
from fastapi import FastAPI

from brickwork.accesslog import configure_logging
from tests.accesslog.calls import Form, get

pytestmark = pytest.mark.usefixtures("restored_logging")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.fixture
def stream() -> io.StringIO:
    """Where lines go."""
    return io.StringIO()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Read what was written."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.promise("accesslog-12")
async def test_every_line_names_its_request(form: Form, stream: io.StringIO) -> None:
    """Any logger's line, and the access record, carry the ID; outside a request it is a hyphen."""
    configure_logging(stream=stream)
    app = FastAPI()

    @app.get("/")
    async def endpoint() -> None:
        logging.getLogger("shop").info("inside")

    answer = await get(form(app))
    logging.getLogger("shop").info("outside")

    named = answer.headers.get("x-request-id", "-")
    shop = [line for line in lines(stream) if line["logger"] in {"shop", "brickwork.accesslog"}]
    assert [line["request_id"] for line in shop] == [named, named, "-"]
    assert shop[1]["message"].startswith("GET / 200")


@pytest.mark.promise("accesslog-12")
@pytest.mark.parametrize("access", [False, True])
def test_uvicorns_loggers_are_included(stream: io.StringIO, access: bool) -> None:
    """Its own set-up is replaced; its access lines, which show queries as they came, are left out unless asked for."""
    logging.config.dictConfig(_UVICORN)

    configure_logging(stream=stream, uvicorn_access=access)
    logging.getLogger("uvicorn.error").info("started")
    logging.getLogger("uvicorn.access").info("GET /?token=secret")

    assert [line["logger"] for line in lines(stream)] == ["uvicorn.error", "uvicorn.access"][: 1 + access]
    assert logging.getLogger("uvicorn.access").hasHandlers() is access


_UVICORN: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"own": {"class": "logging.NullHandler"}},
    "loggers": {
        "uvicorn": {"handlers": ["own"], "level": "INFO", "propagate": False},
        "uvicorn.access": {"handlers": ["own"], "level": "INFO", "propagate": False},
    },
}


def test_levels_are_by_logger(stream: io.StringIO) -> None:
    """One level for all, and others by name, uvicorn's too."""
    configure_logging("WARNING", levels={"shop": "DEBUG", "uvicorn.error": "ERROR"}, stream=stream)

    logging.getLogger("shop").debug("seen")
    logging.getLogger("other").info("not seen")
    logging.getLogger("uvicorn.error").warning("not seen either")

    assert [line["message"] for line in lines(stream)] == ["seen"]


@pytest.mark.parametrize(("kind", "coloured"), [(io.StringIO, False), (Terminal, True)])
def test_text_is_coloured_on_a_terminal(kind: type[io.StringIO], coloured: bool) -> None:
    """Colour is for people who look; a file gets none."""
    stream = kind()
    configure_logging(json=False, stream=stream)

    logging.getLogger("shop").info("hello")

    assert stream.getvalue().endswith("shop [-] hello\n")
    assert ("\x1b" in stream.getvalue()) is coloured


@pytest.mark.promise("accesslog-12")
def test_a_queue_writes_elsewhere(stream: io.StringIO) -> None:
    """A thread of its own writes the lines, complete and in order, and ends when logging is set up anew."""
    before = threading.active_count()
    configure_logging(queue=True, stream=stream)
    changing = ["as it was"]

    logging.getLogger("shop").info("one %s", changing)
    changing[0] = "changed"
    logging.getLogger("shop").warning("two", exc_info=ValueError("reason"))
    during = threading.active_count()
    configure_logging(stream=io.StringIO())

    one, two = lines(stream)
    assert one["message"] == "one ['as it was']"
    assert (two["message"], two["exception"]["type"]) == ("two", "ValueError")
    assert (during, threading.active_count()) == (before + 1, before)


def test_a_queue_can_be_closed_twice(stream: io.StringIO) -> None:
    """Once by the application, and once more when the process ends."""
    configure_logging(queue=True, stream=stream)
    [handler] = logging.getLogger().handlers

    logging.getLogger("shop").info("hello")
    handler.close()
    handler.close()

    assert [line["message"] for line in lines(stream)] == ["hello"]


def test_a_line_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing else is said."""
    configure_logging()

    logging.getLogger("shop").info("hello")

    assert json.loads(capsys.readouterr().out)["message"] == "hello"


def test_a_wrong_level_is_refused_at_once() -> None:
    """By the standard library itself."""
    with pytest.raises(ValueError, match="Unable to configure"):
        configure_logging("LOUD")
