"""``limiter.budget``: what is spent once the cost is known."""

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.responses import PlainTextResponse
from fastapi.testclient import TestClient

from brickwork.ratelimit import Budget, RateLimiter, RateLimitMiddleware, by_header
from tests.ratelimit.calls import statuses
from tests.ratelimit.engines import MovingStore


@pytest.fixture
def limiter() -> RateLimiter:
    """A limiter that counts in memory."""
    return RateLimiter()


@pytest.fixture
def app(limiter: RateLimiter) -> FastAPI:
    """An app that spends what it is asked to, of ten a day."""
    app = FastAPI()

    @app.get("/")
    async def spend(
        budget: Annotated[Budget, limiter.budget("10/day", key=by_header("who"), unit="tokens")], cost: int
    ) -> list[int | None]:
        before = budget.remaining
        decision = await budget.spend(cost)
        assert decision is budget.decision
        return [budget.limit, before, budget.remaining]

    return app


@pytest.mark.promise("ratelimit-46")
def test_what_is_spent_is_known_afterwards(app: FastAPI) -> None:
    """Who has something left may come in, and into debt once; with nothing left, the next request is refused."""
    client = TestClient(app)

    answers = [client.get("/", params={"cost": cost}, headers={"who": "ada"}) for cost in (4, 0, 9, 1)]

    assert [answer.json() for answer in answers[:3]] == [[10, 10, 6], [10, 6, 6], [10, 6, 0]]
    assert answers[3].status_code == 429
    assert statuses(client, "/?cost=1", who="grace") == [200]


@pytest.mark.promise("ratelimit-46")
@pytest.mark.parametrize("middleware", [True, False])
def test_headers_tell_what_is_left_after_it_was_spent(app: FastAPI, limiter: RateLimiter, middleware: bool) -> None:
    """Each policy is told of once, with what is left at last."""
    if middleware:
        app.add_middleware(RateLimitMiddleware, limiter=limiter)
    client = TestClient(app)

    response = client.get("/", params={"cost": 4})

    assert response.headers["ratelimit-policy"] == '"budget";q=10;qu="tokens";w=86400'
    assert response.headers["ratelimit"].startswith('"budget";r=6;t=')


@pytest.mark.promise("ratelimit-46")
def test_a_budget_keeps_its_place_among_other_limits(limiter: RateLimiter) -> None:
    """Policies keep their order and their names when one of them is told anew."""
    app = FastAPI()
    app.add_middleware(RateLimitMiddleware, limiter=limiter)
    budget = limiter.budget("10/day", name="tokens")

    @app.get("/", dependencies=[limiter.depends("5/minute", name="before")])
    @limiter.limit("5/minute", name="after")
    async def spend(tokens: Annotated[Budget, budget]) -> PlainTextResponse:
        await tokens.spend(4)
        return PlainTextResponse("done")

    response = TestClient(app).get("/")

    parts = [each.split(";t=")[0] for each in response.headers["ratelimit"].split(", ")]
    assert parts == ['"before";r=4', '"tokens";r=6', '"after";r=4']


def test_some_callers_have_no_limit(limiter: RateLimiter) -> None:
    """Where a tier, a condition or a limiter that is off says so, nothing limits what is spent."""
    app = FastAPI()

    @app.get("/tier")
    async def tier(budget: Annotated[Budget, limiter.budget(lambda: None)]) -> list[int | None]:
        await budget.spend(4)
        return [budget.limit, budget.remaining]

    @app.get("/off")
    async def off(budget: Annotated[Budget, limiter.budget("1/day")]) -> list[int | None]:
        await budget.spend(4)
        return [budget.limit, budget.remaining]

    client = TestClient(app)

    assert client.get("/tier").json() == [None, None]
    limiter.enabled = False
    assert client.get("/off").json() == [None, None]


@pytest.mark.promise("ratelimit-37")
def test_an_exempt_endpoint_needs_none(limiter: RateLimiter) -> None:
    """Of a budget that the routers ask for, an exempt endpoint knows nothing; one of a route adds to it."""
    app = FastAPI()
    router = APIRouter(dependencies=[limiter.budget("1/day", key=by_header("who"))])

    async def work(
        budget: Annotated[Budget, limiter.budget("9/day", key=by_header("who"))],
    ) -> list[int | None]:
        await budget.spend(1)
        return [budget.limit, budget.remaining]

    router.get("/work")(work)
    router.get("/free")(limiter.exempt(lambda: 1))
    app.include_router(router)
    client = TestClient(app)

    assert client.get("/work").json() == [9, 8]
    assert client.get("/free").headers.get("ratelimit") is None
    assert '"budget";q=1' in client.get("/work").headers["ratelimit-policy"]


def test_work_that_is_done_is_not_refused() -> None:
    """Where nobody can count any more, what was done is answered all the same, and is not counted."""
    store = MovingStore()
    limiter, app = RateLimiter(store=store, on_error="closed"), FastAPI()

    @app.get("/")
    async def spend(budget: Annotated[Budget, limiter.budget("10/day")]) -> int | None:
        store.away = True
        await budget.spend(4)
        return budget.remaining

    assert TestClient(app).get("/").json() == 10


def test_nothing_comes_back_by_spending(app: FastAPI) -> None:
    """A negative amount is a mistake."""
    with pytest.raises(ValueError, match="a cost is a whole number from 0 on, got -1"):
        TestClient(app).get("/", params={"cost": -1})


@pytest.mark.parametrize("amount", [1.5, float("nan"), True, "2", None])
def test_only_whole_numbers_are_spent(limiter: RateLimiter, amount: Any) -> None:
    """What no counter could add up is a mistake, and leaves the budget as it was."""
    app = FastAPI()

    @app.get("/")
    async def spend(budget: Annotated[Budget, limiter.budget("10/day")]) -> None:
        with pytest.raises(ValueError, match="a cost is a whole number from 0 on"):
            await budget.spend(amount)

    client = TestClient(app)

    assert client.get("/").status_code == 200
    assert client.get("/").headers["RateLimit"] == '"budget";r=10;t=0'


def test_alike_is_one(limiter: RateLimiter) -> None:
    """Budgets that were written alike are the same to FastAPI."""
    one, same, other = limiter.budget("1/day"), limiter.budget("1/day"), limiter.budget("1/day", unit="words")

    assert one.dependency == same.dependency != other.dependency
    assert len({one.dependency, same.dependency, limiter.depends("1/day").dependency}) == 2


def test_a_unit_is_a_word(limiter: RateLimiter) -> None:
    """What headers cannot say is refused where it is written."""
    unit: Any = 5

    with pytest.raises(TypeError, match="a unit is what is spent"):
        limiter.budget("1/day", unit=unit)
