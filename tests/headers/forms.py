"""The forms in which the block is used: alone, fused with other pieces, and installed with the stack."""

from collections.abc import Callable
from typing import Any, cast

from fastapi import FastAPI
from starlette.types import ASGIApp

from brickwork import install
from brickwork._core.context import RequestContext
from brickwork._core.frame import Frame, Piece
from brickwork._core.headers import RawHeaders
from brickwork.headers import SecurityHeadersMiddleware, SecurityHeadersOptions, SecurityHeadersPiece

Form = Callable[..., ASGIApp]


class Neighbour(Piece):
    """Another piece in the frame."""

    rank = 10

    def start(self, context: RequestContext, headers: RawHeaders) -> None:
        """Add a header of its own."""
        headers.append((b"x-neighbour", b"here"))


def alone(app: FastAPI, **options: Any) -> ASGIApp:
    """The middleware as a user adds it."""
    app.add_middleware(SecurityHeadersMiddleware, **options)
    return app


def inside(app: FastAPI, **options: Any) -> ASGIApp:
    """The middleware within another frame."""
    app.add_middleware(SecurityHeadersMiddleware, **options)
    app.add_middleware(Frame, pieces=[Neighbour()])
    return app


def fused(app: FastAPI, **options: Any) -> ASGIApp:
    """The piece in one frame with another."""
    app.add_middleware(Frame, pieces=[SecurityHeadersPiece(**options), Neighbour()])
    return app


def installed(app: FastAPI, **options: Any) -> ASGIApp:
    """The piece in the stack."""
    install(app, headers=cast("SecurityHeadersOptions", options))
    return app


FORMS = [alone, inside, fused, installed]
