"""Who calls, as one block states it and another reads it."""

from typing import Any

import pytest

from brickwork._core.scope import network, state_caller, stated_caller


def scope(**more: Any) -> dict[str, Any]:
    """A request."""
    return {"type": "http", "headers": [], **more}


def test_a_caller_is_read_as_stated() -> None:
    """A user stays stated when somebody else finds nobody, and a later user counts."""
    request = scope()

    state_caller(request, None)
    assert stated_caller(request) is None
    state_caller(request, "ada")
    state_caller(request, None)
    assert stated_caller(request) == "ada"
    state_caller(request, "grace")
    assert stated_caller(request) == "grace"


def test_nobody_has_asked() -> None:
    """Where nobody asked, that is not the same as where nobody was found."""
    with pytest.raises(LookupError):
        stated_caller(scope())


def test_a_caller_is_that_of_one_request() -> None:
    """Requests that share one state share no caller."""
    state: dict[str, Any] = {}
    first, second = scope(state=state), scope(state=state)
    state_caller(first, "ada")

    with pytest.raises(LookupError):
        stated_caller(second)
    state_caller(second, None)
    assert stated_caller(second) is None


@pytest.mark.parametrize(
    ("address", "prefix", "block"),
    [
        ("203.0.113.7", 56, "203.0.113.7"),
        ("2001:db8:1:234::5", 56, "2001:db8:1:200::/56"),
        ("2001:db8::5", 128, "2001:db8::5/128"),
        ("no:address", 64, "no:address"),
    ],
)
def test_one_client_is_one_network(address: str, prefix: int, block: str) -> None:
    """As many bits as are asked for tell IPv6 apart; what is no address is itself."""
    assert network(address, prefix) == block
