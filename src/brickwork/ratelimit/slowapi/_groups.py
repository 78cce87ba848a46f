"""What one decorator, or one entry of ``default_limits``, asks for; and what that comes to for one request."""

import inspect
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from limits import RateLimitItem, parse_many
from slowapi.wrappers import Limit as SlowLimit
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from .._errors import ReducedCapacityError
from .._rules.values import Algorithm, Limit
from .._service.applying import whole
from .._service.keys import Key

_STRATEGIES: Final[dict[str, Algorithm]] = {
    "fixed-window": "fixed",
    "moving-window": "log",
    "sliding-window-counter": "sliding",
}

_logger = logging.getLogger("brickwork.ratelimit")


class Each(NamedTuple):
    """One limit of a group: as slowapi tells of it, and as it is counted here."""

    shown: SlowLimit
    limit: Limit


@dataclass(frozen=True, slots=True)
class Group:
    """Limits that were written together.

    Attributes:
        provider: The limits, or a function that gives them for one request.
        key_func: Whom they count, as the application wrote it.
        key: The same, as it is asked here.
        algorithm: How they count.
        scope: What they share, or a function that gives it; None for a bucket per endpoint.
        per_method: Whether each method has a bucket of its own.
        methods: The methods that they limit, in lower case; None for all.
        error_message: What a refusal says in place of the limit.
        exempt_when: Tells whether they do not apply to a request.
        cost: What a request costs.
        override_defaults: Whether ``default_limits`` give way.
        known: The limits, where they are the same for all requests.
    """

    provider: str | Callable[..., Any]
    key_func: Callable[..., Any]
    key: Key
    algorithm: Algorithm
    scope: str | Callable[..., Any] | None = None
    per_method: bool = False
    methods: tuple[str, ...] | None = None
    error_message: str | Callable[..., str] | None = None
    exempt_when: Callable[..., Any] | None = None
    cost: int | Callable[..., Any] = 1
    override_defaults: bool = True
    known: tuple[Each, ...] = ()

    def read(self) -> "Group":
        """Give the group with its limits read, unless they depend on the request.

        Raises:
            ValueError: They cannot be read, or let nothing through; or the cost is no whole number from 0 on.
        """
        if not callable(self.cost):
            whole(self.cost)
        if callable(self.provider):
            return self
        return replace(self, known=self._each(self.provider))

    async def limits(self, connection: HTTPConnection) -> Sequence[Each]:
        """Give the limits that apply to a request.

        Raises:
            ReducedCapacityError: (503) A function of the application failed: it is in the log.
        """
        if self.methods is not None and method_of(connection).lower() not in self.methods:
            return ()
        if self.exempt_when is not None and await ask(self.exempt_when, connection):
            return ()
        if not callable(self.provider):
            return self.known
        key = await ask(self.key_func, connection) if "key" in _parameters(self.provider) else None
        limits: Sequence[Each] = await asked(self._provided, self.provider, connection, key)
        return limits

    async def price(self, connection: HTTPConnection) -> int:
        """Give what a request costs.

        Raises:
            ReducedCapacityError: (503) A function of the application failed, or gave no whole number from 0 on.
        """
        price: int = await asked(_price, self.cost, connection) if callable(self.cost) else self.cost
        return price

    async def bucket(self, connection: HTTPConnection, endpoint: str, otherwise: str) -> str:
        """Give the name of what is counted.

        Args:
            connection: The request.
            endpoint: The name of the endpoint, which a function for the scope may ask for.
            otherwise: The bucket of the endpoint.
        """
        if self.scope is None:
            bucket = f"route:{otherwise}"
        else:
            shared = await asked(_scope, self.scope, connection, endpoint) if callable(self.scope) else self.scope
            bucket = f"shared:{shared}"
        return f"{bucket}:{method_of(connection)}" if self.per_method else bucket

    async def _provided(self, provider: Callable[..., Any], connection: HTTPConnection, key: Any) -> Sequence[Each]:
        given = provider(key) if "key" in _parameters(provider) else call(provider, connection)
        return self._each(await given if inspect.isawaitable(given) else given)

    def _each(self, text: str) -> tuple[Each, ...]:
        return tuple(Each(self._shown(item), limit_of(item, self.algorithm)) for item in _parse(text))

    def _shown(self, item: RateLimitItem) -> SlowLimit:
        return SlowLimit(
            item,
            self.key_func,
            None if callable(self.scope) else self.scope,
            self.per_method,
            None if self.methods is None else list(self.methods),
            self.error_message,
            self.exempt_when,
            self.cost,
            self.override_defaults,
        )


def algorithm_of(strategy: str) -> Algorithm:
    """Give the algorithm that slowapi calls a strategy.

    Raises:
        ValueError: There is none of that name.
    """
    if strategy not in _STRATEGIES:
        raise ValueError(f"a strategy is one of {', '.join(sorted(_STRATEGIES))}, got {strategy!r}")
    return _STRATEGIES[strategy]


def limit_of(item: RateLimitItem, algorithm: Algorithm) -> Limit:
    """Give a limit of the package `limits` as it is counted here.

    Raises:
        ValueError: It lets nothing through, or cannot be counted.
    """
    return Limit(item.amount, item.get_expiry(), algorithm)


def method_of(connection: HTTPConnection) -> str:
    """Give the method of a request; ``WEBSOCKET`` for a socket."""
    method: str = connection.scope.get("method", "WEBSOCKET")
    return method


async def ask(function: Callable[..., Any], connection: HTTPConnection) -> Any:
    """Ask a function of the application that takes the request, or nothing; it may be a coroutine function."""
    return await asked(_called, function, connection)


async def asked(question: Callable[..., Any], *given: Any) -> Any:
    """Ask, and never let a request pass uncounted because nobody could answer.

    Raises:
        HTTPException: It is what the function raised.
        ReducedCapacityError: (503) The function failed with anything else: it is in the log.
    """
    try:
        return await question(*given)
    except HTTPException:
        raise
    except Exception as error:
        _logger.exception("A function that limits are made of failed, so the request is refused.")
        raise ReducedCapacityError from error


async def _called(function: Callable[..., Any], connection: HTTPConnection) -> Any:
    given = call(function, connection)
    return await given if inspect.isawaitable(given) else given


async def _price(function: Callable[..., Any], connection: HTTPConnection) -> int:
    return whole(await _called(function, connection))


async def _scope(function: Callable[..., Any], connection: HTTPConnection, endpoint: str) -> Any:
    names = _parameters(function)
    given = function(endpoint) if names and "request" not in names else call(function, connection)
    return await given if inspect.isawaitable(given) else given


def call(function: Callable[..., Any], connection: HTTPConnection) -> Any:
    """Call a function that takes the request, or nothing."""
    return function(connection) if _parameters(function) else function()


def _parameters(function: Callable[..., Any]) -> Sequence[str]:
    return tuple(inspect.signature(function).parameters)


def _parse(text: object) -> list[RateLimitItem]:
    try:
        return parse_many(text)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise ValueError(f'{text!r} is no limit: write it like "5/minute" or "10/second;1000/hour"') from error
