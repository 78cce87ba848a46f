"""Apps do what their OpenAPI documents say, whatever is sent: schemathesis makes up the requests."""

from collections.abc import Callable
from typing import Any, cast

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    unsupported_method,
)

from examples import problems
from examples.shop.app import create_app

from . import target

Test = Callable[[Case[Any]], None]

# Derandomised: a run that fails fails again.
thorough = settings(
    max_examples=60,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.data_too_large, HealthCheck.filter_too_much, HealthCheck.too_slow],
)


def requests_to(app: FastAPI) -> Callable[[Test], Test]:
    """Run a test with every kind of request that an app's own description allows, and with those that it forbids."""
    parametrize = schemathesis.openapi.from_asgi("/openapi.json", app).parametrize()

    def decorate(test: Test) -> Test:
        return cast("Test", parametrize(thorough(test)))

    return decorate


@pytest.mark.promise("problems-37")
@requests_to(create_app(trusted_hosts=["testserver"], rate_limits=False))
def test_the_shop_keeps_its_word(case: Case[Any]) -> None:
    """No request gives a 500, a status or body that is not declared, or is accepted although the schema forbids it."""
    # The schema cannot say that a book is in the catalogue, nor that 1.0 is no whole number of copies; nor that the
    # methods of /books/{book_id} are there at /books/feed, too.
    looks_like_another = [allow_header_conformance, unsupported_method] if case.path == "/books/feed" else []
    case.call_and_validate(excluded_checks=[positive_data_acceptance, *looks_like_another])


@requests_to(problems.app)
def test_an_app_with_problem_handlers_keeps_its_word(case: Case[Any]) -> None:
    """Every status and body that the handlers give is declared."""
    case.call_and_validate()


@pytest.mark.promise("problems-37")
@requests_to(target.with_stack())
def test_everything_a_stack_answers_is_declared(case: Case[Any]) -> None:
    """Also where forms, files, raw bodies and anything else are read."""
    case.call_and_validate(excluded_checks=[negative_data_rejection, positive_data_acceptance])
