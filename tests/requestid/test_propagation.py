"""The ID and the trace on calls that a request makes, and in jobs that it leaves behind."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import httpx
import httpx2
import pytest
from opentelemetry.sdk.trace import TracerProvider

from brickwork._core.context import CURRENT, RequestContext
from brickwork.requestid import bind, dump, propagate, request_context, request_id, restore

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"
OURS = ("x-request-id", "traceparent", "tracestate")

Ask = Callable[..., Any]


@contextmanager
def request(*headers: tuple[bytes, bytes], own: str | None = "the-request-id") -> Iterator[None]:
    """Be under a request."""
    context = RequestContext({"type": "http", "headers": list(headers)}, 0.0)
    context.request_id = own
    token = CURRENT.set(context)
    try:
        yield
    finally:
        CURRENT.reset(token)


@pytest.fixture(params=["httpx", "httpx2", "httpx async", "httpx2 async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Make a call with each kind of client, and give the requests that went out."""
    library, _, asynchronous = request.param.partition(" ")
    module: ModuleType = {"httpx": httpx, "httpx2": httpx2}[library]

    async def call(
        url: str, *targets: str, to: list[str] | None = None, headers: Any = None, twice: bool = False
    ) -> list[Any]:
        sent, left = [], list(targets)

        def answer(outgoing: Any) -> Any:
            sent.append(outgoing)
            return module.Response(302, headers={"Location": left.pop(0)}) if left else module.Response(200)

        make = module.AsyncClient if asynchronous else module.Client
        client = make(transport=module.MockTransport(answer), follow_redirects=True)
        for hosts in [to or ["*.internal"], ["elsewhere.example"]][: 1 + twice]:
            assert propagate(client, to=hosts) is client
        if asynchronous:
            async with client:
                await client.get(url, headers=headers)
        else:
            with client:
                client.get(url, headers=headers)
        return sent

    return call


def carried(outgoing: Any) -> dict[str, str]:
    """Give what a request carries of ours."""
    return {name: outgoing.headers[name] for name in OURS if name in outgoing.headers}


@pytest.mark.promise("requestid-18")
async def test_calls_carry_id_and_trace(ask: Ask) -> None:
    """A call to a named host has the ID, the trace with a new parent, and its state unchanged."""
    with request((b"traceparent", PARENT.encode()), (b"tracestate", b"vendor=a")):
        place = (request_context() or pytest.fail("no request")).trace()
        [outgoing] = await ask("http://api.internal/")

    assert place is not None
    assert place.span_id != "b7ad6b7169203331"
    assert carried(outgoing) == {
        "x-request-id": "the-request-id", "traceparent": f"00-{TRACE_ID}-{place.span_id}-01", "tracestate": "vendor=a"
    }  # fmt: skip


@pytest.mark.promise("requestid-18")
async def test_opentelemetrys_span_is_the_parent(ask: Ask) -> None:
    """Where a span is recorded, it is what the next service continues."""
    with (
        request((b"traceparent", PARENT.encode())),
        TracerProvider().get_tracer("test").start_as_current_span("a") as span,
    ):
        [outgoing] = await ask("http://api.internal/")

    _, trace_id, span_id, _ = carried(outgoing)["traceparent"].split("-")
    assert (int(trace_id, 16), int(span_id, 16)) == (span.get_span_context().trace_id, span.get_span_context().span_id)


async def test_no_trace_is_begun(ask: Ask) -> None:
    """Where nobody traces, no header says so; a service that samples by it would be misled."""
    with request():
        [outgoing] = await ask("http://api.internal/")

    assert carried(outgoing) == {"x-request-id": "the-request-id"}


@pytest.mark.promise("requestid-19")
@pytest.mark.parametrize(
    "url",
    ["http://internal/", "http://api.example/", "http://api.internal.example/", "http://api.internal@evil.example/"],
)
async def test_other_hosts_get_nothing(ask: Ask, url: str) -> None:
    """Only the hosts that were named see the ID."""
    with request((b"traceparent", PARENT.encode())):
        [outgoing] = await ask(url)

    assert carried(outgoing) == {}


