"""What is known of a request, and what its errors tell of it."""

from opentelemetry.sdk.trace import TracerProvider

from brickwork._core.context import RequestContext, mark, mark_of, marked_fields, of_scope
from brickwork._core.scope import REQUEST

PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def context(headers: list[tuple[bytes, bytes]] | None = None) -> RequestContext:
    """Give the context of a request with an ID."""
    made = RequestContext({"type": "http", "headers": headers or []}, 0.0)
    made.request_id = "abcdefgh"
    return made


def test_fields_are_ids_and_bound_values() -> None:
    """Log lines carry three IDs, a hyphen for what is not known, and what was bound."""
    request = context()
    request.values["user"] = 7

    assert request.fields() == {"request_id": "abcdefgh", "trace_id": "-", "span_id": "-", "user": 7}


def test_the_callers_trace_is_continued_with_one_span() -> None:
    """All of a request's lines and calls belong to the same span."""
    request = context([(b"traceparent", PARENT)])

    first, second = request.trace(), request.trace()

    assert first is not None
    assert first is second
    assert request.fields()["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert request.fields()["span_id"] == first.span_id


def test_opentelemetrys_span_comes_first() -> None:
    """Where a span is recorded, the lines name it, not the caller's header."""
    request = context([(b"traceparent", PARENT)])

    with TracerProvider().get_tracer("test").start_as_current_span("work") as span:
        fields = request.fields()

    assert fields["trace_id"] == f"{span.get_span_context().trace_id:032x}"


def test_an_error_tells_its_request() -> None:
    """Whoever logs the error later finds the request's fields on it."""
    error = ValueError()

    mark(error, context())

    assert mark_of(error) == "abcdefgh"
    assert (marked_fields(error) or {})["trace_id"] == "-"


def test_an_error_of_no_request_tells_nothing() -> None:
    """Neither a plain error, nor no error, nor one of a request without an ID has one."""
    anonymous, request = ValueError(), context()
    request.request_id = None
    mark(anonymous, request)

    assert [mark_of(each) for each in (None, ValueError(), anonymous)] == [None, None, None]


def test_an_error_that_takes_no_notes_is_left_alone() -> None:
    """An error class with slots cannot be marked, and nothing fails."""

    class Strict(Exception):  # noqa: N818 - its slots are the point
        __slots__ = ()

        def __setattr__(self, name: str, value: object) -> None:
            raise AttributeError(name)

    error = Strict()

    mark(error, context())

    assert mark_of(error) is None


def test_the_context_is_found_by_its_scope() -> None:
    """Code that has only the scope finds the context; a foreign value under the key is none."""
    request = context()

    assert of_scope({"type": "http", "state": {REQUEST: request}}) is request
    assert of_scope({"type": "http", "state": {REQUEST: "other"}}) is None
    assert of_scope({"type": "http"}) is None
