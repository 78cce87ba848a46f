"""One decision: all limits that a request has to pass here, counted together or not at all."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from limits import RateLimitItem
from slowapi.errors import RateLimitExceeded
from slowapi.wrappers import Limit as SlowLimit
from starlette.requests import HTTPConnection

from ..._core.scope import SLOWAPI
from .._errors import ReducedCapacityError
from .._rules.values import SECOND, Decision, Verdict
from .._service.applied import Applied
from .._service.engine import Engine
from .._service.ledger import GiveBack
from ._groups import Group

if TYPE_CHECKING:
    from starlette.types import Scope


class Bucket(NamedTuple):
    """Where a request is counted that has no bucket by name.

    Attributes:
        endpoint: Module and name of the endpoint.
        name: The bucket of the endpoint.
    """

    endpoint: str
    name: str


class View(tuple[RateLimitItem, list[str]]):  # noqa: SLOT001 - a tuple has no room for slots
    """What slowapi keeps as ``request.state.view_rate_limit``: a limit and its key; and what was counted.

    Attributes:
        verdict: What the limit said.
    """

    verdict: Verdict


class Progress:
    """What has been decided about one request.

    Attributes:
        served: Whether a middleware writes the headers.
        done: The limiters that have decided at the endpoint.
        counted: How to give back what was counted before the endpoint, where the endpoint refuses.
    """

    __slots__ = ("counted", "done", "served")

    def __init__(self) -> None:
        self.served = False
        self.done: list[object] = []
        self.counted: list[GiveBack] = []


def progress_of(scope: "Scope") -> Progress:
    """Give what has been decided about a request so far."""
    progress: Progress | None = scope.get(SLOWAPI)
    if progress is None:
        progress = scope[SLOWAPI] = Progress()
        scope.setdefault("state", {})["view_rate_limit"] = None
    return progress


class Counting:
    """Decides by an engine, and by limits of their own where it cannot count.

    Args:
        engine: Counts.
        prefix: Stands before the name of every bucket.
        fallback: Counts in this process alone while the engine cannot, by ``instead``.
        instead: The limits that hold meanwhile.
    """

    def __init__(self, engine: Engine, *, prefix: str, fallback: Engine, instead: Sequence[Group]) -> None:
        self.engine = engine
        self._prefix = prefix
        self._fallback = fallback
        self._instead = instead

    async def decide(self, connection: HTTPConnection, groups: Sequence[Group], bucket: Bucket) -> None:
        """Count a request, and say on it which limit is nearest.

        Raises:
            RateLimitExceeded: (429) A limit refuses; nothing was counted.
            ReducedCapacityError: (503) Nobody can count.
        """
        engine = self.engine
        shown, applied = await self._applied(connection, groups, bucket, engine)
        try:
            decision = await engine.decide(applied)
        except ReducedCapacityError:
            if not self._instead:
                raise
            engine = self._fallback
            shown, applied = await self._applied(connection, self._instead, bucket, engine)
            decision = await engine.decide(applied)
        _show(connection, shown, decision)
        progress = progress_of(connection.scope)
        if decision.allowed:
            progress.counted.append(engine.giving_back(applied, decision))
            return
        for give_back in progress.counted:
            await give_back()
        refusing = [policy.verdict.retry_after != 0 for policy in decision.policies]
        raise RateLimitExceeded(shown[refusing.index(True)])

    async def _applied(
        self, connection: HTTPConnection, groups: Sequence[Group], bucket: Bucket, engine: Engine
    ) -> tuple[list[SlowLimit], list[Applied]]:
        shown: list[SlowLimit] = []
        applied: list[Applied] = []
        for group in groups:
            limits = await group.limits(connection)
            if not limits:
                continue
            identity = await engine.identities.find(group.key, connection)
            # Of whom nobody knows who it is, only a limiter that lets errors pass makes nothing.
            if identity or engine.on_error != "open":
                name = await group.bucket(connection, bucket.endpoint, bucket.name)
                scope = engine.identities.scope(self._prefix + name)
                cost = await group.price(connection)
                shown += [each.shown for each in limits]
                applied += [Applied("slowapi", (each.limit,), identity, scope, cost) for each in limits]
        return shown, applied


def _show(connection: HTTPConnection, shown: Sequence[SlowLimit], decision: Decision) -> None:
    """Keep the limit that refuses, or else that leaves the least room, for headers and for handlers of refusals."""
    state = connection.scope["state"]
    known: View | None = state.get("view_rate_limit")
    views = [] if known is None or not decision.allowed else [known]
    # Where nobody could count, there is nothing to tell.
    for limit, policy in zip(shown, decision.policies, strict=False):
        if decision.allowed or policy.verdict.retry_after:
            view = View((limit.limit, []))
            view.verdict = policy.verdict
            views.append(view)
    state["view_rate_limit"] = min(views, key=_room, default=None)


def _room(view: View) -> tuple[int, int]:
    verdict = view.verdict
    return verdict.remaining, -max(verdict.reset_after, verdict.retry_after) // SECOND
