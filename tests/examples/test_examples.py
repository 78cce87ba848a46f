"""Each example runs, and answers as its docstring shows."""

import logging
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import examples
from brickwork.ratelimit import RateLimitTesting
from brickwork.requestid import RequestIDFilter
from tests.examples.console import agrees, curl, exchanges, session_of, terminal

NAMES = sorted(path.stem for path in Path(examples.__path__[0]).glob("[a-z]*.py") if path.stem != "demo")


@pytest.fixture
def nothing_counted() -> Iterator[RateLimitTesting]:
    """Let the limits of their example begin anew: others may have called it from here."""
    with import_module("examples.ratelimit").limiter.testing() as time:
        time.reset()
        yield time
        time.reset()


@pytest.mark.usefixtures("nothing_counted")
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


async def test_limits_come_back_with_time(nothing_counted: RateLimitTesting) -> None:
    """What the example of rate limits refuses, it gives again when the time has come, and not before."""
    app = import_module("examples.ratelimit").app
    refused = [await curl(app, "curl -i localhost:8000/quotes/report") for _ in range(2)][1]
    (wait,) = re.findall(r"^retry-after: (\d+)$", refused, flags=re.MULTILINE)

    nothing_counted.advance(int(wait) - 1)
    early = await curl(app, "curl -i localhost:8000/quotes/report")
    nothing_counted.advance(1)
    late = await curl(app, "curl localhost:8000/quotes/report")

    assert "429 Too Many Requests" in early
    assert late == '"2 quotes, 52 letters"'


async def test_a_right_password_is_no_attempt(nothing_counted: RateLimitTesting) -> None:
    """Who knows the password logs in as often as they like, also from an address that others guess from."""
    app = import_module("examples.ratelimit").app
    guesses = [await curl(app, f"curl -i localhost:8000/login -d login=ada -d password={each}") for each in range(3)]

    welcomes = {await curl(app, "curl localhost:8000/login -d login=bob -d password=amber") for _ in range(10)}

    assert [guess.split()[1] for guess in guesses] == ["401", "401", "429"]
    assert welcomes == {'"Welcome, bob."'}


async def test_the_example_shows_all_its_limits() -> None:
    """The table of the example names each route and what limits it."""
    table = await curl(import_module("examples.ratelimit").app, "curl localhost:8000/limits")

    for told in ("/quotes/random", "/search", "/login", "/health", "1000/minute", "30/hour"):
        assert told in table