@pytest.mark.parametrize(
    ("url", "to"), [("http://API.Internal./", "*.internal"), ("http://[::1]/", "::1"), ("http://a/", "A")]
)
async def test_hosts_compare_as_names_do(ask: Ask, url: str, to: str) -> None:
    """Case and a final dot make no difference."""
    with request():
        [outgoing] = await ask(url, to=[to])

    assert "x-request-id" in outgoing.headers


@pytest.mark.promise("requestid-19")
async def test_a_redirect_elsewhere_drops_them(ask: Ask) -> None:
    """On the way to another host nothing of ours is left; back among the named ones it is there again."""
    with request((b"traceparent", PARENT.encode())):
        sent = await ask("http://a.internal/", "http://evil.example/", "http://b.internal/")

    assert [sorted(carried(outgoing)) for outgoing in sent] == [
        ["traceparent", "x-request-id"],
        [],
        ["traceparent", "x-request-id"],
    ]


@pytest.mark.promise("requestid-18")
async def test_the_callers_headers_stay(ask: Ask) -> None:
    """What the caller set is neither replaced, nor doubled, nor mixed, and a redirect treats it as the client does."""
    with request((b"traceparent", PARENT.encode()), (b"tracestate", b"vendor=a")):
        sent = await ask(
            "http://a.internal/", "http://evil.example/", headers={"x-request-id": "mine", "traceparent": "x"}
        )

    assert [carried(outgoing) for outgoing in sent] == [{"x-request-id": "mine", "traceparent": "x"}] * 2


async def test_two_rules_do_not_undo_each_other(ask: Ask) -> None:
    """A client may be told twice."""
    with request():
        [outgoing] = await ask("http://a.internal/", twice=True)

    assert outgoing.headers.get_list("x-request-id") == ["the-request-id"]


async def test_outside_a_request_nothing_is_sent(ask: Ask) -> None:
    """A client that lives longer than requests may be used at any time; a request without an ID sends none."""
    [outgoing] = await ask("http://a.internal/")
    with request(own=None):
        [anonymous] = await ask("http://a.internal/")

    assert carried(outgoing) == carried(anonymous) == {}


@pytest.mark.promise("requestid-20")
def test_a_job_goes_on_under_its_request() -> None:
    """ID, trace and bound values survive a queue that carries JSON."""
    with request((b"traceparent", PARENT.encode()), (b"tracestate", b"vendor=a")):
        bind(user="ada", password=object())
        sent = json.dumps(dump())

    with restore(json.loads(sent)) as context:
        assert request_id() == "the-request-id"
        assert context.values == {"user": "ada"}
        assert context.fields()["trace_id"] == TRACE_ID
        assert (context.trace() or pytest.fail("no trace")).state == "vendor=a"
        assert json.loads(json.dumps(dump()))["request_id"] == "the-request-id"
    assert request_id() is None


@pytest.mark.promise("requestid-20")
@pytest.mark.parametrize(
    "wrong", [{}, {"request_id": "no id"}, {"request_id": 7}, {"request_id": "ä" * 8, "traceparent": "ä"}]
)
def test_a_job_always_has_an_id(wrong: dict[str, object]) -> None:
    """What a queue delivers is not trusted: without a valid ID the job gets a fresh one."""
    with restore(wrong):
        assert len(request_id() or "") == 32


def test_outside_a_request_there_is_nothing_to_dump() -> None:
    """A job that no request asked for gets an ID of its own."""
    assert dump() == {}


def test_a_job_without_a_trace_has_none() -> None:
    """Where nobody traces, nothing of a trace is handed on."""
    with request():
        assert dump() == {"request_id": "the-request-id", "values": {}}
