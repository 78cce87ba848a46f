"""`Budget`: what is spent once the cost is known."""

from collections.abc import Sequence
from contextlib import suppress
from inspect import Signature
from typing import TYPE_CHECKING, Any

from fastapi import Response
from starlette.requests import HTTPConnection

from ..._core.problem import Problem
from .._errors import ReducedCapacityError
from .._rules.values import Decision
from .._service.applied import Applied
from .._service.applying import route_name, whole
from .._service.decisions import UNLIMITED
from .._service.engine import Engine
from .marker import problems_of, stands_aside
from .parts import Asked, Part, signature_of
from .precedence import Kind
from .telling import Telling, refusing

if TYPE_CHECKING:
    from .limiter import RateLimiter


class Budget:
    """What a caller has left to spend; there was something when the request came in.

    Attributes:
        decision: What was decided last.
    """

    def __init__(self, engine: Engine, asked: Sequence[Applied], telling: Telling, decision: Decision) -> None:
        self._engine = engine
        self._asked = asked
        self._telling = telling
        self.decision: Decision = decision

    @property
    def limit(self) -> int | None:
        """What may be spent in a period; None where nothing limits this caller."""
        return self.decision.limit

    @property
    def remaining(self) -> int | None:
        """What is left of it, 0 or more; None where nothing limits this caller."""
        return self.decision.remaining

    async def spend(self, amount: int) -> Decision:
        """Spend, also more than is left: the caller is in debt then, and the next request is refused.

        Nothing is refused here, since the work is done: where nobody can count it, it is not counted.

        Args:
            amount: How much, a whole number from 0 on.

        Raises:
            ValueError: It is something else.
        """
        cost = whole(amount)
        if not self._asked:
            return self.decision
        with suppress(ReducedCapacityError):
            spent = [each._replace(cost=cost) for each in self._asked]
            decision = await self._engine.decide(spent, mode="force")
            self.decision = self._telling.tell_anew(self.decision, decision)
        return self.decision


class BudgetDependency:
    """Gives the `Budget` of a caller, and refuses the request where nothing is left of it.

    Attributes:
        limiter: What made it.
        parts: The rules.
        unit: What is spent.
        stack: Whether it adds to limits further out.
        kind: What it counts.
        replaces_default: Whether the limiter's default gives way to it.
    """

    kind: Kind = "budget"
    stack = True
    replaces_default = False

    def __init__(self, limiter: "RateLimiter", parts: Sequence[Part], unit: str) -> None:
        self.limiter = limiter
        self.parts = tuple(parts)
        self.unit = unit
        self._hash = hash((type(self), id(limiter), self.parts, unit))
        self.__signature__: Signature = signature_of(self.parts)
        self.__problems__: tuple[type[Problem], ...] = problems_of(limiter, self.parts)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, BudgetDependency)
            and self.limiter is other.limiter
            and self.parts == other.parts
            and self.unit == other.unit
        )

    def __hash__(self) -> int:
        return self._hash

    async def __call__(self, *, connection: HTTPConnection, response: Response, **found: Any) -> Budget:
        """Give the budget: FastAPI calls this.

        Raises:
            RateLimitExceededError: (429) Nothing is left.
            ReducedCapacityError: (503) Nobody can count, and nobody is to pass uncounted.
        """
        limiter = self.limiter
        telling = Telling(limiter, connection, response)
        if await stands_aside(limiter, self, connection):
            return Budget(limiter.engine, (), telling, UNLIMITED)
        where = route_name(connection.scope)
        pairs = await Asked(connection, where, found, limiter.applying, self.unit).all(self.parts)
        asked = [each for _, each in pairs]
        if not asked:
            return Budget(limiter.engine, (), telling, UNLIMITED)
        with refusing(connection.scope):
            told = telling.tell(await limiter.engine.decide(asked, mode="peek"))
        return Budget(limiter.engine, asked, telling, told)
