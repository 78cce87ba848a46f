"""Options: what they are called, and what is refused."""

import inspect
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from brickwork.problems import Problem, ProblemOptions, ValidationProblem, add_problem_handlers


class NeedsError(Problem, status=409, slug="needs"):
    sku: str


def test_the_options_are_the_parameters() -> None:
    """`install(problems={…})` takes what `add_problem_handlers` takes."""
    parameters = [name for name in inspect.signature(add_problem_handlers).parameters if name != "app"]

    assert parameters == list(ProblemOptions.__annotations__)


@pytest.mark.promise("problems-40")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base_uri": "problems/"}, "an absolute URI or a full path, with a slash at its end"),
        ({"base_uri": "https://api.example/problems"}, "with a slash at its end"),
        ({"base_uri": ""}, "base_uri=''"),
        ({"base_uri": "https://api.example/ /"}, "base_uri="),
        ({"validation_status": 418}, "validation_status=418 must be 422 or 400"),
        ({"max_errors": 0}, "max_errors=0 must be 1 or more"),
        ({"map": {KeyError: NeedsError}}, "KeyError: NeedsError.*needs sku=; write a function"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], message: str) -> None:
    """With a sentence that says what to write instead."""
    with pytest.raises(ValueError, match=message):
        add_problem_handlers(FastAPI(), **options)


@pytest.mark.promise("problems-40")
@pytest.mark.parametrize("key", [404, "KeyError", int])
def test_only_errors_can_be_mapped(key: Any) -> None:
    """A key that is no exception class is refused."""
    with pytest.raises(TypeError, match="must be an exception class"):
        add_problem_handlers(FastAPI(), map={key: ValidationProblem})


@pytest.mark.promise("problems-40")
def test_a_second_call_is_refused() -> None:
    """One app has one set of handlers."""
    app = FastAPI()
    add_problem_handlers(app)

    with pytest.raises(RuntimeError, match="call add_problem_handlers once"):
        add_problem_handlers(app)


@pytest.mark.promise("problems-40")
def test_a_late_call_is_refused() -> None:
    """After the first request handlers would do nothing, in silence."""
    app = FastAPI()
    TestClient(app).get("/")

    with pytest.raises(RuntimeError, match="where the app is made"):
        add_problem_handlers(app)


def test_two_apps_do_not_touch() -> None:
    """Each has its own base, and nothing of the other's types."""
    first, second = FastAPI(), FastAPI()
    add_problem_handlers(first, base_uri="/first/")
    add_problem_handlers(second, base_uri="/second/", map={KeyError: lambda _: NeedsError(sku="A1")})

    @second.get("/")
    async def fail() -> None:
        raise KeyError

    assert TestClient(second).get("/").json()["type"] == "/second/needs"
    assert TestClient(first).get("/").json()["type"] == "about:blank"
