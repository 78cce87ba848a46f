"""The middleware: counts what has no limits of its own, and tells in headers what is left."""

from collections.abc import Sequence
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.testclient import TestClient
from starlette.types import Scope

from brickwork.ratelimit import (
    Charge,
    MemoryRateStore,
    RateLimiter,
    RateLimitMiddleware,
    RateStoreUnavailableError,
    Rule,
    Verdict,
)
from brickwork.ratelimit._store import Mode
from brickwork.testing import ManualClock, assert_problem, open_client

NAMES = ["ratelimit-policy", "ratelimit", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]


class LostStore(MemoryRateStore):
    """A store that cannot be asked."""

    async def hit(self, charges: Sequence[Charge], *, mode: Mode = "count") -> Sequence[Verdict]:
        """Fail."""
        raise RateStoreUnavailableError


async def plain(request: Request) -> Response:
    """An endpoint of Starlette's."""
    return Response()


def limited(limiter: RateLimiter, **options: Any) -> FastAPI:
    """An app behind a limiter's default."""
    app = FastAPI()
    app.add_middleware(RateLimitMiddleware, limiter=limiter, **options)

    @app.get("/")
    async def home() -> str:
        return "home"

    @app.get("/health")
    async def health() -> str:
        return "well"

    return app


async def statuses(app: Any, *paths: str, method: str = "GET", **headers: str) -> list[int]:
    """The statuses with which requests are answered, one after the other."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with open_client(app, raise_errors=False) as client:
        return [(await client.request(method, path, headers=sent)).status_code for path in paths]


@pytest.mark.promise("ratelimit-28")
async def test_default_counts_whatever_is_asked_for() -> None:
    """A route, an included router, a mounted application, a file and what nobody serves: all spend the default."""
    app = limited(RateLimiter(default="6/minute"))
    router = APIRouter()
    router.add_api_route("/x", lambda: "x")
    app.include_router(router, prefix="/a")
    mounted = FastAPI()
    mounted.add_api_route("/y", lambda: "y")
    app.mount("/m", mounted)
    app.mount("/plain", Starlette(routes=[Route("/z", plain)]))

    served = await statuses(app, "/", "/a/x", "/m/y", "/plain/z", "/nowhere", "/m/nowhere", "/", "/a/x", "/nowhere")

    assert served == [200, 200, 200, 200, 404, 404, 429, 429, 429]


@pytest.mark.promise("ratelimit-51")
async def test_refusal_is_a_problem() -> None:
    """A 429 says which policy refuses, and when to come back; nobody may keep it."""
    limiter = RateLimiter(default="1/minute fixed; 100/hour", store=MemoryRateStore(clock=ManualClock()))

    async with open_client(limited(limiter)) as client:
        await client.get("/")
        answer = await client.get("/")

    document = assert_problem(answer, 429, slug="quota-exceeded", retry_after=60)
    assert document["violated-policies"] == ["default-minute"]
    assert answer.headers["retry-after"] == "60"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["ratelimit-policy"] == '"default-minute";q=1;w=60, "default-hour";q=100;w=3600'
    assert answer.headers["ratelimit"] == '"default-minute";r=0;t=60, "default-hour";r=99;t=3600'


@pytest.mark.promise("ratelimit-52")
async def test_headers_of_the_first_hit() -> None:
    """Every answer tells the policy and what is left of it, to the byte, and asks nobody to wait who may come."""
    limiter = RateLimiter(default="100/minute fixed", store=MemoryRateStore(clock=ManualClock()))

    async with open_client(limited(limiter)) as client:
        answer = await client.get("/")

    told = [(name, value) for name, value in answer.headers.multi_items() if name in (*NAMES, "retry-after")]
    assert told == [("ratelimit-policy", '"default";q=100;w=60'), ("ratelimit", '"default";r=99;t=60')]


@pytest.mark.promise("ratelimit-29")
async def test_exempt_paths() -> None:
    """Exempt paths are not counted, nor what is below them where it says so."""
    app = limited(RateLimiter(default="1/minute"), exempt={"/health", "/docs/*"})

    served = await statuses(
        app, "/health", "/health", "/docs/x", "/docs/y", "/", "/health/", "/docs", "/docs/..%2Fhealth"
    )

    assert served == [200, 200, 404, 404, 200, 429, 429, 429]


@pytest.mark.promise("ratelimit-30")
async def test_preflight_is_not_counted() -> None:
    """A browser's question whether it may ask spends nothing; any other OPTIONS does."""
    app = limited(RateLimiter(default="1/minute"))
    asking = {"origin": "https://shop.example", "access_control_request_method": "GET"}

    preflights = await statuses(app, "/", "/", "/", method="OPTIONS", **asking)
    others = await statuses(app, "/", "/", method="OPTIONS", origin="https://shop.example")

    assert preflights == [405, 405, 405]
    assert others == [405, 429]


