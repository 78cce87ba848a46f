"""Each example runs, and answers as its docstring shows."""

import logging
from importlib import import_module
from pathlib import Path

import pytest

import examples
from brickwork.requestid import RequestIDFilter
from tests.examples.console import agrees, curl, exchanges, session_of, terminal

NAMES = sorted(path.stem for path in Path(examples.__path__[0]).glob("[a-z]*.py") if path.stem != "demo")


@pytest.mark.parametrize("name", NAMES)
async def test_an_example_answers_as_it_shows(name: str) -> None:
    """The requests in an example's docstring, made in their order, get the answers that stand below them."""
    module = import_module(f"examples.{name}")

    async with terminal(module.app) as opened:
        answers = [(each, await opened.run(each.command)) for each in exchanges(session_of(module.__doc__ or ""))]

    for shown, answer in answers:
        assert "Internal Server Error" not in answer or shown.answer, f"{shown.command}\n{answer}"
        assert not shown.answer or agrees(shown.answer, answer), f"{shown.command}\n{answer}"


@pytest.mark.parametrize("name", NAMES)
def test_an_example_says_how_to_start_it(name: str) -> None:
    """The docstring has the command that serves the example, and requests to make."""
    session = session_of(import_module(f"examples.{name}").__doc__ or "")

    assert f"$ hatch run demo {name}:app\n" in session
    assert exchanges(session)


async def test_the_access_log_keeps_the_token_and_the_health_checks_out(caplog: pytest.LogCaptureFixture) -> None:
    """What the example says of its records holds."""
    app = import_module("examples.accesslog").app
    caplog.set_level(logging.INFO, "brickwork.accesslog")

    await curl(app, "curl 'localhost:8000/books/7?token=letmein'")
    await curl(app, "curl localhost:8000/health")

    (record,) = [vars(record) for record in caplog.records if record.name == "brickwork.accesslog"]
    assert (record["route"], record["query"]) == ("/books/{book_id}", "token=***")


async def test_log_lines_carry_the_request_id_and_what_was_bound(caplog: pytest.LogCaptureFixture) -> None:
    """The line that the request-ID example writes has the ID and the author."""
    app = import_module("examples.requestid").app
    caplog.set_level(logging.INFO, "examples.requestid")
    caplog.handler.addFilter(RequestIDFilter())

    await curl(app, "curl localhost:8000/quote -H 'X-Request-ID: from-my-proxy-1'")

    (line,) = [vars(record) for record in caplog.records if record.name == "examples.requestid"]
    assert (line["request_id"], line["author"]) == ("from-my-proxy-1", "Leo Tolstoy")
