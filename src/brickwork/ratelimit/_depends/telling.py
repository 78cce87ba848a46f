"""Telling of a decision: in the headers of the response, or by refusing the request."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from fastapi import Response, WebSocketException
from starlette.requests import HTTPConnection

from ..._core.scope import RATE_LIMIT_UNSENT, takes_response
from .._errors import RateLimitExceededError, ReducedCapacityError
from .._rules.fields import Pairs
from .._rules.values import Decision
from .._service.ledger import Ledger, ledger_of
from .._service.refusal import refusal

if TYPE_CHECKING:
    from starlette.types import Scope

    from .limiter import RateLimiter

_POLICY_VIOLATION: Final = 1008
_TRY_AGAIN_LATER: Final = 1013


@contextmanager
def refusing(scope: "Scope") -> Generator[None]:
    """Close a handshake where the server could not send the response that a refusal is.

    Raises:
        WebSocketException: The block refused a socket.
    """
    try:
        yield
    except (RateLimitExceededError, ReducedCapacityError) as error:
        if takes_response(scope):
            raise
        code = _POLICY_VIOLATION if isinstance(error, RateLimitExceededError) else _TRY_AGAIN_LATER
        raise WebSocketException(code, error.detail) from error


class Telling:
    """Tells of decisions on one request.

    Where `RateLimitMiddleware` serves the request, that writes the headers, whatever the endpoint returns. Otherwise
    they go where FastAPI takes the headers from that it adds.

    Args:
        limiter: Whose decisions.
        connection: The request or socket.
        response: What FastAPI takes headers from.
    """

    def __init__(self, limiter: "RateLimiter", connection: HTTPConnection, response: Response) -> None:
        self._limiter = limiter
        self._scope = connection.scope
        self._response = response
        self.ledger: Ledger | None = ledger_of(self._scope)

    def tell(self, decision: Decision) -> Decision:
        """Tell of a decision.

        Returns:
            The decision, its policies named as the response names them.

        Raises:
            RateLimitExceededError: (429) It refuses the request.
        """
        told = self._collected().add(decision)
        fields = self._write()
        if not told.allowed:
            raise refusal(told, fields)
        return told

    def tell_anew(self, before: Decision, decision: Decision) -> Decision:
        """Tell of a decision in place of one that was told, as far as the response has not begun."""
        ledger = self._collected()
        position = next(number for number, known in enumerate(ledger.decisions) if known is before)
        del ledger.decisions[position]
        told = ledger.add(decision)
        ledger.decisions.insert(position, ledger.decisions.pop())
        self._write()
        return told

    def _collected(self) -> Ledger:
        if self.ledger is not None:
            return self.ledger
        unsent: Ledger = self._scope.setdefault(RATE_LIMIT_UNSENT, Ledger(self._limiter))
        return unsent

    def _write(self) -> Pairs:
        if self.ledger is not None:
            return []
        policies = [policy for decision in self._collected().decisions for policy in decision.policies]
        fields = self._limiter.fields(policies)
        # Those of a decision that this one adds to, or replaces, are there already.
        names = {name for name, _ in fields}
        raw = self._response.raw_headers
        raw[:] = [*[pair for pair in raw if pair[0] not in names], *fields]
        return fields
