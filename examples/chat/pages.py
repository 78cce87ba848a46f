"""The page of the chat, its files, and the policy under which they run."""

from dataclasses import replace
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from starlette.staticfiles import StaticFiles

from brickwork.headers import ContentSecurityPolicy, SecurityHeaders

_PAGES = Path(__file__).with_name("pages")
# A page with a style sheet, a picture and scripts of its own, which talks to its server and to nobody else.
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


def page_headers() -> SecurityHeaders:
    """Give the strict policy of an API, with one for the page in it."""
    api = SecurityHeaders.api()
    return replace(api, paths={"/": replace(api, content_security_policy=_PAGE_POLICY)})


def add_pages(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(_PAGES / "index.html")

    app.mount("/static", StaticFiles(directory=_PAGES))
