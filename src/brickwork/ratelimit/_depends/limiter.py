"""`RateLimiter`: the limits of an application."""

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Literal, TypeVar
from uuid import UUID

from fastapi import APIRouter, FastAPI, params

from ..._core.clock import Clock
from ..._core.scope import TrustedProxies
from .._rules.fields import Pairs, rate_limit_fields
from .._rules.values import Decision, Limit, Policy
from .._service.applied import Applied, OnError
from .._service.applying import Applying, whole
from .._service.counters import RateLimitCounters
from .._service.engine import Engine
from .._service.keys import Key, by_ip
from .._service.ledger import CountWhen
from .._service.rule import Cost, ExemptWhen, Rule, limits_of
from .._service.testing import RateLimitTesting, testing
from .._store import RateStore
from ..memory import MemoryRateStore
from .budget import BudgetDependency
from .concurrent import ConcurrencyDependency
from .decorator import exempt, limited
from .listing import RouteLimits, list_limits
from .marker import LimitDependency
from .options import AnyKey, Options, checked_key, default_rule
from .parts import Limits, Tier
from .precedence import Precedence
from .websocket import OnExcess, WebSocketDependency

EndpointT = TypeVar("EndpointT", bound=Callable[..., Any])
Header = Literal["ietf", "legacy"]

_IETF: Final[tuple[Header, ...]] = ("ietf",)
_HEADERS: Final = frozenset({"ietf", "legacy"})


