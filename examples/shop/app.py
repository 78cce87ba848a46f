"""The bookshop: its routes, and the stack around them."""

from collections.abc import Sequence
from secrets import token_hex

from fastapi import FastAPI

from brickwork import combine_lifespans, install
from brickwork.problems import problem_router
from brickwork.ratelimit import RateStore
from brickwork.websockets import Backplane

from .accounts import Accounts, account_router
from .backroom import fulfilment_router, stock_router
from .catalogue import catalogue_router
from .limits import UNLIMITED, Limits
from .live import Live, live_router
from .orders import order_router
from .pages import add_pages, page_headers
from .storage import Storage


def create_app(
    *,
    database_url: str | None = None,
    secret: str | None = None,
    admin_password: str | None = None,
    cursor_secret: str | None = None,
    rate_store: RateStore | None = None,
    rate_limits: bool = True,
    backplane: Backplane | None = None,
    trusted_hosts: Sequence[str] = ("localhost", "127.0.0.1", "[::1]"),
) -> FastAPI:
    """Build the shop. When it first starts, the whole catalogue is put on its shelves, and there are no orders yet.

    Args:
        database_url: Where all is kept; without one in a file that goes when the shop closes.
        secret: What tokens are signed with, 32 bytes or more; processes that serve one shop need the same. Without one
            it is made here, and everybody has to log in again when the shop opens the next time.
        admin_password: Of the administrator, who is made when the shop first starts; without one nobody logs in so.
        cursor_secret: What cursors are sealed with; processes that serve one shop need the same. Without one it is
            made here, and cursors are good until the shop closes.
        rate_store: Where requests are counted: for processes that serve one shop in Redis. Without one each counts for
            itself.
        rate_limits: Whether they are counted at all.
        backplane: Joins processes that serve one shop, so that each tells the pages of all; without one each its own.
        trusted_hosts: Names under which the shop is reached.
    """
    storage = Storage(database_url)
    accounts = Accounts(storage.database, secret=secret or token_hex(32), admin_password=admin_password)
    limits = Limits(accounts.auth, store=rate_store, enabled=rate_limits)
    live = Live(accounts.auth, backplane=backplane)
    cursor_secret = cursor_secret or token_hex(32)
    app = FastAPI(
        title="The bookshop",
        summary="406 books that belong to everyone.",
        version="1.0.0",
        lifespan=combine_lifespans(storage.lifespan, accounts.lifespan, live.manager.lifespan),
    )
    db, auth = storage.database, accounts.auth
    app.include_router(account_router(accounts), dependencies=[limits.logins])
    app.include_router(catalogue_router(db, cursor_secret=cursor_secret), dependencies=[limits.catalogue])
    app.include_router(stock_router(db, auth), dependencies=[limits.plans])
    app.include_router(order_router(db, auth, cursor_secret=cursor_secret), dependencies=[limits.plans])
    app.include_router(live_router(live))
    app.include_router(fulfilment_router(db, auth, live, cursor_secret=cursor_secret), dependencies=[limits.programs])
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
        rate_limit={"limiter": limits.limiter, "exempt": UNLIMITED},
        body_limit=65_536,
        timeout=10,
    )
    return app


app = create_app()
