"""Rules, checked where they are written."""

from typing import Any

import pytest
from fastapi import Depends
from starlette.requests import HTTPConnection

from brickwork.ratelimit import Limit, ResponseInfo, Rule, by_ip, by_user
from brickwork.ratelimit._service import rule
from brickwork.ratelimit._service.rule import limits_of


def who(connection: HTTPConnection) -> str:
    """A key of one's own."""
    return "ada"


async def bad_login(response: ResponseInfo) -> bool:
    """A condition that somebody would have to wait for."""
    return response.status_code == 401


def test_a_rule_holds_what_it_says() -> None:
    """Limits may be text, values or both; a function is as good a key as any."""
    written = Rule(["10/second; 100/minute", Limit(5, 60, "log")], key=who, name="search", shadow=True)

    assert written.limits == (Limit(10, 1), Limit(100, 60), Limit(5, 60, "log"))
    assert written.key is not None
    assert (written.cost, written.name, written.shadow, written.on_error) == (1, "search", True, None)
    assert Rule(Limit(5, 60)).limits == (Limit(5, 60),)
    dependency = Depends(who)
    assert Rule("5/minute", key=dependency, cost=dependency).key is dependency


def test_equal_rules_are_equal() -> None:
    """Rules are told apart by what they say, and nobody can change one."""
    assert Rule("5/minute", key=by_ip()) == Rule("5 per minute", key=by_ip())
    assert hash(Rule("5/minute", key=who)) == hash(Rule("5/minute", key=who))
    assert Rule("5/minute", key=by_ip()) != Rule("5/minute", key=by_user())
    with pytest.raises(AttributeError):
        Rule("5/minute").cost = 2  # type: ignore[misc]


@pytest.mark.promise("ratelimit-16")
@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"limits": "5 per fortnight"}, ValueError, "fortnight"),
        ({"limits": "0/minute"}, ValueError, "minute"),
        ({"limits": []}, ValueError, "a rule needs a limit"),
        ({"limits": 5}, TypeError, "a limit is written like"),
        ({"cost": -1}, ValueError, "0 or more"),
        ({"cost": 1.5}, TypeError, "a whole number or a function"),
        ({"cost": True}, TypeError, "a whole number or a function"),
        ({"name": ""}, ValueError, "printable ASCII"),
        ({"name": "a\nb"}, ValueError, "printable ASCII"),
        ({"name": "ä"}, ValueError, "printable ASCII"),
        ({"name": "a" * 65}, ValueError, "printable ASCII"),
        ({"scope": ""}, ValueError, "leave it out"),
        ({"on_error": "maybe"}, ValueError, "on_error is"),
        ({"key": "ip"}, TypeError, "a key is by_ip"),
        ({"key": by_ip}, TypeError, r"write by_ip\("),
        ({"count_when": 401}, TypeError, "count_when is a function"),
        ({"count_when": bad_login}, TypeError, "write def in place of async def"),
        ({"exempt_when": True}, TypeError, "exempt_when is a function"),
    ],
)
def test_nonsense_is_refused(options: dict[str, Any], error: type[Exception], sentence: str) -> None:
    """What makes no sense is refused with a sentence that says what to write."""
    with pytest.raises(error, match=sentence):
        Rule(**{"limits": "5/minute", **options})


@pytest.mark.promise("ratelimit-17")
def test_texts_are_read_once() -> None:
    """A tier's text is read the first time, and the memory of texts is bounded."""
    first = limits_of("7/minute; 70/hour")

    for number in range(1, 3_000):
        limits_of(f"{number}/minute")

    assert limits_of("7/minute; 70/hour") == first
    assert limits_of("8/minute") is limits_of("8/minute")
    assert rule._parsed.cache_info().currsize <= 1_024
