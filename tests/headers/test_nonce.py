"""The nonce: one a request, only where a page asks for it, and never from a cache."""

import re
from collections.abc import AsyncIterator
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from starlette.requests import HTTPConnection

from brickwork.headers import SecurityHeaders, csp_nonce
from brickwork.testing import Answer, open_client
from tests.headers.forms import FORMS, Form


def site() -> FastAPI:
    """A website, some of whose pages have inline code."""
    app = FastAPI()

    @app.get("/page")
    async def page(request: Request) -> Response:
        return Response(f"{csp_nonce(request)} {csp_nonce(request)} {request.state.csp_nonce}")

    @app.get("/injected")
    async def injected(nonce: Annotated[str, Depends(csp_nonce)]) -> Response:
        return Response(nonce)

    @app.get("/stored")
    async def stored(request: Request) -> Response:
        return Response(csp_nonce(request), headers={"Cache-Control": "private"})

    @app.get("/plain")
    async def plain() -> Response:
        return Response("no inline code")

    @app.get("/unchanged")
    async def unchanged(request: Request) -> Response:
        csp_nonce(request)
        return Response(status_code=304)

    return app


def nonces(response: Answer) -> set[str]:
    """The nonces that the policy names."""
    return set(re.findall(r"'nonce-([^']+)'", response.headers.get("content-security-policy", "")))


@pytest.mark.promise("headers-15")
@pytest.mark.parametrize("form", FORMS)
async def test_header_and_page_agree(form: Form) -> None:
    """However often it is asked for, a request has one nonce, in the page, in `request.state` and in the header."""
    async with open_client(form(site(), policy=SecurityHeaders.web())) as client:
        answer = await client.get("/page")
        injected = await client.get("/injected")

    assert nonces(answer) == set(answer.text.split())
    assert nonces(injected) == {injected.text}
    policy = answer.headers["content-security-policy"]
    assert re.search("script-src 'self' 'nonce-[^']+'; style-src 'self' 'nonce-", policy)


@pytest.mark.promise("headers-15")
async def test_nonces_cannot_be_guessed() -> None:
    """Each has 128 random bits or more, written in letters that need no escape, and none comes twice."""
    seen = {csp_nonce(HTTPConnection({"type": "http"})) for _ in range(1000)}

    assert len(seen) == 1000
    assert all(re.fullmatch("[A-Za-z0-9_-]{22,}", nonce) for nonce in seen)


@pytest.mark.promise("headers-16")
@pytest.mark.parametrize("form", FORMS)
async def test_only_pages_that_ask_have_one(form: Form) -> None:
    """A response without inline code names no nonce, and may be cached as before."""
    async with open_client(form(site(), policy=SecurityHeaders.web())) as client:
        answer = await client.get("/plain")

    assert nonces(answer) == set()
    assert "script-src 'self'; style-src 'self';" in answer.headers["content-security-policy"]
    assert "cache-control" not in answer.headers


@pytest.mark.promise("headers-16")
@pytest.mark.parametrize("form", FORMS)
async def test_nonces_are_not_for_caches(form: Form) -> None:
    """A page with a nonce is not stored unless it says so, and a 304 leaves the stored policy as it is."""
    async with open_client(form(site(), policy=SecurityHeaders.web())) as client:
        page = await client.get("/page", headers={"cookie": "a=1"})
        stored = await client.get("/stored")
        unchanged = await client.get("/unchanged")

    assert page.headers.get_list("cache-control") == ["no-store"]
    assert stored.headers.get_list("cache-control") == ["private"]
    assert nonces(stored) == {stored.text}
    assert "content-security-policy" not in unchanged.headers
    assert unchanged.headers["x-content-type-options"] == "nosniff"


@pytest.mark.promise("headers-15")
@pytest.mark.parametrize("form", FORMS)
async def test_a_nonce_that_comes_too_late_is_refused(form: Form) -> None:
    """Once the header has left, a new nonce would only break the page."""
    app = FastAPI()

    async def chunks(request: Request) -> AsyncIterator[str]:
        try:
            csp_nonce(request)
        except RuntimeError as error:
            yield str(error)

    @app.get("/late")
    async def late(request: Request) -> StreamingResponse:
        return StreamingResponse(chunks(request))

    async with open_client(form(app, policy=SecurityHeaders.web())) as client:
        answer = await client.get("/late")

    assert answer.text.startswith("the response has begun: call csp_nonce(request) before it")


@pytest.mark.parametrize("form", FORMS)
async def test_a_policy_without_nonces_ignores_them(form: Form) -> None:
    """A page may ask under any policy; only one that names `NONCE` lets inline code through."""
    async with open_client(form(site(), policy=SecurityHeaders.api())) as client:
        answer = await client.get("/page")

    assert answer.status_code == 200
    assert nonces(answer) == set()
