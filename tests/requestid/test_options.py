"""Options: one list of them, and wrong ones refused at once."""

import inspect
from typing import Any

import pytest
from fastapi import FastAPI

from brickwork import install
from brickwork.requestid import RequestID, RequestIDMiddleware, RequestIDOptions, propagate


def test_middleware_and_piece_take_the_same_options() -> None:
    """What is documented is what can be passed."""
    assert list(RequestIDOptions.__annotations__) == list(inspect.signature(RequestID).parameters)


@pytest.mark.promise("requestid-9")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trust": "proxy"}, 'write "never", "always" or "proxies"'),
        ({"on_invalid": "drop"}, 'write "replace", "reject" or "hash"'),
        ({"trust": "proxies"}, "give both or neither"),
        ({"trusted_proxies": ["10.0.0.0/8"]}, "give both or neither"),
        ({"trust": "proxies", "trusted_proxies": ["proxy"]}, 'write it like "10.0.0.0/8"'),
        ({"header": "X Request"}, "use letters, digits and hyphens"),
        ({"header": ""}, "use letters, digits and hyphens"),
        ({"pattern": "("}, "must be a regular expression"),
        ({"pattern": "ä+"}, "must be a regular expression in ASCII"),
        ({"min_length": 0}, "use 1 <= min_length <= max_length"),
        ({"min_length": 9, "max_length": 8}, "use 1 <= min_length <= max_length"),
        ({"generator": lambda: "with\nbreak"}, "generator= gave"),
        ({"generator": lambda: "surrogate\ud800", "pattern": ".*"}, "generator= gave"),
        ({"generator": lambda: "short"}, "generator= gave 'short', which is no ID: give text that pattern="),
        ({"generator": lambda: 12345678}, "generator= gave 12345678"),
    ],
)
def test_wrong_options_are_refused_at_once(options: dict[str, Any], message: str) -> None:
    """The error says what to write instead."""
    with pytest.raises(ValueError, match=message):
        RequestIDMiddleware(FastAPI(), **options)


def test_unknown_options_are_refused_at_once() -> None:
    """A typing error does not pass silently; a bare string is no list."""
    with pytest.raises(TypeError, match="headr"):
        RequestIDMiddleware(FastAPI(), headr="X-ID")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"write \['10"):
        RequestIDMiddleware(FastAPI(), trust="proxies", trusted_proxies="10.0.0.0/8")


class Client:
    """Anything with hooks."""

    def __init__(self) -> None:
        self.event_hooks: dict[str, list[Any]] = {"request": []}


@pytest.mark.parametrize("host", ["https://a.internal", "a.internal:8080", "a.internal/path", "a b", ""])
def test_hosts_are_hosts(host: str) -> None:
    """No scheme, no port, no path: such a pattern would match nothing."""
    with pytest.raises(ValueError, match="write it without scheme, port and path"):
        propagate(Client(), to=[host])


def test_hosts_are_a_list_that_is_not_empty() -> None:
    """Nothing is sent anywhere by accident."""
    with pytest.raises(TypeError, match=r"write \['\*\.internal'\]"):
        propagate(Client(), to="*.internal")
    with pytest.raises(ValueError, match="names no host"):
        propagate(Client(), to=[])
    with pytest.raises(ValueError, match="no header name"):
        propagate(Client(), to=["a"], header="X ID")


@pytest.mark.parametrize(
    ("options", "statuses"),
    [({}, {"200"}), ({"on_invalid": "reject"}, {"200"}), ({"on_invalid": "reject", "trust": "always"}, {"200", "400"})],
)
def test_a_refusal_is_declared_where_it_can_happen(options: RequestIDOptions, statuses: set[str]) -> None:
    """OpenAPI and the stack's table show the 400 only of an app that refuses invalid IDs."""
    app = FastAPI()

    @app.get("/")
    async def home() -> None: ...

    stack = install(app, request_id=options)

    assert {*app.openapi()["paths"]["/"]["get"]["responses"]} == statuses
    assert ("invalid-request-id" in stack.explain()) == ("400" in statuses)
