"""Unhandled errors behind a real server: the client learns nothing, the server everything, once."""

import logging
from typing import get_args

import httpx2
import pytest
from fastapi import FastAPI

from brickwork import install
from brickwork.problems import add_problem_handlers
from brickwork.testing import CapturedLogs, assert_problem

from .server import Parser, serving
from .verdict import LEAK

PARSERS = get_args(Parser)


class StockroomError(Exception):
    """What breaks."""


def broken(*, stack: bool, debug: bool) -> FastAPI:
    """Make an app that fails, with everything installed or handlers only."""
    app = FastAPI(debug=debug)

    @app.get("/broken")
    async def fail() -> None:
        raise StockroomError("SELECT * FROM /home/ada/shop.sqlite")

    (install if stack else add_problem_handlers)(app)
    return app


@pytest.mark.promise("problems-12", "stack-2", "stack-3")
@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("stack", [False, True])
async def test_an_error_is_told_to_the_server_alone(
    stack: bool, debug: bool, parser: Parser, logs: CapturedLogs, expected_errors: list[logging.LogRecord]
) -> None:
    """Whatever the settings, the body holds not a word of the error, and the log has it once, with its traceback."""
    with serving(broken(stack=stack, debug=debug), parser) as port:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            response = await client.get("/broken")

    assert_problem(response, 500)
    assert not LEAK.search(response.content)
    [record] = expected_errors
    assert record.name == "uvicorn.error"
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], StockroomError)
    if stack:
        assert logs.for_request(response.headers["x-request-id"]).from_logger("uvicorn.error").records == [record]
