"""The JavaScript client, as the package serves it."""

import re
from importlib.resources import files

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

import brickwork
from brickwork.websockets._depends.client import client_router


@pytest.fixture
def client() -> TestClient:
    """A client of an app that serves the script."""
    app = FastAPI()
    app.include_router(client_router())
    return TestClient(app)


@pytest.mark.promise("websockets-147")
def test_the_script_is_part_of_the_package_and_served_as_a_module(client: TestClient) -> None:
    """What is served is the file of the package, as JavaScript, and nothing may take it for anything else."""
    answer = client.get("/brickwork.js")

    assert answer.status_code == 200
    assert answer.content == (files("brickwork.websockets") / "client" / "brickwork.js").read_bytes()
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_browser_that_has_it_is_told_so(client: TestClient) -> None:
    """Without a version a browser asks each time, and gets the script only when it has changed."""
    first = client.get("/brickwork.js")

    again = client.get("/brickwork.js", headers={"If-None-Match": first.headers["etag"]})
    other = client.get("/brickwork.js", headers={"If-None-Match": '"another"'})

    assert first.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert other.status_code == 200


@pytest.mark.promise("websockets-147")
def test_the_version_in_its_address_lets_a_browser_keep_it(client: TestClient) -> None:
    """Asked for by the version that is installed it is kept for a year; by another, it is not."""
    ours = client.get("/brickwork.js", params={"v": brickwork.__version__})
    another = client.get("/brickwork.js", params={"v": "0.0.0"})

    assert ours.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert another.headers["cache-control"] == "no-cache"


def test_its_head_can_be_asked_for(client: TestClient) -> None:
    """HEAD has the headers of GET, and no content."""
    head = client.head("/brickwork.js")

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == client.get("/brickwork.js").headers["etag"]


def test_it_can_have_another_address_and_is_in_no_document() -> None:
    """An app chooses where the script is, and its description of the API says nothing of it."""
    app = FastAPI()
    app.include_router(client_router("/live/client.js"), prefix="/assets")

    answer = TestClient(app).get("/assets/live/client.js")

    assert answer.status_code == 200
    assert app.openapi()["paths"] == {}


@pytest.mark.promise("websockets-147")
def test_the_script_does_nothing_that_a_strict_policy_refuses() -> None:
    """It evaluates no text, writes no markup, loads nothing, and leaves no global name."""
    script = (files("brickwork.websockets") / "client" / "brickwork.js").read_text("utf-8")
    code = _code(script)

    found = re.findall(r"\beval\b|\bFunction\(|innerHTML|document\b|\bimport\b|globalThis|window\b|style\b", code)

    assert found == []


def _code(script: str) -> str:
    without_blocks = re.sub(r"/\*.*?\*/", "", script, flags=re.DOTALL)
    return re.sub(r"^\s*//.*$", "", without_blocks, flags=re.MULTILINE)
