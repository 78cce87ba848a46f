"""What FastAPI, the application and the response are asked: keys, costs, tiers, and whether it counts."""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Header, HTTPException, Response
from fastapi.testclient import TestClient
from starlette.requests import HTTPConnection

from brickwork.ratelimit import (
    Decision,
    Limit,
    RateLimiter,
    RateLimitMiddleware,
    RateStore,
    ResponseInfo,
    Rule,
    by_header,
)
from brickwork.testing import open_client
from tests.ratelimit.calls import statuses


@pytest.fixture
def limiter() -> RateLimiter:
    """A limiter that counts in memory."""
    return RateLimiter()


def one() -> int:
    """Give one."""
    return 1


@pytest.mark.promise("ratelimit-39")
def test_keys_and_costs_can_be_dependencies(limiter: RateLimiter) -> None:
    """FastAPI asks for them as for any dependency, and overriding those reaches here."""

    async def login(x_login: Annotated[str, Header()]) -> str:
        return x_login

    def size(pages: int = 1) -> int:
        return pages

    app = FastAPI()
    app.get("/", dependencies=[limiter.depends("3/minute", key=Depends(login), cost=Depends(size))])(one)
    client = TestClient(app)

    def call(login: str, pages: int) -> int:
        return client.get("/", params={"pages": pages}, headers={"x-login": login}).status_code

    assert [call("ada", 2), call("ada", 2), call("ada", 1), call("grace", 3)] == [200, 429, 200, 200]
    assert client.get("/").status_code == 422
    app.dependency_overrides[login] = lambda: "ada"
    assert call("linus", 1) == 429


@pytest.mark.promise("ratelimit-39")
def test_a_limiters_key_can_be_a_dependency() -> None:
    """Rules that do not say whom they count ask for it; the default of a middleware cannot."""

    async def login(x_login: Annotated[str, Header()]) -> str:
        return x_login

    limiter, app = RateLimiter(key=Depends(login)), FastAPI()
    app.get("/", dependencies=[limiter.depends("1/minute")])(one)
    client = TestClient(app)

    answers = [client.get("/", headers={"x-login": name}).status_code for name in ("ada", "grace", "ada")]

    assert answers == [200, 200, 429]
    with pytest.raises(ValueError, match="cannot be dependencies"):
        RateLimiter(key=Depends(login), default="1/minute")


def test_a_cost_can_be_asked_of_the_request(limiter: RateLimiter) -> None:
    """A function of the connection says what a request costs, whether it is a coroutine or not."""

    async def pages(connection: HTTPConnection) -> int:
        return int(connection.query_params["pages"])

    app = FastAPI()
    app.get("/a", dependencies=[limiter.depends("3/minute", cost=pages)])(one)
    app.get("/b", dependencies=[limiter.depends("3/minute", cost=lambda _: 2)])(one)
    client = TestClient(app)

    assert [*statuses(client, "/a?pages=2"), *statuses(client, "/a?pages=2")] == [200, 429]
    assert statuses(client, "/b", 2) == [200, 429]


def fail(connection: HTTPConnection) -> int:
    """Fail, as a function of the application may."""
    raise LookupError(connection.url)


def refuse(connection: HTTPConnection) -> int:
    """Give the application's own answer."""
    raise HTTPException(402)


