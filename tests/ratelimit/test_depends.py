"""``limiter.depends``: a limit where FastAPI takes dependencies."""

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from starlette.requests import HTTPConnection

from brickwork.ratelimit import (
    Decision,
    RateLimiter,
    Rule,
    by_header,
    by_ip,
    by_route,
)
from brickwork.testing import ManualClock
from tests.ratelimit.calls import statuses


@pytest.fixture
def limiter() -> RateLimiter:
    """A limiter that counts in memory."""
    return RateLimiter()


def one() -> int:
    """Give one."""
    return 1


@pytest.mark.promise("ratelimit-31")
def test_a_limit_holds_wherever_a_route_is(limiter: RateLimiter) -> None:
    """On the app, in a router, in a router of a router, in a mounted app, for several methods: three pass, no more."""
    limit = limiter.depends("3/minute")
    router, inner, mounted, app = APIRouter(), APIRouter(), FastAPI(), FastAPI()
    for each in (app, router, inner, mounted):
        each.get("/here", dependencies=[limit])(one)
    app.api_route("/many", methods=["GET", "PUT"], dependencies=[limit])(one)
    router.include_router(inner, prefix="/inner")
    app.include_router(router, prefix="/router")
    app.mount("/mounted", mounted)
    app.mount("/bare", inner)
    client = TestClient(app)

    for path in ("/here", "/router/here", "/router/inner/here", "/mounted/here", "/bare/here", "/many"):
        assert statuses(client, path, 4) == [200, 200, 200, 429], path
    assert statuses(client, "/many", 4, method="PUT") == [200, 200, 200, 429]


@pytest.mark.promise("ratelimit-32")
def test_routes_are_told_apart_by_their_templates(limiter: RateLimiter) -> None:
    """A router that is included twice has two limits; what stands for a parameter makes no difference."""
    router, app = APIRouter(), FastAPI()
    router.get("/users/{name}", dependencies=[limiter.depends("1/minute")])(one)
    app.include_router(router, prefix="/a")
    app.include_router(router, prefix="/b")
    client = TestClient(app)

    assert statuses(client, "/a/users/ada") == [200]
    assert statuses(client, "/a/users/grace") == [429]
    assert statuses(client, "/b/users/ada") == [200]


@pytest.mark.promise("ratelimit-32")
def test_a_scope_says_what_is_counted(limiter: RateLimiter) -> None:
    """Paths are told apart where the scope says so, and routes with one name are one."""
    app = FastAPI()
    app.get("/files/{name}", dependencies=[limiter.depends("1/minute", scope="path")])(one)
    app.get("/first", dependencies=[limiter.depends("1/minute", scope="both")])(one)
    app.get("/second", dependencies=[limiter.depends("1/minute", scope="both")])(one)
    client = TestClient(app)

    assert [*statuses(client, "/files/a"), *statuses(client, "/files/b"), *statuses(client, "/files/a")] == [
        200,
        200,
        429,
    ]
    assert [*statuses(client, "/first"), *statuses(client, "/second")] == [200, 429]


@pytest.mark.promise("ratelimit-32")
def test_heads_are_counted_as_what_they_stand_for(limiter: RateLimiter) -> None:
    """Nobody gets twice as much by asking for headers alone."""
    app = FastAPI()
    app.api_route("/", methods=["GET", "HEAD"], dependencies=[limiter.depends("1/minute")])(one)
    client = TestClient(app)

    assert [*statuses(client, "/"), *statuses(client, "/", method="HEAD")] == [200, 429]


@pytest.mark.promise("ratelimit-11")
def test_what_can_never_pass_is_not_told_to_wait(limiter: RateLimiter) -> None:
    """A cost above the limit is refused without a time to come back; nothing costs nothing; less than that is wrong."""
    app = FastAPI()
    app.get("/huge", dependencies=[limiter.depends("3/minute", cost=4)])(one)
    app.get("/free", dependencies=[limiter.depends("1/minute", cost=0)])(one)
    client = TestClient(app)

    response = client.get("/huge")

    assert (response.status_code, "retry-after" in response.headers) == (429, False)
    assert "more than is ever allowed" in response.text
    assert statuses(client, "/free", 5) == [200] * 5
    with pytest.raises(ValueError, match="a cost is 0 or more, got -1"):
        limiter.depends("3/minute", cost=-1)


