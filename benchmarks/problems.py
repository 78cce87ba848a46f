"""What an answer to an error costs."""

from fastapi import FastAPI

from brickwork import install
from brickwork.problems import add_problem_handlers

from . import peers
from .measure import Call, Case, Comparison
from .shop import access


def add_stack(app: FastAPI) -> None:
    """Install the stack: the answers have ID, headers and a log record as well."""
    install(app, access_log={"logger": access.name})


CASES = (
    peers.BARE,
    peers.HANDLERS,
    Case("add_problem_handlers", add_problem_handlers),
    Case("install, the whole stack", add_stack),
    peers.FASTAPI_PROBLEM,
)
JSON = {"content-type": "application/json"}

COMPARISONS = (
    Comparison(
        "404, no such route",
        'FastAPI alone answers `{"detail": …}`, the others with a problem document.',
        Call("/nowhere", status=404),
        CASES,
    ),
    Comparison("405, no such method", "On a route that has others.", Call("/ping", "DELETE", status=405), CASES),
    Comparison("HTTPException", "An endpoint raises it, with status 409.", Call("/sold-out", status=409), CASES),
    Comparison(
        "422, an invalid body",
        "Two of its members are wrong. Ours names each by a pointer and does not repeat what was sent.",
        Call("/orders", "POST", JSON, b'{"book": "one", "copies": 0}', 422),
        CASES,
    ),
    Comparison(
        "500, an unhandled error",
        "The endpoint raises; the exception is answered and goes on to the server.",
        Call("/broken", status=500, raises=True),
        CASES,
    ),
)
