"""What the whole stack costs, beside the packages that do the same together, and what one frame saves."""

from functools import partial

from fastapi import FastAPI

from brickwork import install
from brickwork._core.frame import Frame
from brickwork.accesslog import AccessLog
from brickwork.headers import SecurityHeaders, SecurityHeadersPiece
from brickwork.requestid import RequestID
from brickwork.stack._cors import CORS, cors_rules

from . import peers
from .measure import Call, Case, Comparison
from .shop import access, make_shop

CROSS_ORIGIN = {"origin": peers.ORIGIN, "accept-encoding": "gzip"}


def add_stack(app: FastAPI, *, compression: bool = False) -> None:
    """Install everything that the four peers have, and error boundary, problems and body limit besides."""
    install(app, cors=[peers.ORIGIN], access_log={"logger": access.name}, compression=compression)


def add_frame(app: FastAPI) -> None:
    """Put four pieces around the app in one frame."""
    app.add_middleware(Frame, pieces=_pieces())


def add_frames(app: FastAPI) -> None:
    """Put the same four pieces around the app, each in a frame of its own."""
    for piece in reversed(_pieces()):
        app.add_middleware(Frame, pieces=[piece])


def _pieces() -> list[RequestID | AccessLog | SecurityHeadersPiece | CORS]:
    headers = SecurityHeadersPiece(SecurityHeaders.api())
    return [RequestID(), AccessLog(logger=access.name), headers, CORS(cors_rules(origins=[peers.ORIGIN]))]


STACK = Case("Brickwork's stack", add_stack)
COMPRESSING = Case("Brickwork's stack, compression", partial(add_stack, compression=True))
SAME_ORIGIN = Case("Brickwork's stack, same origin", add_stack, call=Call())
WHOLE = (
    peers.BARE, peers.WRAPPER, peers.SEND_WRAPPER, STACK, COMPRESSING, peers.FOUR, peers.SIX, peers.BASE_HTTP,
    peers.TUTORIAL,
)  # fmt: skip

COMPARISONS = (
    Comparison(
        "One request through the whole stack",
        "Request ID, access log, security headers, CORS, error boundary with problem documents, and body limit, on a "
        "`GET` that a page of another origin sends. The four peers do the first four of these; the six count metrics "
        "and compress besides.",
        Call(headers=CROSS_ORIGIN),
        (*WHOLE[:4], SAME_ORIGIN, *WHOLE[4:]),
    ),
    Comparison(
        "A stream of 1000 chunks",
        "The same stacks around a response of 1000 chunks of 64 bytes: what each of them does for every chunk shows "
        "here. The six peers, the tutorial's functions and the row that says so compress it.",
        Call("/stream", headers=CROSS_ORIGIN),
        WHOLE,
    ),
    Comparison(
        "An app with 200 routes",
        "The same request, where 200 other routes stand in front of the one that matches. Who finds out the route's "
        "template by matching again pays for it here.",
        Call(headers=CROSS_ORIGIN),
        (peers.BARE, STACK, peers.FOUR, peers.SIX, peers.TUTORIAL),
        partial(make_shop, 200),
    ),
    Comparison(
        "One frame",
        "Request ID, access log, security headers and CORS in one frame, as `install` puts them, and each in a frame "
        "of its own, as with `add_middleware`.",
        Call(headers=CROSS_ORIGIN),
        (
            peers.BARE, Case("four pieces, one frame", add_frame), Case("four pieces, four frames", add_frames),
            peers.FOUR,
        ),
    ),
    Comparison(
        "Each peer alone",
        "What the peers of the tables above add one by one.",
        Call(headers=CROSS_ORIGIN),
        (
            peers.BARE, peers.CORRELATION_ID, peers.SECURE_HEADERS, peers.CORS, peers.ACCESS_LOG, peers.INSTRUMENTATOR,
            peers.GZIP,
        ),
    ),
)  # fmt: skip
