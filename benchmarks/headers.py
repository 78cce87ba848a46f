"""What security headers cost."""

from brickwork.headers import SecurityHeadersMiddleware

from . import peers
from .measure import Call, Case, Comparison

OURS = Case("SecurityHeadersMiddleware", lambda app: app.add_middleware(SecurityHeadersMiddleware))
CASES = (peers.BARE, peers.SEND_WRAPPER, OURS, peers.SECURE_HEADERS, peers.TUTORIAL_HEADERS)

COMPARISONS = (
    Comparison("One request", "The default policies of both packages; the tutorial sets five headers.", Call(), CASES),
    Comparison("A stream of 1000 chunks", "64 bytes each.", Call("/stream"), CASES),
)
