"""Security headers on the way out: which, when, and whose word counts."""

import asyncio
import inspect
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI, Response
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from brickwork._core.headers import RawHeaders, find_all
from brickwork.headers import (
    SecurityHeaders,
    SecurityHeadersMiddleware,
    SecurityHeadersOptions,
    SecurityHeadersPiece,
)
from brickwork.testing import open_client
from tests.headers.forms import FORMS, Form, alone, fused, installed

API = {**SecurityHeaders.api().values(), **{k: str(v) for k, v in SecurityHeaders.api().policies().items()}}
OVER_HTTP = {name: value for name, value in API.items() if name != "strict-transport-security"}


def bookshop() -> FastAPI:
    """An app with an answer of every kind."""
    app = FastAPI()

    @app.get("/books")
    async def books() -> list[str]:
        return ["Emma"]

    @app.get("/books/{number}")
    async def book(number: int) -> int:
        return number

    @app.get("/own")
    async def own() -> Response:
        response = Response(headers={"X-Frame-Options": "SAMEORIGIN", "Server": "mine", "X-Powered-By": "PHP/5"})
        response.headers.append("Set-Cookie", "a=1")
        response.headers.append("Set-Cookie", "b=2")
        response.headers.append("Content-Security-Policy", "default-src 'self'")
        response.headers.append("Content-Security-Policy", "img-src 'none'")
        return response

    @app.get("/cached")
    async def cached() -> Response:
        return Response(headers={"Cache-Control": "private, max-age=60"})

    @app.get("/unchanged")
    async def unchanged() -> Response:
        return Response(status_code=304, headers={"ETag": '"1"'})

    @app.websocket("/ws")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept(headers=[(b"x-own", b"1")])
        await websocket.close()

    @app.websocket("/denied")
    async def denied(websocket: WebSocket) -> None:
        await websocket.send_denial_response(PlainTextResponse("no", 403))

    return app


@pytest.mark.promise("headers-8")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("path", ["/books", "/books/x", "/nowhere", "/unchanged"])
async def test_every_response_has_them(form: Form, path: str) -> None:
    """Found or not, valid or not: the headers are there, once."""
    async with open_client(form(bookshop())) as client:
        answer = await client.get(path)
        refused = await client.post("/books")

    for each in (answer, refused):
        assert OVER_HTTP.items() <= dict(each.headers).items()
        assert all(len(each.headers.get_list(name)) == 1 for name in OVER_HTTP)


@pytest.mark.promise("headers-8")
async def test_errors_of_the_outermost_kind_have_them() -> None:
    """In the stack an unhandled error and a body over the limit have them too."""
    app = bookshop()

    @app.post("/fail")
    async def fail() -> None:
        raise LookupError("secret")

    async with open_client(installed(app), raise_errors=False) as client:
        failed = await client.post("/fail")
        large = await client.post("/books", headers={"content-length": "99999999"}, content=b"")

    assert (failed.status_code, large.status_code) == (500, 413)
    assert OVER_HTTP.items() <= dict(failed.headers).items()
    assert OVER_HTTP.items() <= dict(large.headers).items()


@pytest.mark.promise("headers-8")
@pytest.mark.parametrize("form", FORMS)
def test_handshakes_have_them(form: Form) -> None:
    """An accepted socket and a denied one carry the headers as well."""
    with TestClient(form(bookshop())) as client:
        with client.websocket_connect("/ws") as websocket:
            accepted = dict[bytes, bytes](websocket.extra_headers or [])
        with pytest.raises(WebSocketDisconnect) as denial, client.websocket_connect("/denied"):
            pass

    assert accepted[b"x-own"] == b"1"
    assert accepted[b"x-content-type-options"] == b"nosniff"
    assert getattr(denial.value, "headers", {})["x-content-type-options"] == "nosniff"


