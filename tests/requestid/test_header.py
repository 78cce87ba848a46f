"""The ID on responses: which one, and on which of them."""

import re
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.responses import RedirectResponse

from brickwork.requestid import request_id, uuid7
from tests.requestid.calls import Form, alone, client, get, sent_id

MADE = re.compile("[0-9a-f]{32}")
OUTSIDE = ["", "1234567", "x" * 129, "has space", "semi;colon", "plus+plus", "{braces-1}", "with%0aline", "-leading-"]


def application() -> FastAPI:
    """An application that tells the ID it sees, and answers in every way."""
    app = FastAPI()

    @app.get("/")
    async def seen() -> dict[str, str | None]:
        return {"id": request_id()}

    @app.get("/status/{status}")
    async def status(status: int) -> Response:
        if status >= 400:
            raise HTTPException(status)
        return RedirectResponse("/") if status == 307 else Response(status_code=status)

    @app.get("/typed")
    async def typed(number: int) -> int:
        return number

    @app.get("/own")
    async def own(response: Response) -> None:
        response.headers.append("X-Request-ID", "the-endpoints-own")
        response.headers.append("X-Request-Id", "and-another-one")

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("broken")

    return app


@pytest.mark.promise("requestid-1")
async def test_a_request_without_an_id_gets_one(form: Form) -> None:
    """The response carries it once, in 32 hexadecimal digits, and the endpoint sees the same."""
    answer = await get(form(application()))

    [made] = answer.headers.get_list("x-request-id")
    assert MADE.fullmatch(made)
    assert answer.json() == {"id": made}


@pytest.mark.promise("requestid-1")
@pytest.mark.parametrize(
    "path", ["/status/204", "/status/304", "/status/307", "/status/415", "/status/429", "/status/503"]
)
async def test_every_status_carries_the_id(form: Form, path: str) -> None:
    """Whatever the endpoint answers, the ID is there once."""
    answer = await get(form(application()), path)

    assert MADE.fullmatch(sent_id(answer))


@pytest.mark.promise("requestid-1")
async def test_refusals_of_the_framework_carry_the_id(form: Form) -> None:
    """404, 405 and 422 are made by the framework, and carry it too."""
    app = form(application())

    async with client(app) as opened:
        answers = [await opened.get("/nowhere"), await opened.post("/"), await opened.get("/typed?number=x")]

    assert [answer.status_code for answer in answers] == [404, 405, 422]
    assert all(len(answer.headers.get_list("x-request-id")) == 1 for answer in answers)


@pytest.mark.promise("requestid-2")
async def test_an_unhandled_error_carries_the_id(form: Form) -> None:
    """The 500 of an app without a handler of its own has the ID, and tells nothing else."""
    answer = await get(form(application()), "/broken")

    assert answer.status_code == 500
    assert MADE.fullmatch(sent_id(answer))
    assert "broken" not in answer.text


@pytest.mark.promise("requestid-2")
async def test_an_apps_own_error_page_stays(form: Form) -> None:
    """A handler for Exception still answers, and knows the ID."""
    app = application()

    @app.exception_handler(Exception)
    async def handle(request: Any, error: Exception) -> Response:
        return Response(f"sorry: {request_id()}", 500)

    answer = await get(form(app), "/broken")

    assert MADE.fullmatch(answer.text.removeprefix("sorry: "))


@pytest.mark.promise("requestid-3")
@pytest.mark.parametrize("own", ["abcdefgh", "x" * 128, "01ARZ3NDEKTSV4RRFFQ69G5FAV", "req-42_a.b", "0" * 32])
async def test_a_trusted_id_is_taken_over(form: Form, own: str) -> None:
    """An ID of the allowed form comes back byte for byte."""
    answer = await get(form(application(), trust="always"), headers={"X-Request-ID": own})

    assert answer.headers.get_list("x-request-id") == [own]
    assert answer.json() == {"id": own}


@pytest.mark.promise("requestid-4")
@pytest.mark.parametrize("wrong", OUTSIDE)
async def test_what_is_no_id_is_replaced(form: Form, wrong: str, caplog: pytest.LogCaptureFixture) -> None:
    """The response has a fresh one, and nothing repeats what came; its length and the reason are logged."""
    caplog.set_level("DEBUG")

    answer = await get(form(application(), trust="always"), headers={"X-Request-ID": wrong})

    assert MADE.fullmatch(sent_id(answer))
    [said] = [record.getMessage() for record in caplog.records if record.name == "brickwork.requestid"]
    assert f"of {len(wrong)} bytes" in said
    assert not wrong or wrong not in caplog.text + answer.text + str(answer.headers)


@pytest.mark.promise("requestid-5")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.binary(max_size=200) | st.binary(min_size=4000, max_size=5000), path=st.binary(max_size=60))
async def test_any_bytes_get_an_answer_with_an_id(value: bytes, path: bytes) -> None:
    """Whatever stands in header and path, there is an answer, it is no server error, and it has one good ID."""
    app, sent = alone(application(), trust="always"), list[dict[str, Any]]()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope(b"/" + path, [(b"x-request-id", value)]), receive, send)

    ids = [each for name, each in sent[0]["headers"] if name == b"x-request-id"]
    assert sent[0]["status"] < 500
    assert len(ids) == 1
    assert re.fullmatch(rb"[A-Za-z0-9][A-Za-z0-9._-]{7,127}", ids[0])


