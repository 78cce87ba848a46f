"""`RedisRateStore`: one script decides, counts and tells the time."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from ..._core.batch import Batcher
from ..._core.extras import extra
from ..._core.redis import Call, RedisCaller, RedisUnavailableError, Script
from .._errors import RateStoreUnavailableError
from .._rules.charges import merge
from .._rules.values import SECOND, Charge, Verdict
from .._store import Mode
from .denials import Denials

with extra("redis"):
    from redis.asyncio import Redis, RedisCluster

_DECIDE: Final = Script.load("brickwork.ratelimit", "decide")
_LEASE: Final = Script.load("brickwork.ratelimit", "lease")
_LONGEST_PREFIX: Final = 32
_NANOSECONDS: Final = 1_000
_CONNECTING: Final = 0.25  # seconds; an attempt that is given up too early begins from nothing, for ever
_DEAREST: Final = 2**53  # more than any limit, and a number that Lua can read


class _Question(NamedTuple):
    keys: list[str]
    text: str


class RedisRateStore:
    """Counts in Redis, for all processes that use the same server.

    A decision is one step of the server, whatever the number of its limits, and takes the server's time: clocks of
    processes do not matter. Decisions that are wanted while another is under way share the next round trip. What was
    refused is refused again without asking, for a second at most.

    On a cluster, limits of one identity are decided in one step. Those of several identities are not: what one of them
    counts before another refuses is taken back at once.

    Args:
        client: What to call Redis by; its owner closes it.
        prefix: Put before every key.
        deadline: Seconds within which each decision is there; after them it is a `RateStoreUnavailableError`.
            Connecting takes several round trips and may go on for a quarter of a second, for those who come next.
        batch: How many decisions the server makes in one go, before others have their turn.
        deny_cache: How many refusals are remembered; 0 asks Redis each time.

    Attributes:
        offset: Microseconds by which the server's time is moved, for tests.

    Raises:
        TypeError: The client is none of `redis.asyncio`.
        ValueError: The client has a single connection, the prefix is too long or contains braces, or a number is too
            small.
    """

    def __init__(
        self,
        client: Redis | RedisCluster,
        *,
        prefix: str = "rate",
        deadline: float = 0.05,
        batch: int = 64,
        deny_cache: int = 10_000,
    ) -> None:
        if len(prefix.encode()) > _LONGEST_PREFIX or {*"{}"} & {*prefix}:
            raise ValueError(f"a prefix has {_LONGEST_PREFIX} bytes at most and no braces, got {prefix!r}")
        if batch < 1 or deny_cache < 0:
            raise ValueError(f"use batch >= 1 and deny_cache >= 0, got {batch} and {deny_cache}")
        self.offset = 0
        self._redis = RedisCaller(client, deadline=max(deadline, _CONNECTING) if deadline > 0 else deadline)
        self._prefix = prefix
        self._size = 1 if self._redis.sharded else batch
        self._batcher: Batcher[_Question, bytes] = Batcher(self._ask, deadline=deadline)
        self._denials = Denials(deny_cache)
        self._present: int | None = None  # what tests say instead of the server

    async def hit(self, charges: Sequence[Charge], *, mode: Mode = "count") -> Sequence[Verdict]:
        """Decide on charges together, and count them all or none; one round trip, or less when others ask as well.

        Raises:
            RateStoreUnavailableError: Redis cannot be asked.
            ValueError: A cost is negative.
        """
        if len(charges) == 1:
            return await self._hit(charges, mode)
        merged, places = merge(charges)
        verdicts = await self._hit(merged, mode)
        return [verdicts[place] for place in places]

    async def refund(self, charges: Sequence[Charge], *, age: float = 0.0) -> None:
        """Take back what was counted, as far as it still counts; one round trip.

        Raises:
            RateStoreUnavailableError: Redis cannot be asked.
        """
        try:
            await self._decide("refund", merge(charges)[0], age=round(age * SECOND))
        finally:
            # Not before: a refusal may be under way, and would be remembered after that.
            self._denials.forget(charges)

    async def reset(self, charges: Sequence[Charge]) -> None:
        """Forget what their counters hold; other processes may go on refusing for a second.

        Raises:
            RateStoreUnavailableError: Redis cannot be asked.
        """
        await self._decide("reset", charges)
        self._denials.forget(charges)

    async def acquire(self, identity: str, scope: str, lease: str, *, amount: int, ttl: float) -> Verdict:
        """Take a lease, if fewer than ``amount`` are held; one round trip.

        Raises:
            RateStoreUnavailableError: Redis cannot be asked.
        """
        reply = await self._lease("acquire", (identity, scope, lease), amount=amount, ttl=ttl)
        return Verdict(*map(int, reply.split()))

    async def renew(self, identity: str, scope: str, lease: str, *, ttl: float) -> None:
        """Let a lease live for another ``ttl`` seconds; one round trip.

        Raises:
            RateStoreUnavailableError: Redis cannot be asked.
        """
        await self._lease("renew", (identity, scope, lease), ttl=ttl)

    async def release(self, identity: str, scope: str, lease: str) -> None:
        """Give a lease back; one round trip.

        Raises:
            RateStoreUnavailableError: Redis cannot be asked.
        """
        await self._lease("release", (identity, scope, lease))

    async def _hit(self, charges: Sequence[Charge], mode: Mode) -> Sequence[Verdict]:
        for charge in charges:
            if charge.cost < 0:
                raise ValueError(f"a cost of {charge.cost} would give back what was never taken: use 0 or more")
        if mode != "count":
            return await self._decide(mode, charges)
        asked_at = time.monotonic_ns() // _NANOSECONDS + self.offset
        verdicts = self._denials.find(charges, asked_at)
        if verdicts is None:
            verdicts = await self._decide(mode, charges)
            self._denials.remember(charges, verdicts, asked_at)
        return verdicts

    async def _decide(self, verb: str, charges: Sequence[Charge], *, age: int = 0) -> Sequence[Verdict]:
        if self._redis.sharded and len({charge.identity for charge in charges}) > 1:
            return await self._decide_apart(verb, charges, age)
        answer = await self._answer(self._question(verb, charges, age))
        if isinstance(answer, Exception):
            raise _unavailable(answer) from answer
        return _verdicts(answer)

    async def _decide_apart(self, verb: str, charges: Sequence[Charge], age: int) -> Sequence[Verdict]:
        """Decide on charges of several identities, whose counters live on several servers."""
        shares: dict[str, list[int]] = {}
        for place, charge in enumerate(charges):
            shares.setdefault(charge.identity, []).append(place)
        answers = await self._ask_shares(verb, charges, shares.values(), age)
        if verb == "count" and not all(map(_counted, answers)):
            counted = [place for place, answer in enumerate(answers) if _counted(answer)]
            taken_back = await self._ask_shares("refund", charges, [[*shares.values()][place] for place in counted], 0)
            for place, answer in zip(counted, taken_back, strict=True):
                answers[place] = answer
        verdicts: dict[int, Verdict] = {}
        for share, answer in zip(shares.values(), answers, strict=True):
            if isinstance(answer, Exception):
                raise _unavailable(answer) from answer
            verdicts |= zip(share, _verdicts(answer), strict=False)
        return [verdicts[place] for place in sorted(verdicts)]

    async def _ask_shares(
        self, verb: str, charges: Sequence[Charge], shares: Iterable[list[int]], age: int
    ) -> list[bytes | Exception]:
        questions = [self._question(verb, [charges[place] for place in share], age) for share in shares]
        return await asyncio.gather(*map(self._answer, questions))

    async def _answer(self, question: _Question) -> bytes | Exception:
        return await self._batcher.ask(question, line=self._redis.where(question.keys[0]))

    def _question(self, verb: str, charges: Iterable[Charge], age: int) -> _Question:
        keys: list[str] = []
        text = f'["{verb}",{age}'
        for identity, scope, limit, cost in charges:
            code = limit.code
            keys.append(f"{self._prefix}:{{{identity}}}:{scope}:{code}")
            text += f',"{code[0]}",{limit.amount},{limit.window},{limit.burst},{limit.tick},{min(cost, _DEAREST)}'
        return _Question(keys, text + "]")

    async def _ask(self, questions: Sequence[_Question]) -> list[bytes | Exception]:
        groups = [questions[start : start + self._size] for start in range(0, len(questions), self._size)]
        try:
            replies = await self._redis.run_all(_DECIDE, [self._call(group) for group in groups])
        except RedisUnavailableError as error:
            return [error] * len(questions)
        answers: list[bytes | Exception] = []
        for group, reply in zip(groups, replies, strict=True):
            answers += [reply] * len(group) if isinstance(reply, Exception) else map(_checked, reply.split(b";"))
        return answers

    def _call(self, questions: Sequence[_Question]) -> Call:
        keys = [key for question in questions for key in question.keys]
        present = "" if self._present is None else self._present
        return keys, (self.offset, present, f"[{','.join(question.text for question in questions)}]")

    async def _lease(self, verb: str, named: tuple[str, str, str], *, amount: int = 0, ttl: float = 0.0) -> bytes:
        identity, scope, lease = named
        key = f"{self._prefix}:{{{identity}}}:{scope}:leases"
        args = (verb, lease, amount, round(ttl * SECOND), self.offset)
        try:
            reply: bytes = await self._redis.run(_LEASE, [key], *args)
        except RedisUnavailableError as error:
            raise _unavailable(error) from error
        return reply


def _checked(text: bytes) -> bytes | Exception:
    # Neither infinity nor what is no number is a verdict.
    return TypeError("a key holds what is no counter") if text == b"!" or b"n" in text else text


def _verdicts(answer: bytes) -> list[Verdict]:
    numbers = iter(map(int, answer.split()))
    return list(map(Verdict, numbers, numbers, numbers))


def _counted(answer: bytes | Exception) -> bool:
    return isinstance(answer, bytes) and not any(verdict.retry_after for verdict in _verdicts(answer))


def _unavailable(error: Exception) -> RateStoreUnavailableError:
    # The kind alone: messages of a client may hold addresses and names of keys.
    kind = error.__cause__ if isinstance(error, RedisUnavailableError) and error.__cause__ else error
    return RateStoreUnavailableError(f"Redis did not decide: {type(kind).__name__}")
