"""The dependency that limits a route: ``limiter.depends(…)``."""

from collections.abc import Sequence
from inspect import Signature
from typing import TYPE_CHECKING, Any, Self

from fastapi import Response
from starlette.requests import HTTPConnection

from ..._core.problem import Problem
from ..._core.scope import takes_response
from .._errors import RateLimitExceededError, ReducedCapacityError
from .._rules.values import Decision
from .._service.applying import route_name
from .._service.decisions import UNLIMITED
from .parts import Asked, Part, signature_of
from .precedence import Kind, Ranked
from .telling import Telling, refusing

if TYPE_CHECKING:
    from .limiter import RateLimiter


class LimitDependency:
    """Gives the `Decision` on a request, and refuses it where a limit does.

    Two that were made alike are one to FastAPI, which asks it once in a request.

    Attributes:
        limiter: What made it.
        parts: The rules.
        stack: Whether it adds to limits further out.
        kind: What it counts.
    """

    kind: Kind = "requests"

    def __init__(self, limiter: "RateLimiter", parts: Sequence[Part], *, stack: bool = False) -> None:
        self.limiter = limiter
        self.parts = tuple(parts)
        self.stack = stack
        # FastAPI looks each dependency up several times for every request.
        self._hash = hash((type(self), id(limiter), self.parts, stack))
        self.__signature__: Signature = signature_of(self.parts)
        self.__problems__: tuple[type[Problem], ...] = problems_of(limiter, self.parts)

    @property
    def replaces_default(self) -> bool:
        """Whether the limiter's default gives way to it."""
        return not self.stack

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, LimitDependency)
            and self.limiter is other.limiter
            and self.parts == other.parts
            and self.stack == other.stack
        )

    def __hash__(self) -> int:
        return self._hash

    def joined(self, other: Self) -> "LimitDependency":
        """Give one that admits what both admit, and counts all or nothing."""
        return LimitDependency(self.limiter, (*self.parts, *other.parts), stack=self.stack and other.stack)

    async def __call__(self, *, connection: HTTPConnection, response: Response, **found: Any) -> Decision:
        """Decide: FastAPI calls this.

        Raises:
            RateLimitExceededError: (429) A limit is used up.
            ReducedCapacityError: (503) Nobody can count, and nobody is to pass uncounted.
            RuntimeError: ``count_when`` needs `RateLimitMiddleware`, which is not there.
        """
        if await stands_aside(self.limiter, self, connection):
            return UNLIMITED
        if takes_response(connection.scope):
            return await self._decide(connection, response, found)
        with refusing(connection.scope):
            return await self._decide(connection, response, found)

    async def _decide(self, connection: HTTPConnection, response: Response, found: dict[str, Any]) -> Decision:
        limiter = self.limiter
        pairs = await Asked(connection, route_name(connection.scope), found, limiter.applying).all(self.parts)
        if not pairs:
            return UNLIMITED
        telling = Telling(limiter, connection, response)
        held = [(rule.count_when, each) for rule, each in pairs if rule.count_when is not None]
        if held and telling.ledger is None:
            raise RuntimeError(_NO_MIDDLEWARE)
        decision = await limiter.engine.decide([each for _, each in pairs])
        told = telling.tell(decision)
        if telling.ledger is not None:
            for count_when, each in held:
                telling.ledger.hold(count_when, limiter.engine.giving_back([each], decision))
        return told


async def stands_aside(limiter: "RateLimiter", limit: Ranked, connection: HTTPConnection) -> bool:
    """Tell whether a limit does not concern a request: nothing is counted, or something else counts it."""
    if not limiter.enabled or not limiter.precedence.applies(limit, connection.scope):
        return True
    applying = limiter.applying
    return applying.exempting and await applying.exempts(connection)


def problems_of(limiter: "RateLimiter", parts: Sequence[Part]) -> tuple[type[Problem], ...]:
    """Give what a dependency can answer, for the OpenAPI document."""
    closed = any((part.rule.on_error or limiter.on_error) == "closed" for part in parts)
    return (RateLimitExceededError, ReducedCapacityError) if closed else (RateLimitExceededError,)


_NO_MIDDLEWARE = (
    "count_when= has to see the response: add app.add_middleware(RateLimitMiddleware, limiter=limiter), or "
    "install(app, rate_limit=limiter)"
)
