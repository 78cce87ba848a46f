"""How we measure: process CPU time of an app called in process, in interleaved blocks, as ratios inside one run.

A round runs a short block of calls of every case, in rotating order, and compares each block with the same round's
block of the first case. What else the machine does in the meantime hits neighbours alike, and the median over the
rounds forgets the rest. Nothing here opens a socket.
"""

import asyncio
import gc
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Literal, Protocol

from fastapi import FastAPI
from starlette.types import Message, Scope

from .shop import make_shop


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as a server would hand it over.

    Attributes:
        status: The status that every case answers it with.
        raises: Whether an exception reaches the server besides the answer.
        query: What stands behind the question mark.
    """

    path: str = "/ping"
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    status: int = 200
    raises: bool = False
    query: str = ""

    def scope(self) -> Scope:
        """Make the ASGI scope, as uvicorn does; every request gets its own."""
        headers = [(b"host", b"shop.example"), (b"user-agent", b"benchmark"), (b"accept", b"*/*")]
        headers += [(name.lower().encode(), value.encode()) for name, value in self.headers.items()]
        return {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "scheme": "http",
            "method": self.method, "path": self.path, "raw_path": self.path.encode(),
            "query_string": self.query.encode(), "root_path": "", "headers": headers, "client": ("192.0.2.1", 1234),
            "server": ("127.0.0.1", 80), "state": {},
        }  # fmt: skip


Group = Literal["floor", "ours", "peer"]


@dataclass(frozen=True, slots=True)
class Case:
    """Something to measure.

    Attributes:
        name: What the tables call it.
        add: Puts it into or around a fresh app.
        group: Whether it is a floor, ours, or what people use instead.
        needs: Modules of packages that only the benchmarks' own environment holds.
        call: The request that it serves, where that is not the comparison's.
        begin: Makes that request once the app has started, where only the app can: of a token that it has issued.
    """

    name: str
    add: Callable[[FastAPI], object]
    group: Group = "ours"
    needs: tuple[str, ...] = ()
    call: Call | None = None
    begin: Callable[[FastAPI], Awaitable[Call]] | None = None

    def missing(self) -> list[str]:
        """Give the modules that it needs and that are not installed."""
        return [module for module in self.needs if find_spec(module) is None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Cases that serve the same request.

    Attributes:
        title: What is compared, as a heading.
        note: What the reader must know to read the table.
        call: The request.
        cases: What to measure; the first is the floor of the ratios.
        make: Makes the app that each case is put around.
        same: Gives the part of an answer's body that has to be the same in every case.
        follow: Makes of the body that answers the call the query string of the call that is measured.
    """

    title: str
    note: str
    call: Call
    cases: Sequence[Case]
    make: Callable[[], FastAPI] = make_shop
    same: Callable[[bytes], object] | None = None
    follow: Callable[[bytes], str] | None = None

    def runners(self) -> "list[Runner]":
        """Make the app of every case whose packages are installed."""
        return [Runner.of(case, self) for case in self.cases if not case.missing()]


class _Answer:
    """The server's side of one request."""

    __slots__ = ("body", "complete", "content", "status", "unread")

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.unread = True
        self.status = 0
        self.content: list[bytes] = []
        self.complete = asyncio.Event()

    async def receive(self) -> Message:
        if self.unread:
            self.unread = False
            return {"type": "http.request", "body": self.body, "more_body": False}
        await self.complete.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            self.content.append(message.get("body", b""))
            if not message.get("more_body"):
                self.complete.set()


@dataclass(frozen=True, slots=True)
class Runner:
    """A case with its app, ready to serve."""

    case: Case
    app: FastAPI
    call: Call
    follow: Callable[[bytes], str] | None = None

    @property
    def name(self) -> str:
        """What the tables call it."""
        return self.case.name

    @property
    def group(self) -> Group:
        """Whether it is a floor, ours, or what people use instead."""
        return self.case.group

    @classmethod
    def of(cls, case: Case, comparison: Comparison) -> "Runner":
        """Make the case's app."""
        app = comparison.make()
        case.add(app)
        return cls(case, app, case.call or comparison.call, comparison.follow)

    @asynccontextmanager
    async def started(self) -> "AsyncIterator[Runner]":
        """Begin and end the lifespan of the app, as a server does; give what makes the call that is measured."""
        async with self.app.router.lifespan_context(self.app):
            begin, follow, runner = self.case.begin, self.follow, self
            if begin is not None:
                runner = replace(runner, call=await begin(self.app))
            if follow is not None:
                query = follow(b"".join(await runner.serve()))
                runner = replace(runner, call=replace(runner.call, query=query), follow=None)
            yield runner

    async def serve(self) -> list[bytes]:
        """Serve the request once.

        Returns:
            The chunks of the response's body.

        Raises:
            AssertionError: The answer is not what the call expects.
        """
        answer = _Answer(self.call.body)
        raised = False
        try:
            await self.app(self.call.scope(), answer.receive, answer.send)
        except Exception:
            if not self.call.raises:
                raise
            raised = True
        if answer.status != self.call.status or raised != self.call.raises or not answer.complete.is_set():
            raise AssertionError(f"{self.case.name} answers {answer.status}; an exception came out: {raised}")
        return answer.content

    async def block(self, calls: int) -> float:
        """Serve the request ``calls`` times and give the microseconds of CPU that one took."""
        begun = time.process_time()
        for _ in range(calls):
            await self.serve()
        return (time.process_time() - begun) / calls * 1e6


