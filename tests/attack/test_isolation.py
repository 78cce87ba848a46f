"""Many requests at once, and many apps: none sees anything of another."""

import asyncio
from uuid import uuid4

import httpx2
import pytest
from fastapi import BackgroundTasks, FastAPI, Request

from brickwork import install
from brickwork.requestid import bind, request_context, request_id
from brickwork.testing import CapturedLogs, open_client

from .direct import call


def numbered(app: FastAPI | None = None) -> FastAPI:
    """Make an app that tells its request ID at many moments, and takes IDs over from callers."""
    app = app or FastAPI()
    finished: list[str | None] = []
    app.state.finished = finished

    async def finish() -> None:
        await asyncio.sleep(0)
        finished.append(request_id())

    @app.get("/ids")
    async def ids(background: BackgroundTasks, request: Request) -> list[str | None]:
        bind(caller=request_id())
        seen = []
        for _ in range(10):
            await asyncio.sleep(0)
            seen.append(request_id())
        seen.append(await asyncio.to_thread(request_id))
        seen.append(await asyncio.create_task(later()))
        seen.append(request_id(request))
        background.add_task(finish)
        return seen

    install(app, request_id={"trust": "always"}, timeout=30, compression=True)
    return app


async def later() -> str | None:
    """Tell the ID from a task of its own."""
    await asyncio.sleep(0)
    return request_id()


@pytest.mark.promise("requestid-11")
async def test_requests_at_once_never_see_each_other(logs: CapturedLogs) -> None:
    """Of 200 requests whose awaits interleave, each sees its own ID everywhere, and its own values on its record."""
    app = numbered()
    wanted = [uuid4().hex for _ in range(200)]

    async with open_client(app) as client:
        requests = (client.get("/ids", headers={"X-Request-ID": each}) for each in wanted)
        responses = await asyncio.gather(*requests)

    assert [response.headers["x-request-id"] for response in responses] == wanted
    assert [set(response.json()) for response in responses] == [{each} for each in wanted]
    assert sorted(app.state.finished) == sorted(wanted)
    for each in wanted:
        [record] = logs.for_request(each).from_logger("brickwork.accesslog").records
        assert record.__dict__["caller"] == each


@pytest.mark.promise("requestid-11")
async def test_nothing_leaks_into_the_caller() -> None:
    """After a request, good or bad, the context of whoever called the app is as before."""
    app = numbered()

    await call(app, "GET", "/ids")
    await call(app, "GET", "/nothing")

    assert request_context() is None
    assert request_id() is None


@pytest.mark.promise("stack-11")
async def test_two_apps_do_not_touch() -> None:
    """An app that calls another in the same task keeps its own ID, header name and policy."""
    inner, outer = FastAPI(), FastAPI()

    @inner.get("/")
    async def answer() -> str | None:
        return request_id()

    @outer.get("/")
    async def ask() -> list[str | None]:
        before = request_id()
        transport = httpx2.ASGITransport(app=inner)
        async with httpx2.AsyncClient(transport=transport, base_url="http://inner") as client:
            response = await client.get("/")
        return [before, response.json(), response.headers["x-inner-id"], request_id()]

    install(inner, request_id={"header": "X-Inner-ID"}, problems={"base_uri": "https://inner.example/"}, headers=False)
    install(outer, problems={"base_uri": "https://outer.example/"})

    async with open_client(outer) as outside, open_client(inner) as inside:
        [before, other, echoed, after] = (await outside.get("/")).json()
        missing = [await client.get("/missing") for client in (outside, inside)]

    assert before == after
    assert other == echoed != before
    assert ["x-inner-id" in each.headers for each in missing] == [False, True]
    assert ["x-content-type-options" in each.headers for each in missing] == [True, False]


async def test_apps_at_once_never_mix() -> None:
    """Two apps that serve at the same time give each caller its own answer."""
    apps = [numbered(), numbered()]
    wanted = [uuid4().hex for _ in range(100)]

    answers = await asyncio.gather(
        *(call(apps[place % 2], "GET", "/ids", {"x-request-id": each}) for place, each in enumerate(wanted))
    )

    assert [answer.all("x-request-id") for answer in answers] == [[each] for each in wanted]
    assert [len(app.state.finished) for app in apps] == [50, 50]
