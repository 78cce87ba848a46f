"""What an access log costs."""

from brickwork.accesslog import AccessLogMiddleware

from . import peers
from .measure import Call, Case, Comparison
from .shop import access

OURS = Case("AccessLogMiddleware", lambda app: app.add_middleware(AccessLogMiddleware, logger=access.name))
CASES = (peers.BARE, peers.SEND_WRAPPER, OURS, peers.ACCESS_LOG, peers.TUTORIAL_LOG)

COMPARISONS = (
    Comparison(
        "One request",
        "Every record is built and handed to a handler that drops it. Ours holds more: the IDs, the route's template, "
        "the client, the bytes sent, when the first of them left.",
        Call(),
        CASES,
    ),
    Comparison("A stream of 1000 chunks", "64 bytes each; one record.", Call("/stream"), CASES),
)