@pytest.mark.promise("headers-9")
@pytest.mark.parametrize("form", FORMS)
async def test_the_endpoint_has_the_last_word(form: Form) -> None:
    """What an endpoint sets stays, however often; cookies stay apart; the software's name goes."""
    async with open_client(form(bookshop())) as client:
        answer = await client.get("/own")

    assert answer.headers.get_list("x-frame-options") == ["SAMEORIGIN"]
    assert answer.headers.get_list("content-security-policy") == ["default-src 'self'", "img-src 'none'"]
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "server" not in answer.headers
    assert "x-powered-by" not in answer.headers


@pytest.mark.promise("headers-9")
@pytest.mark.parametrize("form", FORMS)
async def test_a_policy_can_have_the_last_word(form: Form) -> None:
    """A header named in `override` is the policy's, once, whatever its case."""
    app = form(bookshop(), override={"Content-Security-Policy", "cache-control"})
    async with open_client(app) as client:
        own = await client.get("/own")
        cached = await client.get("/cached", headers={"cookie": "a=1"})

    assert own.headers.get_list("content-security-policy") == [API["content-security-policy"]]
    assert own.headers.get_list("x-frame-options") == ["SAMEORIGIN"]
    assert cached.headers.get_list("cache-control") == ["no-store"]


names = st.sampled_from(
    [b"x-frame-options", b"X-Frame-Options", b"set-cookie", b"etag", b"content-type", b"x-y", b"vary"]
)


@pytest.mark.promise("headers-1")
@given(
    st.lists(st.tuples(names, st.binary(max_size=4)), max_size=10),
    st.booleans(),
    st.sampled_from([frozenset(), frozenset({"x-frame-options"})]),
)
def test_nothing_else_is_touched(before: RawHeaders, fuse: bool, override: frozenset[str]) -> None:
    """Whatever headers a response has, those that the policy does not set keep their values, number and order."""
    copy = list(before)
    sent: list[Message] = []

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": before})

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("nobody reads")

    wrapped = (fused if fuse else alone)(Starlette(), override=override)  # type: ignore[arg-type]
    [middleware] = wrapped.user_middleware  # type: ignore[attr-defined]
    scope = {"type": "http", "path": "/", "headers": [(b"cookie", b"a")]}
    asyncio.run(middleware.cls(app, *middleware.args, **middleware.kwargs)(scope, receive, send))

    after = sent[0]["headers"]
    owned = {name.encode() for name in API} | {b"cache-control", b"x-neighbour"}
    assert [pair for pair in after if pair[0].lower() not in owned] == [
        pair for pair in copy if pair[0].lower() not in owned
    ]
    assert before == copy
    frame_options = find_all(copy, b"x-frame-options")
    assert find_all(after, b"x-frame-options") == ([b"DENY"] if override or not frame_options else frame_options)


@pytest.mark.promise("headers-10")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("base_url", "expected"), [("http://shop", None), ("https://shop", API["strict-transport-security"])]
)
async def test_strict_transport_security_goes_over_https_only(form: Form, base_url: str, expected: str | None) -> None:
    """RFC 6797 forbids the header over plain HTTP."""
    async with open_client(form(bookshop()), base_url=base_url) as client:
        answer = await client.get("/books")

    assert answer.headers.get("strict-transport-security") == expected


@pytest.mark.promise("headers-11")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("path", "credentials", "expected"),
    [
        ("/books", {}, None),
        ("/books", {"authorization": "Bearer x"}, "no-store"),
        ("/books", {"cookie": "session=x"}, "no-store"),
        ("/own", {"cookie": "session=x"}, "no-store"),
        ("/nowhere", {"cookie": "session=x"}, "no-store"),
        ("/cached", {"cookie": "session=x"}, "private, max-age=60"),
        ("/unchanged", {"cookie": "session=x"}, None),
        ("/static/logo.svg", {"cookie": "session=x"}, None),
        ("/site/logo.svg", {"cookie": "session=x"}, None),
    ],
)
async def test_answers_to_someone_are_not_stored(
    form: Form, path: str, credentials: dict[str, str], expected: str | None, tmp_path: Any
) -> None:
    """A request with credentials gets `no-store`, unless the answer knows better or is the same for everyone."""
    (tmp_path / "logo.svg").write_text("<svg/>")
    app = bookshop()
    app.mount("/static", StaticFiles(directory=tmp_path))
    app.frontend("/site", directory=tmp_path)

    async with open_client(form(app)) as client:
        answer = await client.get(path, headers=credentials)

    assert answer.headers.get("cache-control") == expected


