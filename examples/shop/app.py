"""The bookshop: its routes, and the stack around them."""

from collections.abc import Sequence
from secrets import token_hex

from fastapi import FastAPI

from brickwork import install
from brickwork.problems import problem_router

from .catalogue import catalogue_router
from .orders import order_router
from .pages import add_pages, page_headers
from .storage import Storage


def create_app(
    *,
    database_url: str | None = None,
    cursor_secret: str | None = None,
    trusted_hosts: Sequence[str] = ("localhost", "127.0.0.1", "[::1]"),
) -> FastAPI:
    """Build the shop. When it first starts, the whole catalogue is put on its shelves, and there are no orders yet.

    Args:
        database_url: Where books and orders are kept; without one in a file that goes when the shop closes.
        cursor_secret: What cursors are sealed with; processes that serve one shop need the same. Without one it is
            made here, and cursors are good until the shop closes.
        trusted_hosts: Names under which the shop is reached.
    """
    storage = Storage(database_url)
    app = FastAPI(
        title="The bookshop",
        summary="406 books that belong to everyone.",
        version="1.0.0",
        lifespan=storage.lifespan,
    )
    app.include_router(catalogue_router(storage.database, cursor_secret=cursor_secret or token_hex(32)))
    app.include_router(order_router(storage.database))
    app.include_router(problem_router(), prefix="/problems")
    add_pages(app)
    # Only a proxy on this machine names requests; uvicorn keeps it in sight by `--no-proxy-headers`, as in demo.py.
    install(
        app,
        request_id={"trust": "proxies", "trusted_proxies": ["127.0.0.1"]},
        headers=page_headers(),
        trusted_hosts=trusted_hosts,
        cors=["http://localhost:3000"],
        problems={"base_uri": "/problems/"},
        body_limit=65_536,
        timeout=10,
    )
    return app


app = create_app()
