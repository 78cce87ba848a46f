"""The bookshop: its routes, and the stack around them."""

from collections.abc import Sequence

from fastapi import FastAPI

from brickwork import install
from brickwork.problems import problem_router

from . import catalogue, orders
from .pages import add_pages, page_headers


def create_app(*, trusted_hosts: Sequence[str] = ("localhost", "127.0.0.1", "[::1]"), timeout: float = 10.0) -> FastAPI:
    """Build the shop, with the whole catalogue on its shelves and no orders yet.

    Args:
        trusted_hosts: Names under which the shop is reached.
        timeout: Seconds until an answer must have begun.
    """
    app = FastAPI(title="The bookshop", summary="406 books that belong to everyone.", version="1.0.0")
    app.state.catalogue = catalogue.Catalogue.from_file()
    app.state.orders = orders.OrderBook()
    app.include_router(catalogue.router)
    app.include_router(orders.router)
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
        timeout=timeout,
    )
    return app


app = create_app()
