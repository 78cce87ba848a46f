"""What a request ID costs."""

from brickwork.requestid import RequestIDMiddleware

from . import peers
from .measure import Call, Case, Comparison

OURS = Case("RequestIDMiddleware", lambda app: app.add_middleware(RequestIDMiddleware))
CASES = (
    peers.BARE, peers.SEND_WRAPPER, OURS, peers.CORRELATION_ID, peers.STARLETTE_CONTEXT, peers.TUTORIAL_ID,
)  # fmt: skip

COMPARISONS = (
    Comparison("A request without an ID", "Each makes a new ID and sends it back.", Call(), CASES),
    Comparison(
        "A request with an ID",
        "The client sends a UUID. Ours is told to trust it, as the peers do by themselves.",
        Call(headers={"X-Request-ID": "3f2504e0-4f89-41d3-9a0c-0305e82c3301"}),
        (
            *CASES[:2],
            Case("RequestIDMiddleware", lambda app: app.add_middleware(RequestIDMiddleware, trust="always")),
            *CASES[3:],
        ),
    ),
    Comparison("A stream of 1000 chunks", "64 bytes each.", Call("/stream"), CASES),
)