@pytest.mark.promise("ratelimit-36")
async def test_own_limits_and_exemptions() -> None:
    """A route's own limits stand in place of the default, stacked ones beside it, and an exempt one has neither."""
    limiter = RateLimiter(default="1/minute")
    app = limited(limiter)
    app.add_api_route("/own", lambda: "", dependencies=[limiter.depends("2/minute")])
    app.add_api_route("/stacked", lambda: "", dependencies=[limiter.depends("5/minute", stack=True)])
    app.add_api_route("/free", limiter.exempt(lambda: ""))

    assert await statuses(app, "/own", "/own", "/own", "/free", "/free") == [200, 200, 429, 200, 200]
    assert await statuses(app, "/stacked", "/stacked", "/") == [200, 429, 429]


async def test_limits_of_another_limiter_change_nothing() -> None:
    """What one limiter says of a route leaves the default of another in place."""
    app = limited(RateLimiter(default="1/minute"))
    other = RateLimiter()
    app.add_api_route("/own", other.exempt(lambda: ""))
    app.add_api_route("/limited", lambda: "", dependencies=[other.depends("5/minute")])

    assert await statuses(app, "/own", "/limited") == [200, 429]


@pytest.mark.promise("ratelimit-55")
async def test_headers_occur_once() -> None:
    """Where several limits hold, one header tells of all, each under a name of its own, whatever the endpoint sent."""
    limiter = RateLimiter(
        default="9/minute fixed", headers=("ietf", "legacy"), store=MemoryRateStore(clock=ManualClock())
    )
    app = limited(limiter)

    @app.get("/many", dependencies=[limiter.depends("5/hour fixed", name="default", stack=True)])
    async def many() -> Response:
        return Response(headers={"RateLimit": '"upstream";r=1', "X-RateLimit-Limit": "7"})

    async with open_client(app) as client:
        answer = await client.get("/many")

    told = {name: value for name, value in answer.headers.multi_items() if name in NAMES}
    assert [name for name, _ in answer.headers.multi_items() if name in NAMES] == NAMES
    assert told["ratelimit-policy"] == '"default";q=9;w=60, "default-2";q=5;w=3600'
    assert told["ratelimit"] == '"default";r=8;t=60, "default-2";r=4;t=3600'
    assert (told["x-ratelimit-limit"], told["x-ratelimit-remaining"]) == ("5", "4")
    assert told["x-ratelimit-reset"].isdigit()


async def test_other_scopes_pass() -> None:
    """What is neither request nor socket reaches the application untouched."""
    met: list[Scope] = []

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        met.append(scope)

    scope = {"type": "something"}
    await RateLimitMiddleware(app, limiter=RateLimiter(default="1/minute"))(scope, None, None)  # type: ignore[arg-type]

    assert met == [{"type": "something"}]
    assert met[0] is scope


