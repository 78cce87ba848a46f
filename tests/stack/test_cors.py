"""CORS: Starlette's rules, with every answer inside them."""

import pytest
from fastapi import FastAPI, Response

from brickwork import install
from brickwork.stack import CORSOptions
from brickwork.testing import assert_problem, open_client

ORIGIN = "https://shop.example"


def app_with(options: CORSOptions | str | list[str]) -> FastAPI:
    """An app whose stack has these CORS options."""
    app = FastAPI()

    @app.get("/")
    async def home(response: Response) -> str:
        response.headers["vary"] = "Accept"
        return "home"

    install(app, cors=options)
    return app


@pytest.mark.promise("stack-20")
async def test_allowed_origin_may_read_the_answer() -> None:
    """The origin is named, Vary grows by Origin, and the headers that scripts need are exposed."""
    async with open_client(app_with([ORIGIN])) as client:
        answer = await client.get("/", headers={"origin": ORIGIN})

    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["vary"] == "Accept, Origin"
    assert "X-Request-ID" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.promise("stack-20")
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://shop.example.evil.example", "é"])
async def test_other_origin_gets_no_permission(origin: str) -> None:
    """A foreign origin is answered without CORS headers, and caches are told so."""
    async with open_client(app_with([ORIGIN])) as client:
        answer = await client.get("/", headers={b"origin": origin.encode("latin-1")})

    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["vary"] == "Accept, Origin"


async def test_without_origin_only_vary_is_added() -> None:
    """A request of no page gets no CORS headers, but the cached answer must not be served to one."""
    async with open_client(app_with([ORIGIN])) as client:
        answer = await client.get("/")

    assert "access-control-allow-origin" not in answer.headers
    assert "Origin" in answer.headers["vary"]


async def test_every_origin_is_a_star() -> None:
    """With origins ["*"] the answer is the same for all pages, so Vary stays."""
    async with open_client(app_with(["*"])) as client:
        answer = await client.get("/", headers={"origin": ORIGIN})

    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["vary"] == "Accept"


async def test_comma_separated_text_is_a_list_of_origins() -> None:
    """A setting such as "https://a.example, https://b.example" works as it stands."""
    async with open_client(app_with("https://a.example, https://b.example")) as client:
        answer = await client.get("/", headers={"origin": "https://b.example"})

    assert answer.headers["access-control-allow-origin"] == "https://b.example"


@pytest.mark.promise("stack-21")
async def test_preflight_is_answered_with_the_rules() -> None:
    """An allowed preflight is 200 with methods, headers and age, and never reaches the app."""
    options: CORSOptions = {"origins": [ORIGIN], "credentials": True, "max_age": 60}
    asked = {"origin": ORIGIN, "access-control-request-method": "PUT", "access-control-request-headers": "x-odd"}
    async with open_client(app_with(options)) as client:
        answer = await client.options("/", headers=asked)

    assert answer.status_code == 200
    assert "PUT" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "x-odd"
    assert answer.headers["access-control-max-age"] == "60"
    assert answer.headers["access-control-allow-credentials"] == "true"


@pytest.mark.promise("stack-21")
async def test_refused_preflight_is_a_problem() -> None:
    """A refused preflight says what was refused, with an id."""
    async with open_client(app_with({"origins": [ORIGIN], "methods": ["GET"]})) as client:
        answer = await client.options("/", headers={"origin": ORIGIN, "access-control-request-method": "DELETE"})

    assert_problem(answer, 400, slug="preflight-refused", detail="Disallowed CORS method.")
    assert answer.headers["x-request-id"]
    assert "Origin" in answer.headers["vary"]


async def test_options_without_preflight_headers_is_the_apps() -> None:
    """A plain OPTIONS request is routed like any other."""
    async with open_client(app_with([ORIGIN])) as client:
        answer = await client.options("/", headers={"origin": ORIGIN})

    assert answer.status_code == 405


async def test_origins_may_be_a_pattern() -> None:
    """origin_regex is matched against the whole origin."""
    async with open_client(app_with({"origin_regex": r"https://[a-z]+\.shop\.example"})) as client:
        inside = await client.get("/", headers={"origin": "https://a.shop.example"})
        outside = await client.get("/", headers={"origin": "https://a.shop.example.evil.example"})

    assert inside.headers["access-control-allow-origin"] == "https://a.shop.example"
    assert "access-control-allow-origin" not in outside.headers


@pytest.mark.parametrize(
    "origin", ["shop.example", "https://Shop.example", "https://shop.example/", "null", "https://"]
)
def test_what_no_browser_sends_is_refused_as_an_origin(origin: str) -> None:
    """An origin that could never match, or matches too much, is an error at once."""
    with pytest.raises(ValueError, match="is no origin"):
        app_with([origin])
