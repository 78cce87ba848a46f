"""Hostile requests over real sockets, to every example: nothing breaks, hangs or tells."""

import logging
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

PARSERS = get_args(Parser)


async def attack(app: FastAPI, parser: Parser, expectation: Expectation, *, count: int, seed: int) -> Verdict:
    """Serve an app, send it the corpus and as many hostile requests, and judge its answers."""
    known = operations(app)
    with serving(app, parser) as port:
        exchanges = await exchange_all(port, [*corpus(known), *hostile(known, count, seed)])
    return judge(exchanges, expectation)


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
