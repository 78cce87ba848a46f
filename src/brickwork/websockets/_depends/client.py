"""Serving the JavaScript client, which is part of the package."""

from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Request, Response

from ..._core.entity_tags import EntityTag, has_state
from ..._core.not_modified import NotModifiedError

# Another release has another address, so whoever asks for this one by name need never ask again.
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASK_AGAIN: Final = "no-cache"


def client_router(path: str = "/brickwork.js") -> APIRouter:
    """Give a router that serves the JavaScript client.

    It is one module without a build, and needs nothing that a strict content security policy refuses but
    ``script-src 'self'`` and ``connect-src 'self'``. With ``?v=`` and Brickwork's version it is kept by browsers for a
    year, otherwise they ask each time whether it has changed.

    Args:
        path: Where it is served.
    """
    router = APIRouter(include_in_schema=False)
    script = (files("brickwork.websockets") / "client" / "brickwork.js").read_bytes()
    release = version("brickwork")
    tag = EntityTag(sha256(script).hexdigest()[:20])

    @router.api_route(path, methods=["GET", "HEAD"])
    async def brickwork_client(request: Request) -> Response:
        named = request.query_params.get("v") == release
        headers = {
            "Cache-Control": _FOR_EVER if named else _ASK_AGAIN,
            "ETag": str(tag),
            "X-Content-Type-Options": "nosniff",
        }
        response = Response(script, headers=headers, media_type="text/javascript")
        if has_state(request.headers.getlist("if-none-match"), tag):
            raise NotModifiedError(response.headers)
        return response

    return router