@pytest.mark.promise("ratelimit-22")
@pytest.mark.parametrize(
    "cost",
    [fail, lambda _: -1, lambda _: 1.5, lambda _: True, Depends(lambda: "2")],
    ids=["raises", "negative", "half", "true", "text"],
)
def test_a_cost_that_nobody_can_tell_is_decided_by_on_error(cost: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A function that raises or gives no whole number lets nobody pass uncounted, and ends in no 500."""
    limiter, app = RateLimiter(), FastAPI()
    app.get("/", dependencies=[limiter.depends("3/minute", cost=cost)])(one)
    app.get("/open", dependencies=[limiter.depends("3/minute", cost=cost, on_error="open")])(one)
    client = TestClient(app)

    assert statuses(client, "/", 2) == [503, 503]
    assert statuses(client, "/open", 4) == [200] * 4
    assert [record.getMessage().partition(" (")[0] for record in caplog.records] == ["A cost failed"]


def test_a_cost_may_answer_for_the_application(limiter: RateLimiter) -> None:
    """An HTTPException is an answer, and no failure."""
    app = FastAPI()
    app.get("/", dependencies=[limiter.depends("3/minute", cost=refuse)])(one)

    assert statuses(TestClient(app), "/") == [402]


@pytest.mark.promise("ratelimit-41")
@pytest.mark.parametrize("kind", ["coroutine", "function", "depends"])
def test_a_tier_gives_the_limits_of_the_caller(limiter: RateLimiter, kind: str) -> None:
    """A function with parameters like any dependency says what the caller's limits are, or that there are none."""
    plans: dict[str, Any] = {"free": "1/minute", "paid": [Limit(2, 60), "100/hour"], "ours": None, "friends": []}

    async def tier(plan: Annotated[str, Header()]) -> Any:
        return plans[plan]

    def plain(plan: Annotated[str, Header()]) -> Any:
        return plans[plan]

    app = FastAPI()
    given: Any = {"coroutine": tier, "function": plain, "depends": Depends(tier)}[kind]
    app.get("/", dependencies=[limiter.depends(given, key=by_header("plan"))])(one)
    client = TestClient(app)

    assert statuses(client, "/", 2, plan="free") == [200, 429]
    assert statuses(client, "/", 3, plan="paid") == [200, 200, 429]
    assert statuses(client, "/", 4, plan="ours") == [200] * 4
    assert statuses(client, "/", 4, plan="friends") == [200] * 4


def test_a_tier_goes_beside_limits(limiter: RateLimiter) -> None:
    """Limits that hold for everybody and those of the caller are one decision."""
    app = FastAPI()
    app.get("/", dependencies=[limiter.depends("2/minute", lambda: None, Rule("9/minute", name="wide"))])(one)
    client = TestClient(app)

    responses = [client.get("/") for _ in range(3)]

    assert [response.status_code for response in responses] == [200, 200, 429]
    assert responses[0].headers["ratelimit-policy"] == '"route";q=2;w=60, "wide";q=9;w=60'


@pytest.mark.promise("ratelimit-44")
def test_only_what_failed_counts(limiter: RateLimiter) -> None:
    """Ten logins that succeed cost nothing; the third that fails is the last."""
    app = FastAPI()
    app.add_middleware(RateLimitMiddleware, limiter=limiter)

    def failed(response: ResponseInfo) -> bool:
        return response.status_code == 401

    @app.post("/login", dependencies=[limiter.depends("3/minute", count_when=failed)])
    async def login(response: Response, password: str) -> None:
        response.status_code = 200 if password == "right" else 401

    client = TestClient(app)

    assert statuses(client, "/login?password=right", 10, method="POST") == [200] * 10
    assert statuses(client, "/login?password=wrong", 4, method="POST") == [401, 401, 401, 429]


@pytest.mark.promise("ratelimit-44")
async def test_guesses_at_once_do_not_get_past(store: RateStore) -> None:
    """Fifty wrong passwords that come together: five are looked at, since each counts until it has proved right."""
    limiter, app, looked_at = RateLimiter(store=store), FastAPI(), 0
    app.add_middleware(RateLimitMiddleware, limiter=limiter)
    looking = asyncio.Event()

    def failed(response: ResponseInfo) -> bool:
        return response.status_code == 401

    @app.post("/login", dependencies=[limiter.depends("5/minute", count_when=failed)], status_code=401)
    async def login() -> None:
        nonlocal looked_at
        looked_at += 1
        await looking.wait()

    async with open_client(app) as client, asyncio.TaskGroup() as group:
        calls = [group.create_task(client.post("/login")) for _ in range(50)]
        refused = asyncio.as_completed(calls)
        for _ in range(45):
            assert (await next(refused)).status_code == 429
        looking.set()

    assert looked_at == 5


@pytest.mark.promise("ratelimit-41")
def test_nobody_is_judged_by_the_limits_of_another(limiter: RateLimiter) -> None:
    """Threads that switch as often as they can: who has a thousand a minute is never refused, nor told of ten."""
    app = FastAPI()
    plans = {"wide": "100000/minute", "narrow": "1/minute"}

    def tier(plan: Annotated[str, Header()]) -> str:
        return plans[plan]

    @app.get("/")
    def look(decision: Annotated[Decision, limiter.depends(tier, key=by_header("plan"))]) -> int | None:
        return decision.limit

    def call(plan: str) -> list[tuple[int, str]]:
        answers = [client.get("/", headers={"plan": plan}) for _ in range(60)]
        return [(answer.status_code, answer.text if answer.status_code == 200 else "") for answer in answers]

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with TestClient(app) as client, ThreadPoolExecutor(40) as threads:
            answers = dict(zip(range(40), threads.map(call, ["wide", "narrow"] * 20), strict=True))
    finally:
        sys.setswitchinterval(interval)

    assert all(answer == (200, "100000") for number in range(0, 40, 2) for answer in answers[number])
    narrow = [answer for number in range(1, 40, 2) for answer in answers[number]]
    assert set(narrow) <= {(200, "1"), (429, "")}
    assert narrow.count((200, "1")) <= 3


@pytest.mark.promise("ratelimit-44")
def test_only_a_middleware_sees_what_failed(limiter: RateLimiter) -> None:
    """Without it nobody could give back what does not count, and the error says what to add."""
    app = FastAPI()
    app.get("/", dependencies=[limiter.depends("3/minute", count_when=lambda response: response.status_code == 401)])(
        one
    )

    with pytest.raises(RuntimeError, match=r"add app\.add_middleware\(RateLimitMiddleware, limiter=limiter\)"):
        TestClient(app).get("/")