@pytest.mark.promise("ratelimit-89")
def test_a_burst_comes_at_once_and_the_rest_evenly() -> None:
    """Sixty a minute in bursts of five: five at once, the sixth a second later, 65 in the first minute."""
    limiter, app = RateLimiter(clock=ManualClock()), FastAPI()
    app.get("/", dependencies=[limiter.depends("60/minute burst 5")])(one)
    client = TestClient(app)

    with limiter.testing() as time:
        at_once = statuses(client, "/", 6)
        time.advance(1)
        passed = sum(status == 200 for status in statuses(client, "/", 2))
        for _ in range(59):
            time.advance(1)
            passed += sum(status == 200 for status in statuses(client, "/", 2))

    assert at_once == [200] * 5 + [429]
    assert passed == 60


def test_the_value_is_the_decision(limiter: RateLimiter) -> None:
    """An endpoint can see how much its caller has left, and so do the headers, without a middleware, too."""
    app = FastAPI()

    @app.get("/")
    async def left(decision: Annotated[Decision, limiter.depends("2/second", "1000/hour", name="search")]) -> list[Any]:
        return [decision.limit, decision.remaining]

    response = TestClient(app).get("/")

    assert response.json() == [2, 1]
    assert response.headers["ratelimit-policy"] == '"search-second";q=2;w=1, "search-hour";q=1000;w=3600'


@pytest.mark.promise("ratelimit-40")
def test_alike_is_one(limiter: RateLimiter) -> None:
    """Dependencies that were made alike are one: they compare equal, and count once in a request."""
    app = FastAPI()
    first, second, other = limiter.depends("2/minute"), limiter.depends("2/minute"), limiter.depends("3/minute")

    @app.get("/", dependencies=[first])
    async def left(decision: Annotated[Decision, second]) -> int | None:
        return decision.remaining

    assert first.dependency == second.dependency != other.dependency
    assert first.dependency != RateLimiter().depends("2/minute").dependency
    assert TestClient(app).get("/").json() == 1


@pytest.mark.promise("ratelimit-38")
def test_rules_with_keys_of_their_own_decide_together(limiter: RateLimiter) -> None:
    """What the rule for one header refuses is not counted by the rule for everybody."""
    app = FastAPI()
    rules = [Rule("1/minute", key=by_header("x-login"), name="login"), Rule("3/minute", key=by_ip(), name="address")]
    app.get("/", dependencies=[limiter.depends(*rules)])(one)
    client = TestClient(app)

    first = [client.get("/", headers={"x-login": "ada"}) for _ in range(5)]
    others = [client.get("/", headers={"x-login": name}).status_code for name in ("bob", "cy", "dan")]

    assert [response.status_code for response in first] == [200, 429, 429, 429, 429]
    assert first[-1].json() == {"detail": "Try again in 60 s."}
    assert others == [200, 200, 429]


def test_rules_that_say_the_same_do_not_count_in_one_place(limiter: RateLimiter) -> None:
    """Two equal rules of one decision are two, and their headers have two names."""
    app = FastAPI()
    app.get("/", dependencies=[limiter.depends(Rule("2/minute"), Rule("2/minute"))])(one)
    client = TestClient(app)

    response = client.get("/")

    assert response.headers["ratelimit-policy"] == '"route";q=2;w=60, "route-2";q=2;w=60'
    assert response.headers["ratelimit"].count("r=1") == 2


def test_headers_of_several_limits_are_collected_without_a_middleware() -> None:
    """Each dependency adds to what the others told, and a refusal tells of all of them."""
    limiter, app = RateLimiter(headers=["ietf", "legacy"]), FastAPI()
    dependencies = [limiter.depends("9/minute", name="wide"), limiter.depends("1/minute", name="narrow")]
    app.get("/", dependencies=dependencies)(one)
    client = TestClient(app)

    responses = [client.get("/"), client.get("/")]

    for response in responses:
        assert response.headers["ratelimit-policy"] == '"wide";q=9;w=60, "narrow";q=1;w=60'
        assert response.headers["x-ratelimit-limit"] == "1"
    assert responses[1].status_code == 429
    assert responses[1].headers["cache-control"] == "no-store"


