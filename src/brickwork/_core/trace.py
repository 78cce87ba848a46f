"""The distributed trace that a request belongs to: OpenTelemetry's where it is at work, else the caller's.

Reference: W3C Trace Context, level 1, sections 3 and 4.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from os import urandom

from opentelemetry.context import get_current
from opentelemetry.trace import get_current_span

_TRACEPARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_STATE = re.compile(r"[\t\x20-\x7e]*")
_ZEROS = frozenset({b"0" * 16, b"0" * 32})
# Section 3.2.2.4: sampled, and level 2's random; a flag that we do not know is not passed on.
_KNOWN_FLAGS = 0b11


@dataclass(frozen=True, slots=True)
class Trace:
    """A place in a trace.

    Attributes:
        trace_id: The trace, in 32 lower-case hexadecimal digits.
        span_id: This request's part in it, in 16 of them; what we call is its child.
        flags: Two hexadecimal digits; the lowest bit says that the trace is recorded.
        state: What tracing systems handed along, to be passed on unchanged; may be empty.
    """

    trace_id: str
    span_id: str
    flags: str = "00"
    state: str = ""

    @property
    def parent(self) -> str:
        """Give the ``traceparent`` for a request that is made from here."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def parse(headers: Sequence[tuple[bytes, bytes]]) -> Trace | None:
    """Continue the trace that a caller names, with a new span; None where it names none, or not rightly.

    Reference: W3C Trace Context, sections 3.2 and 4.3.
    """
    parents = [value for name, value in headers if name == b"traceparent"]
    if not parents:
        return None
    match = _TRACEPARENT.fullmatch(parents[0].strip()) if len(parents) == 1 else None
    if match is None:
        return None
    version, trace_id, parent_id, flags, more = match.groups()
    # Section 3.2.4: a later version may have more fields, version 00 has not, and ff is none.
    if version == b"ff" or (version == b"00" and more) or trace_id in _ZEROS or parent_id in _ZEROS:
        return None
    state = b",".join(value for name, value in headers if name == b"tracestate").decode("latin-1")
    return Trace(
        trace_id.decode(),
        urandom(8).hex(),
        f"{int(flags, 16) & _KNOWN_FLAGS:02x}",
        state if _STATE.fullmatch(state) else "",
    )


def of_span() -> Trace | None:
    """Give the place of OpenTelemetry's current span; None where nothing is traced."""
    here = get_current()
    if not here:
        return None
    span = get_current_span(here).get_span_context()
    if not span.is_valid:
        return None
    return Trace(
        f"{span.trace_id:032x}", f"{span.span_id:016x}", f"{span.trace_flags:02x}", span.trace_state.to_header()
    )
