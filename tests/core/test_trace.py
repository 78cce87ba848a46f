"""W3C Trace Context, as callers send it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.context import attach, detach, set_value
from opentelemetry.sdk.trace import TracerProvider

from brickwork._core.trace import Trace, of_span, parse

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT_ID = "b7ad6b7169203331"
VALID = f"00-{TRACE_ID}-{PARENT_ID}-01"


def parsed(parent: str, *states: str) -> Trace | None:
    """Read these headers."""
    return parse(
        [(b"traceparent", parent.encode("latin-1")), *((b"tracestate", state.encode("latin-1")) for state in states)]
    )


@pytest.mark.promise("requestid-15")
def test_a_trace_is_continued() -> None:
    """The trace stays, the span is new, the flags and the state go on."""
    trace = parsed(VALID, "vendor=a,other=b")

    assert trace is not None
    assert trace.trace_id == TRACE_ID
    assert len(trace.span_id) == 16
    assert trace.span_id != PARENT_ID
    assert trace.parent == f"00-{TRACE_ID}-{trace.span_id}-01"
    assert trace.state == "vendor=a,other=b"


@pytest.mark.promise("requestid-15")
@pytest.mark.parametrize(
    "wrong",
    [
        "",
        VALID.upper(),
        VALID[:-1],
        VALID + "0",
        VALID + "-x",
        f"ff-{TRACE_ID}-{PARENT_ID}-01",
        f"00-{'0' * 32}-{PARENT_ID}-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"00-{TRACE_ID[:-1]}g-{PARENT_ID}-01",
        f"01-{TRACE_ID}-{PARENT_ID}-01more",
        VALID + "\r\nX: y",
    ],
)
def test_what_is_no_trace_is_none(wrong: str) -> None:
    """An invalid header counts as absent."""
    assert parsed(wrong, "vendor=a") is None


@pytest.mark.promise("requestid-15")
def test_a_later_version_is_read_by_its_beginning() -> None:
    """More fields of a later version are left out, and unknown flags dropped."""
    trace = parsed(f"cc-{TRACE_ID}-{PARENT_ID}-ff-what-the-future-brings")

    assert trace is not None
    assert trace.parent == f"00-{TRACE_ID}-{trace.span_id}-03"


def test_two_parents_are_none() -> None:
    """A request has one parent."""
    assert parse([(b"traceparent", VALID.encode())] * 2) is None


def test_states_are_one_list() -> None:
    """Several lines are joined in order; a state that no client may send is dropped."""
    joined, broken = parsed(VALID, "a=1", "b=2"), parsed(VALID, "a=\x1b")

    assert joined is not None
    assert joined.state == "a=1,b=2"
    assert broken is not None
    assert broken.state == ""


@given(st.binary(max_size=80))
def test_any_bytes_are_answered(value: bytes) -> None:
    """No header breaks the reader, and what it accepts is well formed."""
    trace = parse([(b"traceparent", value), (b"tracestate", value)])

    assert trace is None or len(trace.parent) == 55


def test_the_span_in_progress_is_the_place() -> None:
    """OpenTelemetry's span is found with its flags."""
    with TracerProvider().get_tracer("test").start_as_current_span("work") as span:
        place = of_span()

    assert place is not None
    assert place.trace_id == f"{span.get_span_context().trace_id:032x}"
    assert place.span_id == f"{span.get_span_context().span_id:016x}"
    assert int(place.flags, 16) & 1
    assert of_span() is None


def test_a_context_without_a_span_is_no_place() -> None:
    """OpenTelemetry may carry other things along than a span."""
    token = attach(set_value("other", "thing"))

    place = of_span()
    detach(token)

    assert place is None