def test_some_requests_are_let_be() -> None:
    """A condition of a rule, one of the limiter, and networks of it: what they hold for is not counted."""

    def asks(connection: HTTPConnection) -> bool:
        return "please" in connection.query_params

    async def knows(connection: HTTPConnection) -> bool:
        return "known" in connection.query_params

    limiter = RateLimiter(exempt_when=knows, exempt_networks=["10.0.0.0/8"])
    app = FastAPI()
    app.get("/", dependencies=[limiter.depends("1/minute", exempt_when=asks)])(one)

    assert statuses(TestClient(app, client=("192.0.2.1", 1)), "/", 2) == [200, 429]
    assert statuses(TestClient(app, client=("192.0.2.1", 1)), "/?please", 2) == [200, 200]
    assert statuses(TestClient(app, client=("192.0.2.1", 1)), "/?known", 2) == [200, 200]
    assert statuses(TestClient(app, client=("10.1.2.3", 1)), "/", 2) == [200, 200]


def test_a_limiter_can_be_switched_off(limiter: RateLimiter) -> None:
    """What is switched off counts nothing, and is on again as soon as somebody says so."""
    app = FastAPI()
    app.get("/", dependencies=[limiter.depends("1/minute")])(one)
    client = TestClient(app)

    limiter.enabled = False
    off = statuses(client, "/", 3)
    limiter.enabled = True

    assert (off, limiter.enabled) == ([200] * 3, True)
    assert statuses(client, "/", 2) == [200, 429]


def test_security_can_stay_closed() -> None:
    """A route whose rule is closed answers 503 where nobody can say whom to count; and its document says so."""
    limiter, app = RateLimiter(), FastAPI()
    app.get("/open", dependencies=[limiter.depends("1/minute", on_error="open")])(one)
    app.get("/closed", dependencies=[limiter.depends(Rule("1/minute", on_error="closed"))])(one)
    client = TestClient(app, client=None)  # type: ignore[arg-type]

    assert statuses(client, "/open", 3) == [200] * 3
    response = client.get("/closed")

    assert (response.status_code, response.headers["retry-after"]) == (503, "1")


def test_a_rule_in_shadow_refuses_nobody() -> None:
    """All rules of a limiter in shadow only watch, but for those that say otherwise; counters tell what would be."""
    limiter, app = RateLimiter(shadow=True), FastAPI()
    app.get("/", dependencies=[limiter.depends("1/minute")])(one)
    app.get("/strict", dependencies=[limiter.depends("1/minute", shadow=False)])(one)
    client = TestClient(app)

    assert statuses(client, "/", 3) == [200] * 3
    assert limiter.counters.would_deny == 2
    assert statuses(client, "/strict", 2) == [200, 429]


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ((), "a rule needs a limit"),
        (("5 per fortnight",), "10/second"),
        (("0/minute",), "10/second"),
        ((7,), "a limit is written like"),
    ],
)
def test_nonsense_is_refused_when_it_is_written(limiter: RateLimiter, limits: Any, message: str) -> None:
    """A limit that cannot be read is an error where it stands, and never a route without a limit."""
    with pytest.raises((ValueError, TypeError), match=message):
        limiter.depends(*limits)


def test_options_that_nothing_takes_are_refused(limiter: RateLimiter) -> None:
    """A rule says everything itself, so an option beside rules alone would change nothing, and nobody would know."""
    with pytest.raises(ValueError, match="cost= holds for limits that are no Rule"):
        limiter.depends(Rule("1/minute"), cost=2)
    with pytest.raises(ValueError, match="key= holds for limits that are no Rule"):
        limiter.limit(Rule("1/minute"), key=by_ip())


def test_routes_are_a_key_of_their_own() -> None:
    """All callers share what is counted by the route."""
    limiter, app = RateLimiter(key=by_route()), FastAPI()
    app.get("/", dependencies=[limiter.depends("1/minute")])(one)

    answers = [TestClient(app, client=(f"192.0.2.{number}", 1)).get("/").status_code for number in (1, 2)]

    assert answers == [200, 429]
