"""Errors and handlers of an application's own."""

import logging
import subprocess
import sys
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, Request
from starlette.responses import PlainTextResponse

from brickwork._core.renderer import renderer_of
from brickwork.problems import Problem, add_problem_handlers
from tests.problems.conftest import ClientOf, app_doing, raising


class OwnError(Exception):
    pass


class CloserError(OwnError):
    pass


class OwnProblem(Problem, status=410, slug="own"):
    pass


class CloserProblem(Problem, status=418, slug="closer"):
    who: str


def closer(error: CloserError) -> CloserProblem | None:
    """Know some of them."""
    return None if str(error) == "unknown" else CloserProblem(who=str(error))


OWN: dict[type[Exception], Any] = {OwnError: OwnProblem, CloserError: closer}


@pytest.mark.promise("problems-20")
@pytest.mark.parametrize(
    ("error", "status"), [(OwnError(), 410), (CloserError("ada"), 418), (CloserError("unknown"), 410)]
)
async def test_the_most_specific_class_decides(client_of: ClientOf, error: Exception, status: int) -> None:
    """A class, or a function that makes the problem or leaves it to the next."""
    answer = await client_of(app_doing(raising(error), map=OWN)).get("/")

    assert answer.status_code == status


@pytest.mark.promise("problems-21")
async def test_a_mapping_that_fails_is_one_record_and_a_bare_500(
    client_of: ClientOf, expected_errors: list[logging.LogRecord]
) -> None:
    """Both errors are in the record, neither in the answer."""

    def broken(error: OwnError) -> HTTPException:
        raise KeyError("mapper secret")

    answer = await client_of(app_doing(raising(OwnError("app secret")), map={OwnError: broken})).get("/")

    assert (answer.status_code, answer.json()["type"]) == (500, "about:blank")
    assert "secret" not in answer.text
    [record] = expected_errors
    text = logging.Formatter().format(record)
    assert "mapper secret" in text
    assert "app secret" in text


@pytest.mark.promise("problems-21")
def test_a_mapping_that_fails_elsewhere_names_the_error_too(expected_errors: list[logging.LogRecord]) -> None:
    """The first error is put behind the second even where Python did not."""
    app = FastAPI()

    def broken(error: OwnError) -> HTTPException:
        raise KeyError

    add_problem_handlers(app, map={OwnError: broken})

    meant = renderer_of(app).meaning({"type": "http", "headers": []}, OwnError("first"))

    assert meant is not None
    assert "first" in logging.Formatter().format(expected_errors[0])


@pytest.mark.promise("problems-29")
async def test_a_handler_of_ones_own_goes_first(client_of: ClientOf) -> None:
    """Whether registered before or after ours, for a class or for a status."""
    app = FastAPI()

    @app.exception_handler(OwnError)
    async def before(request: Request, error: Exception) -> PlainTextResponse:
        return PlainTextResponse("before", 400)

    add_problem_handlers(app, map={OwnError: OwnProblem})

    @app.exception_handler(404)
    async def after(request: Request, error: Exception) -> PlainTextResponse:
        return PlainTextResponse("after", 404)

    @app.get("/")
    async def fail() -> None:
        raise OwnError

    assert (await client_of(app).get("/")).text == "before"
    assert (await client_of(app).get("/nowhere")).text == "after"


@pytest.mark.promise("problems-29")
@pytest.mark.parametrize("key", [500, Exception])
async def test_a_handler_of_ones_own_for_everything_goes_first(client_of: ClientOf, key: Any) -> None:
    """Registered for `Exception` or for 500, before ours."""
    app = FastAPI()

    @app.exception_handler(key)
    async def mine(request: Request, error: Exception) -> PlainTextResponse:
        return PlainTextResponse("mine", 500)

    add_problem_handlers(app)

    @app.get("/")
    async def fail() -> None:
        raise OwnError

    assert (await client_of(app).get("/")).text == "mine"


@pytest.mark.promise("problems-27")
def test_no_package_is_imported_for_this() -> None:
    """Setting the handlers up, and answering an error, loads none of the packages that they know."""
    code = """
import sys
from fastapi import FastAPI
before = set(sys.modules)
from brickwork.problems import add_problem_handlers
app = FastAPI()
add_problem_handlers(app)
app.build_middleware_stack()
app.openapi()
print(*sorted({"sqlalchemy", "httpx", "httpx2", "slowapi"} & (set(sys.modules) - before)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""
