"""`Engine`: from what rules ask of a request to the decision on it."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from secrets import token_hex
from typing import Final, NamedTuple, ParamSpec, TypeVar, cast, get_args

from ..._core.clock import Clock, SystemClock
from .._errors import RateStoreUnavailableError, ReducedCapacityError
from .._rules.values import SECOND, Charge, Decision, Limit, Policy, Verdict
from .._store import LeaseStore, Mode, Movable, RateStore
from ..memory import MemoryRateStore
from .applied import Applied, OnError
from .breaker import Breaker, Permit
from .counters import RateLimitCounters
from .decisions import UNLIMITED, decision_of, policy_names
from .fallback import share, share_of
from .identities import Identities

P = ParamSpec("P")
T = TypeVar("T")

CONCURRENT: Final = "concurrent-requests"


class Lease(NamedTuple):
    """The place of one request among those that run at once.

    Attributes:
        identity: Whose it is.
        scope: Of what.
        name: Which one.
        ttl: Seconds for which it lives without being renewed.
        store: Who keeps it.
    """

    identity: str
    scope: str
    name: str
    ttl: float
    store: LeaseStore


class Engine:
    """Decides on requests: joins the rules that apply with a store, and with what holds while that is away.

    Args:
        store: Counts.
        on_error: What holds where a rule does not say: ``open`` lets everything pass, ``closed`` nothing, ``local``
            counts in this process alone.
        replicas: How many processes there are, each of which lets its share pass when it counts alone.
        shadow: Whether all rules that do not say only watch.
        enabled: Whether anything is counted.
        secret: Keys the digests of identities.
        clock: Tells how long a store was left alone, and the time of what is counted alone.

    Attributes:
        enabled: Whether anything is counted.
        identities: Finds whom to count.
        shadow: Whether rules that do not say only watch.
        on_error: What holds where a rule does not say.
        generation: Sets apart what tests count; empty otherwise.

    Raises:
        TypeError: The store is none.
        ValueError: An option makes no sense.
    """

    def __init__(
        self,
        store: RateStore,
        *,
        on_error: OnError = "local",
        replicas: int = 1,
        shadow: bool = False,
        enabled: bool = True,
        secret: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        if isinstance(store, type) or not hasattr(store, "hit"):
            # What it is instead is not told: an address may hold a password.
            raise TypeError("store= is MemoryRateStore(), RedisRateStore(client) or another that counts, made already")
        if on_error not in get_args(OnError):
            raise ValueError(f'on_error is "open", "closed" or "local", got {on_error!r}')
        if type(replicas) is not int or replicas < 1:
            raise ValueError(f"replicas is how many processes there are, 1 or more, got {replicas}")
        clock = clock or SystemClock()
        self.enabled = enabled
        self.shadow = shadow
        self.on_error: OnError = on_error
        self.generation = ""
        self._store = store
        self._local = MemoryRateStore(clock=clock)
        self._replicas = replicas
        self._counters = RateLimitCounters()
        self._breaker = Breaker(clock)
        self._clock = clock
        self.identities: Identities = Identities(secret, self._counters)

    @property
    def counters(self) -> RateLimitCounters:
        """What was decided so far: a copy."""
        return replace(self._counters)

    @property
    def degraded(self) -> bool:
        """Whether the store is left alone, because it did not answer."""
        return self._breaker.open

    @property
    def keeps_leases(self) -> bool:
        """Whether the store can limit how many requests run at once."""
        return hasattr(self._store, "acquire")

    async def decide(self, applied: Sequence[Applied], *, mode: Mode = "count") -> Decision:
        """Decide on a request by all rules that apply to it.

        Rules in shadow are counted by themselves, and only where no other refuses.

        Args:
            applied: The rules.
            mode: As with `RateStore.hit`; with ``force`` nothing is refused.

        Raises:
            ValueError: A cost is negative.
            ReducedCapacityError: (503) Nobody can count, or nobody knows whom, and ``on_error`` is ``closed``.
        """
        enforced, watching = self._sorted(applied)
        if not enforced and not watching:
            return UNLIMITED
        policies: Sequence[Policy] = ()
        degraded = False
        if enforced:
            try:
                policies = await self._hit(enforced, mode)
            except RateStoreUnavailableError as error:
                degraded = True
                policies = await self._hit_alone(self._left_to_us(enforced, error), mode)
        if watching and not any(policy.verdict.retry_after for policy in policies):
            watched = await self._watched(watching, mode)
            degraded = degraded or (watched is None and not enforced)
            policies = _in_order(applied, policies, watched or ())
        decision = decision_of(policies, degraded=degraded)
        if mode == "force" and not decision.allowed:
            decision = decision._replace(allowed=True, retry_after=0.0)
        return self._noted(decision, mode)

    def giving_back(self, applied: Sequence[Applied], decision: Decision) -> Callable[[], Awaitable[None]]:
        """Give what takes a decision back later; to be asked for right after it was made."""
        decided_at = self._clock.monotonic()

        async def give_back() -> None:
            await self.refund(applied, decision, age=self._clock.monotonic() - decided_at)

        return give_back

    async def refund(self, applied: Sequence[Applied], decision: Decision, *, age: float = 0.0) -> None:
        """Take back what a decision counted; where the store is away, it counts until it expires.

        Args:
            applied: The rules, as they were decided on.
            decision: What was decided.
            age: Seconds since then.
        """
        if not decision.allowed or not decision.policies:
            return
        watched = [policy.verdict.retry_after for policy in decision.policies if policy.shadow]
        seen = bool(watched) and not any(watched)
        counted = [each for each in applied if each.identity and (seen or not each.shadow)]
        if decision.degraded:
            alone = [each for each in counted if self._way(each) == "local"]
            await self._local.refund(self._shares(alone), age=age)
        else:
            with suppress(RateStoreUnavailableError):
                await self._ask(self._store.refund, self._charges(counted), age=age)

    async def reset(self, applied: Sequence[Applied]) -> None:
        """Forget what was counted.

        Raises:
            RateStoreUnavailableError: The store cannot be asked.
        """
        await self._local.reset(self._shares(applied))
        await self._ask(self._store.reset, self._charges(applied))

    async def acquire(self, applied: Applied, *, ttl: float) -> tuple[Decision, Lease | None]:
        """Take a place among requests that run at once, as many as the amount of the rule's only limit.

        Args:
            applied: The rule.
            ttl: Seconds for which the place is kept without being renewed.

        Returns:
            The decision, and the place where there is one to give back.

        Raises:
            ReducedCapacityError: (503) As with `decide`.
        """
        enforced, watching = self._sorted([applied])
        if not enforced and not watching:
            return UNLIMITED, None
        amount = applied.limits[0].amount
        lease = Lease(applied.identity, self._scope(applied), token_hex(8), ttl, cast("LeaseStore", self._store))
        degraded = False
        try:
            verdict = await self._ask(lease.store.acquire, *lease[:3], amount=amount, ttl=ttl)
        except RateStoreUnavailableError as error:
            degraded = True
            if not self._left_to_us([applied], error):
                return self._noted(decision_of([], degraded=True)), None
            amount, lease = share(amount, self._replicas), lease._replace(store=self._local)
            verdict = await self._local.acquire(*lease[:3], amount=amount, ttl=ttl)
        self._counters.would_deny += applied.shadow and verdict.retry_after != 0
        # A store knows when a place is lost, and most are given back long before.
        verdict = verdict._replace(retry_after=min(verdict.retry_after, SECOND))
        limit = Limit(amount, applied.limits[0].period, "fixed")
        policy = Policy(applied.rule_name, limit, verdict, applied.shadow, CONCURRENT)
        return self._noted(decision_of([policy], degraded=degraded)), None if verdict.retry_after else lease

    async def renew(self, lease: Lease) -> None:
        """Keep a place; where the store is away, it ends by itself."""
        await self._tell(lease, lease.store.renew, ttl=lease.ttl)

    async def release(self, lease: Lease) -> None:
        """Give a place back; where the store is away, it ends by itself."""
        await self._tell(lease, lease.store.release)

    def move(self, seconds: float) -> None:
        """Move the time in which is counted.

        Raises:
            TypeError: The store's time cannot be moved.
        """
        if not hasattr(self._store, "offset"):
            raise TypeError(f"the time of {type(self._store).__name__} cannot be moved: use another store in tests")
        for store in {id(each): each for each in (self._store, self._local)}.values():
            movable = cast("Movable", store)
            movable.offset += round(seconds * SECOND)

    def _sorted(self, applied: Sequence[Applied]) -> tuple[Sequence[Applied], Sequence[Applied]]:
        """Give the rules that are enforced and those that watch, without those that cannot say whom they count."""
        if not self.enabled:
            return (), ()
        if len(applied) == 1 and applied[0].identity and not applied[0].shadow:
            return applied, ()
        enforced: list[Applied] = []
        watching: list[Applied] = []
        for each in applied:
            if each.identity:
                (watching if each.shadow else enforced).append(each)
            elif not each.shadow and self._way(each) != "open":
                # Whom to count is not known here either: to count alone is no way out.
                raise ReducedCapacityError
        return enforced, watching

    async def _hit_alone(self, applied: Sequence[Applied], mode: Mode) -> Sequence[Policy]:
        charges = self._shares(applied)
        verdicts = await self._local.hit(charges, mode=mode) if charges else ()
        shares = iter(charges)
        alone = [each._replace(limits=tuple(next(shares).limit for _ in each.limits)) for each in applied]
        return _policies(alone, verdicts)

    async def _watched(self, watching: Sequence[Applied], mode: Mode) -> Sequence[Policy] | None:
        try:
            policies = await self._hit(watching, mode)
        except RateStoreUnavailableError:
            self._counters.degraded += 1
            return None
        self._counters.would_deny += any(policy.verdict.retry_after for policy in policies)
        return policies

    def _left_to_us(self, applied: Sequence[Applied], error: RateStoreUnavailableError) -> list[Applied]:
        """Give the rules that are counted in this process alone.

        Raises:
            ReducedCapacityError: One of the rules lets nothing pass uncounted.
        """
        self._counters.degraded += 1
        ways = [self._way(each) for each in applied]
        if "closed" in ways:
            raise ReducedCapacityError(self._breaker.retry_after) from error
        return [each for each, way in zip(applied, ways, strict=True) if way == "local"]

    def _way(self, applied: Applied) -> OnError:
        # A rule that refuses nobody does not do so when the store is away.
        return "open" if applied.shadow else applied.on_error or self.on_error

    async def _hit(self, applied: Sequence[Applied], mode: Mode) -> Sequence[Policy]:
        permit = self._breaker.permit()
        try:
            verdicts = await self._store.hit(self._charges(applied), mode=mode)
        except BaseException as error:
            self._missed(permit, error)
            raise
        self._breaker.succeeded()
        return _policies(applied, verdicts)

    async def _ask(self, question: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        permit = self._breaker.permit()
        try:
            answer = await question(*args, **kwargs)
        except BaseException as error:
            self._missed(permit, error)
            raise
        self._breaker.succeeded()
        return answer

    def _missed(self, permit: Permit, error: BaseException) -> None:
        if isinstance(error, RateStoreUnavailableError):
            self._counters.errors += 1
            self._breaker.failed(permit, error)
        else:
            self._breaker.abandoned(permit)

    async def _tell(self, lease: Lease, what: Callable[..., Awaitable[None]], **options: float) -> None:
        if lease.store is self._local:
            await what(*lease[:3], **options)
            return
        with suppress(RateStoreUnavailableError):
            await self._ask(what, *lease[:3], **options)

    def _charges(self, applied: Sequence[Applied]) -> Sequence[Charge]:
        charges: list[Charge] = []
        for each in applied:
            scope = self._scope(each) if self.generation else each.scope
            for limit in each.limits:
                # For one limit, as most rules have, this costs less than to build a list of charges beside.
                charges.append(Charge(each.identity, scope, limit, each.cost))  # noqa: PERF401
        return charges

    def _shares(self, applied: Sequence[Applied]) -> list[Charge]:
        return [share_of(charge, self._replicas) for charge in self._charges(applied)]

    def _scope(self, applied: Applied) -> str:
        return self.identities.scope(self.generation + applied.scope) if self.generation else applied.scope

    def _noted(self, decision: Decision, mode: Mode = "count") -> Decision:
        counters = self._counters
        if not decision.allowed:
            counters.denied += 1
        elif mode == "count":
            counters.allowed += 1
        return decision


def _policies(applied: Sequence[Applied], verdicts: Sequence[Verdict]) -> Sequence[Policy]:
    if len(applied) == len(verdicts) == 1:
        # The usual case, which needs no names but the rule's.
        name, limits, _, _, _, shadow, _, unit = applied[0]
        return (Policy(name, limits[0], verdicts[0], shadow, unit),)
    said = iter(verdicts)
    return [
        Policy(name, limit, next(said), each.shadow, each.unit)
        for each in applied
        for name, limit in zip(policy_names(each.rule_name, each.limits), each.limits, strict=True)
    ]


def _in_order(applied: Sequence[Applied], enforced: Sequence[Policy], watched: Sequence[Policy]) -> Sequence[Policy]:
    """Give policies in the order in which their rules were written, where all of them were counted."""
    asked = [each for each in applied if each.identity for _ in each.limits]
    if len(asked) != len(enforced) + len(watched):
        return (*enforced, *watched)
    left, right = iter(enforced), iter(watched)
    return [next(right if each.shadow else left) for each in asked]
