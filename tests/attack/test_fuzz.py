"""Hostile requests over real sockets, to every example: nothing breaks, hangs or tells."""

import gc
import logging
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest
from fastapi import FastAPI

from . import target
from .corpus import corpus
from .mutations import hostile
from .request import operations
from .server import Parser, serving
from .verdict import Expectation, Verdict, judge
from .wire import exchange_all

# Starlette leaves the file of a form that does not end to the collector, which warns; let it do so here.
pytestmark = pytest.mark.filterwarnings("ignore:Unclosed file <tempfile:ResourceWarning")

PARSERS = get_args(Parser)
EXAMPLES = sorted(
    path.stem for path in (Path(__file__).parents[2] / "examples").glob("[a-z]*.py") if path.stem != "demo"
)
# What an example does not show, its answers do not have; an example that is not listed shows the whole stack.
EXPECTED = {
    "accesslog": Expectation(numbered=False, hardened=False, described=False),
    "database": Expectation(numbered=False, hardened=False),
    "headers": Expectation(numbered=False, described=False),
    "listing": Expectation(numbered=False, hardened=False),
    "problems": Expectation(numbered=False, hardened=False, deliberate=frozenset({500})),
    "requestid": Expectation(hardened=False, described=False),
    "stack": Expectation(deliberate=frozenset({504})),
}


APPS = {
    "shop.app": Expectation(),
    **{name: EXPECTED.get(name, Expectation()) for name in EXAMPLES},
    "with_handlers": Expectation(numbered=False, hardened=False),
    "with_stack": Expectation(),
}


def app_of(name: str) -> FastAPI:
    """Give an example's app, or one of our own targets."""
    if name in {"with_handlers", "with_stack"}:
        made: FastAPI = getattr(target, name)()
        return made
    found: FastAPI = import_module(f"examples.{name}").app
    return found


async def attack(app: FastAPI, parser: Parser, expectation: Expectation, *, count: int, seed: int) -> Verdict:
    """Serve an app, send it the corpus and as many hostile requests, and judge its answers."""
    known = operations(app)
    with serving(app, parser) as port:
        exchanges = await exchange_all(port, [*corpus(known), *hostile(known, count, seed)])
    gc.collect()
    return judge(exchanges, expectation)


# What a server says when an app answers on a connection that the server itself has closed already.
TOO_LATE = ("role=SERVER and state=", "our state is ERROR", "the handler is closed")


def errors_of_the_app(records: list[logging.LogRecord]) -> list[str]:
    """Show the errors that were logged, except those that the platform makes of a client's breach."""
    told = [(record.getMessage(), record.exc_info[1] if record.exc_info else None) for record in records]
    # In its transport the server is alone: it answers a HEAD that it cannot read with a body that h11 refuses.
    told = [(message, error) for message, error in told if not message.startswith("Fatal error on transport")]
    return [f"{message}: {error!r}" for message, error in told if not any(each in str(error) for each in TOO_LATE)]


@pytest.mark.promise("problems-1", "problems-14", "requestid-5", "stack-1")
@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("name", APPS)
async def test_hostile_requests_do_no_harm(name: str, parser: Parser, expected_errors: list[logging.LogRecord]) -> None:
    """The corpus and 500 hostile requests get answers that break nothing, promise nothing less, and tell nothing."""
    verdict = await attack(app_of(name), parser, APPS[name], count=500, seed=1)

    assert verdict.findings == []
    assert errors_of_the_app(expected_errors) == []
    assert verdict.statuses.total() > 400


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", [2, 3, 4])
@pytest.mark.parametrize("name", ["shop.app", "with_handlers", "with_stack"])
async def test_many_hostile_requests_do_no_harm(name: str, seed: int, expected_errors: list[logging.LogRecord]) -> None:
    """1,500 requests of three more seeds find nothing either, through both parsers."""
    verdicts = [await attack(app_of(name), parser, APPS[name], count=1_500, seed=seed) for parser in PARSERS]

    assert [verdict.findings for verdict in verdicts] == [[], []]
    assert errors_of_the_app(expected_errors) == []


@pytest.mark.parametrize("parser", PARSERS)
async def test_the_fuzzer_finds_what_bare_fastapi_lacks(
    parser: Parser, expected_errors: list[logging.LogRecord]
) -> None:
    """The attack is worth something: without Brickwork it breaks the app, and sees no problem documents."""
    verdict = await attack(target.plain(), parser, Expectation(numbered=False, hardened=False), count=200, seed=1)

    faults = " ".join(verdict.findings)
    assert "the app broke" in faults
    assert "repeats what it refused" in faults
    assert "is no problem" in faults
