"""The forms in which the block runs, and what it logged."""

import logging
from collections.abc import Iterator

import pytest

from tests.accesslog.calls import Form, Records, alone, around, fused, installed


@pytest.fixture(params=[alone, around, fused, installed], ids=lambda form: form.__name__)
def form(request: pytest.FixtureRequest) -> Form:
    """Put the block around an application, with the options given."""
    given: Form = request.param
    return given


@pytest.fixture
def records() -> Iterator[Records]:
    """Collect the records of the access log."""
    logger, handler = logging.getLogger("brickwork.accesslog"), Records()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel("INFO")
    yield handler
    logger.setLevel(level)
    logger.removeHandler(handler)