class Measured(Protocol):
    """Something that is measured in blocks of calls."""

    @property
    def name(self) -> str:
        """What the tables call it."""

    @property
    def group(self) -> Group:
        """Whether it is a floor, ours, or what people use instead."""

    async def block(self, calls: int) -> float:
        """Give the microseconds of CPU that one of so many calls took."""
        ...


@dataclass(frozen=True, slots=True)
class Result:
    """What one case took.

    Attributes:
        name: The case's name.
        group: The case's group.
        microseconds: CPU per call, median over the rounds.
        ratio: To the first case of the run, median over the rounds of the blocks' quotients.
        low: First quartile of the quotients.
        high: Third quartile of the quotients.
        added: Microseconds above the first case, median over the rounds of the differences.
    """

    name: str
    group: Group
    microseconds: float
    ratio: float
    low: float
    high: float
    added: float


def compare(comparison: Comparison, *, rounds: int = 60, seconds: float = 0.01) -> list[Result]:
    """Measure the cases of a comparison against its first one.

    Args:
        comparison: What to measure; a case whose packages are not installed is left out.
        rounds: How often each case gets a block; two at least.
        seconds: How long a block lasts, roughly; it has one call at least.
    """
    return asyncio.run(_compare(comparison, rounds, seconds))


async def _compare(comparison: Comparison, rounds: int, seconds: float) -> list[Result]:
    async with AsyncExitStack() as apps:
        started = [await apps.enter_async_context(runner.started()) for runner in comparison.runners()]
        await check(comparison, started)
        return await in_rounds(started, rounds=rounds, seconds=seconds)


async def check(comparison: Comparison, runners: Sequence[Runner]) -> None:
    """See to it that apps which are started give the same answer, where the comparison says what is the same.

    Raises:
        AssertionError: One answers otherwise than the first.
    """
    bodies = [b"".join(await runner.serve()) for runner in runners]
    if comparison.same is None:
        return
    expected, *others = [comparison.same(body) for body in bodies]
    for runner, found in zip(runners[1:], others, strict=True):
        if found != expected:
            raise AssertionError(f"{runner.case.name} answers {str(found)[:500]}, and not {str(expected)[:500]}")


async def in_rounds(cases: Sequence[Measured], *, rounds: int, seconds: float) -> list[Result]:
    """Measure cases against the first of them, round by round in rotating order."""
    calls = [await _calls(case, seconds) for case in cases]
    times: list[list[float]] = [[] for _ in cases]
    # No case pays for looking through what the others hold, which no server would have beside it.
    gc.freeze()
    for number in range(rounds):
        gc.collect()
        for place in range(len(cases)):
            turn = (place + number) % len(cases)
            times[turn].append(await cases[turn].block(calls[turn]))
    gc.unfreeze()
    return [result(case, mine, times[0]) for case, mine in zip(cases, times, strict=True)]


async def _calls(case: Measured, seconds: float) -> int:
    """Find out how many calls fill a block, which warms up the case as well."""
    await case.block(2)
    return max(1, round(seconds * 1e6 / await case.block(5)))


def result(case: Measured, mine: Sequence[float], floor: Sequence[float]) -> Result:
    """Sum up the rounds of a case, beside those of the first one."""
    quotients = [one / other for one, other in zip(mine, floor, strict=True)]
    low, middle, high = statistics.quantiles(quotients, n=4)
    added = statistics.median(one - other for one, other in zip(mine, floor, strict=True))
    return Result(case.name, case.group, statistics.median(mine), middle, low, high, added)
