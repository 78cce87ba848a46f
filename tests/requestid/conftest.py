"""The forms in which the block runs; every one passes the same tests."""

import pytest

from tests.requestid.calls import Form, alone, around, fused, installed


@pytest.fixture(params=[alone, around, fused, installed], ids=lambda form: form.__name__)
def form(request: pytest.FixtureRequest) -> Form:
    """Put the block around an application, with the options given."""
    given: Form = request.param
    return given