async def test_nothing_is_counted_while_disabled() -> None:
    """A limiter that is switched off refuses nobody and tells nothing."""
    limiter = RateLimiter(default="1/minute", enabled=False)

    async with open_client(limited(limiter)) as client:
        answers = [await client.get("/") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert "ratelimit" not in answers[0].headers


async def test_whoever_is_left_alone_spends_nothing() -> None:
    """Exempt networks, and whoever `exempt_when` names, of the limiter and of the default, are not counted."""
    networks = RateLimiter(default="1/minute", exempt_networks=["127.0.0.0/8"])
    asked = RateLimiter(default=Rule("1/minute", exempt_when=lambda connection: "x-free" in connection.headers))

    assert await statuses(limited(networks), "/", "/") == [200, 200]
    assert await statuses(limited(asked), "/", "/", x_free="1") == [200, 200]
    assert await statuses(limited(asked), "/", "/") == [200, 429]


@pytest.mark.promise("ratelimit-77")
async def test_closed_without_its_store() -> None:
    """Where nobody can count and nobody is to pass uncounted, the answer is 503 with the time to wait."""
    limiter = RateLimiter(default="1/minute", store=LostStore(), on_error="closed")

    async with open_client(limited(limiter)) as client:
        answer = await client.get("/")

    assert_problem(answer, 503, slug="temporary-reduced-capacity")
    assert int(answer.headers["retry-after"]) >= 1
    assert "ratelimit" not in answer.headers


async def test_open_without_its_store() -> None:
    """Where everybody is to pass uncounted, no header tells what nobody knows."""
    limiter = RateLimiter(default="1/minute", store=LostStore(), on_error="open")

    async with open_client(limited(limiter)) as client:
        answers = [await client.get("/") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert not {*NAMES} & {*answers[0].headers}


async def test_key_that_refuses() -> None:
    """What a key of the application's own refuses is answered as it says."""

    def nobody(connection: Any) -> str:
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})

    async with open_client(limited(RateLimiter(default="1/minute", key=nobody))) as client:
        answer = await client.get("/")

    assert_problem(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.promise("ratelimit-42")
async def test_mounted_application_counts_once() -> None:
    """A request is counted once by a limiter, however many middlewares it passes, and once by each other limiter."""
    same = RateLimiter(default="2/minute fixed", store=MemoryRateStore(clock=ManualClock()))
    other = RateLimiter(default=Rule("1/minute fixed", name="inner"), store=MemoryRateStore(clock=ManualClock()))
    app = limited(same)
    app.mount("/same", limited(same))
    app.mount("/other", limited(other))

    async with open_client(app) as client:
        answers = [await client.get(path) for path in ("/same/", "/other/")]
    async with open_client(app) as client:
        same.enabled = False
        refused = await client.get("/other/")

    assert [answer.headers["ratelimit"] for answer in answers] == [
        '"default";r=1;t=60',
        '"default";r=0;t=60, "inner";r=0;t=60',
    ]
    assert assert_problem(refused, 429)["violated-policies"] == ["inner"]


async def test_inner_refusal_is_told_outside() -> None:
    """What a mounted application's own limiter refuses, the headers of the outer one tell too."""
    app = limited(RateLimiter(default="9/minute fixed", store=MemoryRateStore(clock=ManualClock())))
    app.mount("/inner", limited(RateLimiter(default=Rule("1/minute fixed", name="inner"))))

    async with open_client(app) as client:
        answers = [await client.get("/inner/") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].headers["ratelimit-policy"] == '"default";q=9;w=60, "inner";q=1;w=60'


async def test_around_an_application() -> None:
    """Put around an application by hand, it finds the routes through whatever stands between."""
    limiter = RateLimiter(default="1/minute")
    app = FastAPI()
    app.add_api_route("/free", limiter.exempt(lambda: ""))
    app.add_api_route("/", lambda: "")

    class Between:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
            await self.app(scope, receive, send)

    around = RateLimitMiddleware(Between(app), limiter=limiter)

    assert await statuses(around, "/free", "/free", "/", "/") == [200, 200, 200, 429]


async def test_around_what_nobody_can_look_into() -> None:
    """What tells no routes is limited as a whole."""

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        await Response("served")(scope, receive, send)

    async def bare(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
        else:
            await app(scope, receive, send)

    assert await statuses(RateLimitMiddleware(bare, limiter=RateLimiter(default="1/minute")), "/", "/") == [200, 429]


@pytest.mark.parametrize("options", [{"limiter": "100/minute"}, {"limiter": RateLimiter(), "exempt": "/health"}])
def test_wrong_options(options: Any) -> None:
    """What is no limiter, and a bare text for paths, is refused where it is written."""
    with pytest.raises(TypeError):
        RateLimitMiddleware(FastAPI(), **options)


@pytest.mark.promise("ratelimit-35")
async def test_decorator_above_the_route() -> None:
    """A limit that stands too high to hold stops the start, and every request, with the name of the function."""
    limiter = RateLimiter()
    app = limited(limiter)
    router = APIRouter()

    @limiter.limit("1/minute")
    @router.get("/bare")
    async def bare_endpoint(request: Request) -> str:
        return "unlimited"

    app.include_router(router, prefix="/api")

    with pytest.raises(RuntimeError, match=r"/api/bare .*bare_endpoint.* below"):
        await statuses(app, "/")

    with pytest.raises(RuntimeError, match="bare_endpoint"):
        TestClient(app).get("/")


@pytest.mark.promise("ratelimit-35")
async def test_bare_endpoint_of_a_mounted_application() -> None:
    """A limit that does not hold is found in mounted applications, and on routes that are not FastAPI's."""
    limiter = RateLimiter(default="9/minute")
    mounted = Starlette(routes=[Route("/plain", limiter.limit("1/minute")(plain))])
    app = FastAPI(routes=[Mount("/m", mounted)])
    app.add_middleware(RateLimitMiddleware, limiter=limiter)

    with pytest.raises(RuntimeError, match="/plain"):
        await statuses(app, "/")


async def test_routes_that_come_later() -> None:
    """Routes that are added while the application serves are known from then on."""
    limiter = RateLimiter(default="1/minute")
    app = limited(limiter)
    router = APIRouter()
    app.include_router(router)
    app.add_api_route("/free", limiter.exempt(lambda: ""))

    async with open_client(app) as client:
        before = [(await client.get(path)).status_code for path in ("/", "/later")]
        router.add_api_route("/later", limiter.exempt(lambda: ""))
        after = [(await client.get(path)).status_code for path in ("/", "/later")]

    assert before == [200, 429]
    assert after == [429, 200]