def scope(path: bytes, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    """Give the scope of a GET request, as a server would."""
    return {
        "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "raw_path": path,
        "path": path.decode("utf-8", "replace"), "query_string": b"", "root_path": "", "headers": headers,
        "client": ("127.0.0.1", 1), "server": ("test", 80),
    }  # fmt: skip


@pytest.mark.promise("requestid-6")
async def test_by_default_nobody_is_trusted(form: Form) -> None:
    """An ID from outside is ignored unless the app says otherwise."""
    answer = await get(form(application()), headers={"X-Request-ID": "from-outside"})

    assert MADE.fullmatch(sent_id(answer))


@pytest.mark.promise("requestid-6")
@pytest.mark.parametrize(("peer", "trusted"), [("10.1.2.3", True), ("192.0.2.7", False), ("::ffff:10.1.2.3", True)])
async def test_only_proxies_are_trusted(form: Form, peer: str, trusted: bool) -> None:
    """With trust="proxies" the connection decides, not what a header says about it."""
    app = form(application(), trust="proxies", trusted_proxies=["10.0.0.0/8"])
    headers = {"X-Request-ID": "from-outside", "X-Forwarded-For": "10.1.2.3"}

    answer = await get(app, peer=peer, headers=headers)

    assert (answer.headers["x-request-id"] == "from-outside") is trusted


async def test_the_first_valid_one_of_several_is_taken(form: Form) -> None:
    """Two headers are never joined by a comma."""
    headers = [("X-Request-ID", "no id"), ("X-Request-ID", "first-valid"), ("X-Request-ID", "second-valid")]

    answer = await get(form(application(), trust="always"), headers=headers)

    assert answer.headers.get_list("x-request-id") == ["first-valid"]


@pytest.mark.promise("requestid-7")
async def test_an_invalid_id_can_be_refused(form: Form) -> None:
    """The refusal is a problem with status 400 that carries a fresh ID."""
    answer = await get(form(application(), trust="always", on_invalid="reject"), headers={"X-Request-ID": "no id"})

    document = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert document["type"].endswith("invalid-request-id")
    assert document["request_id"] == answer.headers["x-request-id"]
    assert "no id" not in answer.text


async def test_an_invalid_id_can_be_hashed(form: Form) -> None:
    """Equal ones stay equal and different ones different, and nothing of them is told; an empty one is as none."""
    app = form(application(), trust="always", on_invalid="hash")

    answers = [await get(app, headers={"X-Request-ID": own}) for own in ("no id", "no id", "other id", "", "")]

    ids = [answer.headers["x-request-id"] for answer in answers]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4
    assert all(map(MADE.fullmatch, ids))


@pytest.mark.promise("requestid-8")
@pytest.mark.parametrize("keep", [False, True])
async def test_one_header_leaves(form: Form, keep: bool) -> None:
    """Where the endpoint sets the header too, one goes out: ours, or the endpoint's where the app wants that."""
    answer = await get(form(application(), keep_endpoint_header=keep), "/own")

    [sent] = answer.headers.get_list("x-request-id")
    assert (sent == "the-endpoints-own") is keep


async def test_the_header_can_have_another_name_or_none(form: Form) -> None:
    """A name of one's own, and an ID that stays inside."""
    named = await get(
        form(application(), header="X-Correlation-ID", trust="always"), headers={"x-correlation-id": "correlated"}
    )
    silent = await get(form(application(), echo=False))

    assert named.headers["x-correlation-id"] == "correlated"
    assert "x-request-id" not in named.headers
    assert MADE.fullmatch(silent.json()["id"])
    assert "x-request-id" not in silent.headers


async def test_the_form_of_ids_can_be_ones_own(form: Form) -> None:
    """Pattern and lengths are the app's, as far as headers and logs can bear it."""
    app = form(application(), trust="always", pattern="[^x]*", min_length=1, max_length=4)

    taken = [
        (await get(app, headers={"X-Request-ID": own})).headers["x-request-id"] for own in ("1", "a+b", "ax", "a b")
    ]

    assert taken[:2] == ["1", "a+b"]
    assert all(map(MADE.fullmatch, taken[2:]))


async def test_the_generator_can_be_ones_own(form: Form) -> None:
    """UUIDs of version 7 sort by time."""
    app = form(application(), generator=uuid7)

    ids = [(await get(app)).headers["x-request-id"] for _ in range(2)]

    assert all(
        re.fullmatch("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", each) for each in ids
    )
    assert ids[0][:11] <= ids[1][:11]


@pytest.mark.promise("requestid-9")
@pytest.mark.parametrize("later", ["line\r\nbreak", "short", None, RuntimeError("down")])
async def test_a_generator_that_fails_later_costs_no_answer(form: Form, later: Any, expected_errors: list[Any]) -> None:
    """A random ID takes the place of what the generator should have given, and the log says so."""
    gives = iter(["valid-at-first", later])

    def generate() -> str:
        value = next(gives)
        if isinstance(value, Exception):
            raise value
        return value  # type: ignore[no-any-return]

    answer = await get(form(application(), generator=generate))

    assert MADE.fullmatch(answer.headers["x-request-id"])
    assert [record.name for record in expected_errors] == ["brickwork.requestid"]
