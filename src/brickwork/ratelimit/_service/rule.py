"""`Rule`: limits, whom they count, and what holds beside."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from inspect import iscoroutinefunction
from typing import Any, Final, get_args

from fastapi import params
from starlette.requests import HTTPConnection

from .._rules.grammar import parse
from .._rules.values import Limit
from .applied import OnError
from .keys import Caller, Key, as_key
from .ledger import CountWhen

Cost = int | Callable[[HTTPConnection], int | Awaitable[int]] | params.Depends
ExemptWhen = Callable[[HTTPConnection], bool | Awaitable[bool]]

_LONGEST_NAME: Final = 64

_parsed = lru_cache(maxsize=1024)(parse)


@dataclass(frozen=True, slots=True, init=False)
class Rule:
    """Limits, whom they count, and what holds beside.

    Attributes:
        limits: All that have to admit a request, as text such as ``"10/second; 1000/hour"`` or as `Limit`.
        key: Whom they count; None for the key of the limiter.
        cost: What a request costs: a number, or a function of the connection, sync or async.
        name: What headers and errors call it: up to 64 printable ASCII characters.
        scope: What is counted: None for each method and route on its own, ``"path"`` for each path, any other text for
            all that have the same text.
        count_when: Asked once the response begins, not asynchronously; where it says no, nothing was counted.
        exempt_when: Where it says yes, the rule does not apply.
        on_error: What holds while the store cannot be asked; None for what the limiter says.
        shadow: Whether the rule only watches, and refuses nobody; None for what the limiter says.
        policy: What headers call it: its name, else the scope that it shares, else ``route``.

    Raises:
        ValueError: A limit, a name or a choice makes no sense, or there is no limit.
        TypeError: A key, a cost or a condition is nothing that could be asked.
    """

    limits: tuple[Limit, ...]
    key: Key | params.Depends | None
    cost: Cost
    name: str | None
    scope: str | None
    count_when: CountWhen | None
    exempt_when: ExemptWhen | None
    on_error: OnError | None
    shadow: bool | None
    policy: str = field(init=False, repr=False, compare=False)

    def __init__(
        self,
        limits: str | Limit | Sequence[str | Limit],
        *,
        key: Key | Caller | params.Depends | None = None,
        cost: Cost = 1,
        name: str | None = None,
        scope: str | None = None,
        count_when: CountWhen | None = None,
        exempt_when: ExemptWhen | None = None,
        on_error: OnError | None = None,
        shadow: bool | None = None,
    ) -> None:
        _check_cost(cost)
        _check_texts(name, scope, on_error)
        _check_conditions(count_when, exempt_when)
        values: dict[str, Any] = {
            "limits": limits_of(limits),
            "key": key if key is None or isinstance(key, params.Depends) else as_key(key),
            "cost": cost,
            "name": name,
            "scope": scope,
            "count_when": count_when,
            "exempt_when": exempt_when,
            "on_error": on_error,
            "shadow": shadow,
            "policy": name or (None if scope == "path" else scope) or "route",
        }
        for attribute, value in values.items():
            object.__setattr__(self, attribute, value)


def limits_of(limits: str | Limit | Sequence[str | Limit]) -> tuple[Limit, ...]:
    """Give limits as values; texts that were read before are not read again.

    Raises:
        ValueError: A text is no limit, or there is none.
        TypeError: It is something else.
    """
    if isinstance(limits, str):
        return _parsed(limits)
    if isinstance(limits, Limit):
        return (limits,)
    if not isinstance(limits, Sequence):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f'a limit is written like "10/second; 1000/hour", got {limits!r}')
    found = tuple(limit for each in limits for limit in limits_of(each))
    if not found:
        raise ValueError('a rule needs a limit: write it like "10/second; 1000/hour"')
    return found


def _check_cost(cost: object) -> None:
    if isinstance(cost, int) and not isinstance(cost, bool):
        if cost < 0:
            raise ValueError(f"a cost is 0 or more, got {cost}")
    elif not callable(cost) and not isinstance(cost, params.Depends):
        raise TypeError(f"a cost is a whole number or a function of the connection, got {cost!r}")


def _check_conditions(count_when: object, exempt_when: object) -> None:
    for what, given in (("count_when", count_when), ("exempt_when", exempt_when)):
        if given is not None and not callable(given):
            raise TypeError(f"{what} is a function, got {given!r}")
    if iscoroutinefunction(count_when) or iscoroutinefunction(getattr(count_when, "__call__", None)):  # noqa: B004
        # Its coroutine, which nobody awaits, would read as a yes.
        raise TypeError("count_when decides at once, while the response begins: write def in place of async def")


def _check_texts(name: str | None, scope: str | None, on_error: str | None) -> None:
    if name is not None and not (0 < len(name) <= _LONGEST_NAME and name.isascii() and name.isprintable()):
        raise ValueError(f"{name!r} cannot stand in a header: use 1 to {_LONGEST_NAME} printable ASCII characters")
    if scope == "":
        raise ValueError('a scope is "path" or a name that rules share: leave it out for one bucket per route')
    if on_error is not None and on_error not in get_args(OnError):
        raise ValueError(f'on_error is "open", "closed" or "local", got {on_error!r}')
