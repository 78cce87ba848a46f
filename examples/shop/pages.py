"""The landing page, the files that belong to it, and the guides of the blocks."""

import os
from dataclasses import replace
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from brickwork.headers import ContentSecurityPolicy, SecurityHeaders

_PAGES = Path(__file__).with_name("pages")
_GUIDES = Path(__file__).parents[2] / "docs" / "blocks"
# A page with a style sheet, pictures and a script of its own, which calls the shop's API and nothing else.
_PAGE_POLICY = ContentSecurityPolicy(
    {
        "default-src": ["'none'"],
        "style-src": ["'self'"],
        "script-src": ["'self'"],
        "connect-src": ["'self'"],
        "img-src": ["'self'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
)


class Pages(StaticFiles):
    """Files that a browser may keep but asks about each time: the answer is 304 while they are the same."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        # Starlette refuses a nonsensical range in plain text; so small a file may come whole (RFC 9110, section 14.2).
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"range"]
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = "no-cache"
        if Path(full_path).suffix == ".md" and response.status_code == 200:
            response.headers["Content-Type"] = "text/plain; charset=utf-8"  # browsers show it; Markdown they save
        return response


def page_headers() -> SecurityHeaders:
    """Give the strict policy of an API, with one for the landing page in it."""
    api = SecurityHeaders.api()
    return replace(api, paths={"/": replace(api, content_security_policy=_PAGE_POLICY)})


def add_pages(app: FastAPI) -> None:
    pages = Pages(directory=_PAGES)

    async def landing(request: Request) -> Response:
        return await pages.get_response("landing.html", request.scope)

    app.add_route("/", landing, methods=["GET"], include_in_schema=False)
    app.mount("/static", pages)
    app.mount("/guides", Pages(directory=_GUIDES))