class RateLimiter:
    """The limits of an application: who counts, whom, and what holds when nobody can.

    One limiter serves any number of routes. It opens nothing and needs no lifespan; whoever made the store's client
    closes it.

    Args:
        store: Counts; `MemoryRateStore` where left out, which knows of this process alone.
        default: What holds for every request that reaches `RateLimitMiddleware`, unless its route has limits of its
            own or is exempt.
        key: Whom rules count that do not say it.
        on_error: What holds while the store cannot be asked: ``open`` lets requests pass uncounted, ``closed`` answers
            503, ``local`` counts in this process alone, which lets its share pass.
        replicas: How many processes share the limits; each lets so much less pass while it counts alone.
        headers: Which headers tell of limits: ``ietf`` is ``RateLimit`` and ``RateLimit-Policy``, ``legacy`` is
            ``X-RateLimit-*``.
        shadow: Whether all rules only watch that do not say it.
        enabled: Whether anything is counted; may be set later.
        exempt_when: Asked for each request; where it says yes, no limit concerns it.
        exempt_networks: Networks whose clients no limit concerns, such as ``"10.0.0.0/8"``.
        trusted_proxies: Networks whose word about the client's address is believed, for the default ``key`` and for
            ``exempt_networks``.
        secret: Keys the digests that stores see of identities, 16 characters or more; the same in all processes.
        clock: Tells the time of what this process counts alone.

    Raises:
        ValueError: An option makes no sense, or the default counts by what only an endpoint knows.
        TypeError: An option is of the wrong kind.

    Attributes:
        default: What holds for requests whose route has no limits.
        key: Whom rules count that do not say it.
        on_error: What holds while the store cannot be asked.
        headers: Which headers tell of limits.
    """

    def __init__(
        self,
        *,
        store: RateStore | None = None,
        default: Limits | None = None,
        key: AnyKey | None = None,
        on_error: OnError = "local",
        replicas: int = 1,
        headers: Collection[Header] = _IETF,
        shadow: bool = False,
        enabled: bool = True,
        exempt_when: ExemptWhen | None = None,
        exempt_networks: Sequence[str] = (),
        trusted_proxies: Sequence[str] = (),
        secret: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.headers: frozenset[Header] = _checked_headers(headers)
        self.key: Key | params.Depends = checked_key(by_ip(trusted_proxies) if key is None else key)
        self.default: Rule | None = None if default is None else default_rule(default, self.key)
        self.on_error: OnError = on_error
        self.engine: Engine = Engine(
            MemoryRateStore(clock=clock) if store is None else store,
            on_error=on_error,
            replicas=replicas,
            shadow=shadow,
            enabled=enabled,
            secret=secret,
            clock=clock,
        )
        self.precedence: Precedence = Precedence(self)
        self.applying: Applying = Applying(
            self.engine.identities,
            by_ip(trusted_proxies) if isinstance(self.key, params.Depends) else self.key,
            shadow=shadow,
            exempt_when=exempt_when,
            exempt_networks=exempt_networks,
            trusted_proxies=TrustedProxies(trusted_proxies),
        )

    @property
    def enabled(self) -> bool:
        """Whether anything is counted."""
        return self.engine.enabled

    @enabled.setter
    def enabled(self, enabled: bool) -> None:
        self.engine.enabled = enabled

    @property
    def degraded(self) -> bool:
        """Whether the store is left alone because it did not answer, so that ``on_error`` decides."""
        return self.engine.degraded

    @property
    def counters(self) -> RateLimitCounters:
        """What this process has decided so far."""
        return self.engine.counters

    def depends(
        self,
        *limits: Limits | Tier,
        key: AnyKey | None = None,
        cost: Cost = 1,
        name: str | None = None,
        scope: str | None = None,
        count_when: CountWhen | None = None,
        exempt_when: ExemptWhen | None = None,
        on_error: OnError | None = None,
        shadow: bool | None = None,
        stack: bool = False,
    ) -> params.Depends:
        """Give the dependency that limits a route, a router or an application; its value is the `Decision`.

        All that is given decides together: a request is counted by every limit, or by none. The options hold for
        limits that are no `Rule`.

        Args:
            *limits: Limits, rules, or tiers: functions whose parameters FastAPI resolves as those of any dependency,
                and which give the limits of this caller, or None where there are none.
            key: Whom to count; `Depends` counts whom a dependency gives.
            cost: What a request costs: a number, a function of the connection, or `Depends`.
            name: What headers and errors call it.
            scope: What is counted: None for each method and route on its own, ``"path"`` for each path, any other text
                for all that have the same text.
            count_when: Asked once the response begins; where it says no, nothing was counted. Needs
                `RateLimitMiddleware`.
            exempt_when: Where it says yes, the limits do not apply.
            on_error: What holds while the store cannot be asked.
            shadow: Whether they only watch.
            stack: Whether they add to the limits of the router and the application. They replace them otherwise.

        Raises:
            ValueError: A limit or an option makes no sense, or there is no limit.
            TypeError: A limit or an option is of the wrong kind.
        """
        options = Options(key, cost, name, scope, count_when, exempt_when, on_error, shadow)
        return params.Depends(self._limit(limits, options, stack=stack))

    def limit(
        self,
        *limits: Limits | Tier,
        key: AnyKey | None = None,
        cost: Cost = 1,
        name: str | None = None,
        scope: str | None = None,
        count_when: CountWhen | None = None,
        exempt_when: ExemptWhen | None = None,
        on_error: OnError | None = None,
        shadow: bool | None = None,
        stack: bool = False,
    ) -> Callable[[EndpointT], EndpointT]:
        """Limit the endpoint below, which needs no argument for it; goes below the decorator of the route.

        Above it, FastAPI has the bare function already, and nothing would be limited: `RateLimitMiddleware` refuses to
        start then. Several of one limiter decide together. The options are those of `depends`.

        Raises:
            ValueError: A limit or an option makes no sense, or there is no limit.
            TypeError: A limit or an option is of the wrong kind; or what is below is a class, or exempt.
        """
        options = Options(key, cost, name, scope, count_when, exempt_when, on_error, shadow)
        limit = self._limit(limits, options, stack=stack)

        def decorate(endpoint: EndpointT) -> EndpointT:
            return limited(endpoint, limit)

        return decorate

    def exempt(self, endpoint: EndpointT) -> EndpointT:
        """Take the endpoint below out of the limits of its routers and of the application; goes above or below.

        Raises:
            TypeError: What is below is a class, or has a limit of its own.
        """
        return exempt(endpoint, self)

    def concurrent(
        self,
        amount: int,
        *,
        key: AnyKey | None = None,
        ttl: float = 60,
        name: str | None = None,
        scope: str | None = None,
        exempt_when: ExemptWhen | None = None,
        on_error: OnError | None = None,
        shadow: bool | None = None,
    ) -> params.Depends:
        """Give the dependency that limits how many requests of one caller run at once.

        A request keeps its place until its response was sent, and gives it back however it ends.

        Args:
            amount: How many.
            key: Whom to count.
            ttl: Seconds after which the place of a process that died is free again; at most a day.
            name: What headers and errors call it.
            scope: What is counted, as with `depends`.
            exempt_when: Where it says yes, it does not apply.
            on_error: What holds while the store cannot be asked.
            shadow: Whether it only watches.

        Raises:
            ValueError: An option makes no sense, or the store keeps no leases.
            TypeError: An option is of the wrong kind.
        """
        options = Options(key, 1, name or scope or "concurrent", scope, None, exempt_when, on_error, shadow)
        self._check_leases()
        return params.Depends(ConcurrencyDependency(self, options.places(amount, ttl, self.key), ttl))

    def budget(
        self,
        *limits: Limits | Tier,
        key: AnyKey | None = None,
        name: str | None = None,
        scope: str | None = None,
        exempt_when: ExemptWhen | None = None,
        on_error: OnError | None = None,
        unit: str = "requests",
    ) -> params.Depends:
        """Give the dependency for `Budget`, which is spent once the cost is known.

        Args:
            *limits: What may be spent, as with `depends`.
            key: Whose it is.
            name: What headers and errors call it.
            scope: What is counted, as with `depends`.
            exempt_when: Where it says yes, nothing limits what is spent.
            on_error: What holds while the store cannot be asked.
            unit: What is spent, as headers call it.

        Raises:
            ValueError: A limit or an option makes no sense, or there is no limit.
            TypeError: A limit or an option is of the wrong kind.
        """
        if not isinstance(unit, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f'a unit is what is spent, such as "requests" or "tokens", got {unit!r}')
        options = Options(key, 1, name or scope or "budget", scope, None, exempt_when, on_error, None)
        return params.Depends(BudgetDependency(self, options.parts(limits, self.key), unit))

    def websocket(
        self,
        *,
        connect: Limits | Tier | None = None,
        message: Limits | Tier | None = None,
        open: int | None = None,  # noqa: A002 - it is what sockets are
        key: AnyKey | None = None,
        on_excess: OnExcess = "close",
        ttl: float = 60,
    ) -> params.Depends:
        """Give the dependency for `WebSocketLimit`.

        Args:
            connect: How often a client may open a socket.
            message: How much may come in over one caller's sockets.
            open: How many sockets of one caller may be open at once.
            key: Whom to count.
            on_excess: What becomes of a message that is too much: ``close`` closes the socket with 1008, ``drop``
                ignores it, ``error`` ignores it and says so in a message.
            ttl: Seconds after which the places of a process that died are free again.

        Raises:
            ValueError: A limit or an option makes no sense, or there is none.
            TypeError: A limit or an option is of the wrong kind.
        """
        if connect is None and message is None and open is None:
            raise ValueError("limiter.websocket() limits nothing: give connect=, message= or open=")
        if on_excess not in ("close", "drop", "error"):
            raise ValueError(f'on_excess is "close", "drop" or "error", got {on_excess!r}')
        if open is not None:
            self._check_leases()
        given = {"connect": connect, "message": message}
        rules = {
            name: Options(key, name=name).parts([limits], self.key)[0]
            for name, limits in given.items()
            if limits is not None
        }
        if open is not None:
            rules["open"] = Options(key, name="open").places(open, ttl, self.key)
        return params.Depends(WebSocketDependency(self, rules, ttl=ttl, on_excess=on_excess))

    async def check(
        self, identity: str | int | UUID, *limits: str | Limit | Sequence[str | Limit], cost: int = 1
    ) -> Decision:
        """Count something that is no request, such as a job; all limits count it, or none.

        Args:
            identity: What is counted, of whatever kind: ``"job:42"``.
            *limits: How much of it may be, as text or `Limit`.
            cost: How much this is, a whole number from 0 on.

        Raises:
            ValueError: A limit or the cost makes no sense.
            ReducedCapacityError: (503) Nobody can count, and ``on_error`` is ``closed``.
        """
        return await self.engine.decide([self._checked(identity, limits, cost)])

    async def reset(self, identity: str | int | UUID, *limits: str | Limit | Sequence[str | Limit]) -> None:
        """Forget what `check` has counted.

        Args:
            identity: What was counted.
            *limits: The same as there.

        Raises:
            ValueError: A limit makes no sense.
            RateStoreUnavailableError: The store cannot be asked.
        """
        await self.engine.reset([self._checked(identity, limits, 1)])

    def testing(self) -> AbstractContextManager[RateLimitTesting]:
        """Begin a test: nothing is counted yet, time can be moved, and a key that gives nobody is an error."""
        return testing(self.engine)

    def routes(self, app: FastAPI | APIRouter) -> RouteLimits:
        """Give the limits that hold on every route; printed, a table.

        Raises:
            RuntimeError: ``@limiter.limit`` stands where it limits nothing.
        """
        return list_limits(app, self)

    def fields(self, policies: Sequence[Policy]) -> Pairs:
        """Give the headers that tell of policies."""
        return rate_limit_fields(policies, ietf="ietf" in self.headers, legacy="legacy" in self.headers, now=time.time)

    def _limit(self, limits: Sequence[Limits | Tier], options: Options, *, stack: bool) -> LimitDependency:
        return LimitDependency(self, options.parts(limits, self.key), stack=stack)

    def _checked(
        self, identity: str | int | UUID, limits: Sequence[str | Limit | Sequence[str | Limit]], cost: int
    ) -> Applied:
        identities = self.engine.identities
        found = limits_of([limit for each in limits for limit in limits_of(each)])
        return Applied("check", found, identities.stated(identity), identities.scope("check"), whole(cost))

    def _check_leases(self) -> None:
        if not self.engine.keeps_leases:
            raise ValueError("the store cannot tell what runs at once: use MemoryRateStore or RedisRateStore")


def _checked_headers(headers: Collection[Header]) -> frozenset[Header]:
    if isinstance(headers, str) or not _HEADERS.issuperset(headers):
        raise ValueError(f'headers are "ietf", "legacy", both or none, in a list, got {headers!r}')
    return frozenset(headers)