@pytest.mark.promise("headers-11")
@pytest.mark.parametrize("form", FORMS)
async def test_storing_is_left_alone_on_request(form: Form) -> None:
    """A policy may leave caching to the application."""
    async with open_client(form(bookshop(), policy=replace(SecurityHeaders.api(), no_store=False))) as client:
        answer = await client.get("/books", headers={"cookie": "a=1"})

    assert "cache-control" not in answer.headers


@pytest.mark.promise("headers-12")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/books", "no-referrer"),
        ("/admin", "origin"),
        ("/admin/users", "same-origin"),
        ("/admin/users/1", "same-origin"),
        ("/admin/deep/x", "strict-origin"),
        ("/administration", "no-referrer"),
    ],
)
async def test_paths_have_policies_of_their_own(form: Form, path: str, expected: Any) -> None:
    """The exact path counts first, then the longest that ends in a star."""

    def referring(value: Any) -> SecurityHeaders:
        return SecurityHeaders(referrer_policy=value)

    policy = replace(
        SecurityHeaders.api(),
        paths={
            "/admin": referring("origin"),
            "/admin/*": referring("same-origin"),
            "/admin/deep/*": referring("strict-origin"),
        },
    )

    async with open_client(form(bookshop(), policy=policy)) as client:
        answer = await client.get(path)

    assert answer.headers["referrer-policy"] == expected


@pytest.mark.promise("headers-13")
@pytest.mark.parametrize("form", FORMS)
async def test_an_api_open_to_other_origins_says_so(form: Form) -> None:
    """Where CORS opens the API, no resource policy closes it again."""
    async with open_client(form(bookshop(), cors_open=True)) as client:
        answer = await client.get("/books")

    assert "cross-origin-resource-policy" not in answer.headers
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"


@pytest.mark.promise("headers-14")
@pytest.mark.parametrize("form", FORMS)
async def test_a_policy_can_be_tried_out(form: Form) -> None:
    """A report-only policy goes out beside the enforced one, with the address for its reports."""
    trial = SecurityHeaders.web().content_security_policy
    assert trial is not None
    policy = replace(
        SecurityHeaders.api(),
        content_security_policy_report_only=trial.allowing({"report-to": ["main"]}),
        reporting_endpoints={"main": "https://reports.example/csp", "other": "/reports"},
    )

    async with open_client(form(bookshop(), policy=policy)) as client:
        answer = await client.get("/books")

    assert answer.headers["content-security-policy"] == API["content-security-policy"]
    assert answer.headers["content-security-policy-report-only"].endswith("upgrade-insecure-requests; report-to main")
    assert answer.headers["reporting-endpoints"] == 'main="https://reports.example/csp", other="/reports"'


async def test_an_app_without_documentation_is_served() -> None:
    """Plain Starlette has no documentation pages, and a lifespan passes."""
    app = Starlette()
    app.add_middleware(SecurityHeadersMiddleware)

    async with open_client(app) as client:
        answer = await client.get("/docs")

    assert OVER_HTTP.items() <= dict(answer.headers).items()


def test_overriding_makes_sense() -> None:
    """A name in `override` that no policy sets is a typing error."""
    with pytest.raises(ValueError, match="x-frame-option, which the policy does not set"):
        SecurityHeadersMiddleware(FastAPI(), override={"X-Frame-Option"})
    with pytest.raises(TypeError, match="takes a collection"):
        SecurityHeadersMiddleware(FastAPI(), override="x-frame-options")


def test_options_match_the_piece() -> None:
    """`SecurityHeadersOptions` names every option of the piece."""
    assert {*SecurityHeadersOptions.__annotations__} == {*inspect.signature(SecurityHeadersPiece).parameters}
