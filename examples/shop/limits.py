"""Limits: how often somebody may log in, look for books, and use the rest by what they are here."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from brickwork.auth import Auth
from brickwork.ratelimit import RateLimiter, RateStore, Rule, by_ip, by_json

from .accounts import User

# What each role may ask of the order desk: those who sell work faster than those who buy.
PLANS: Mapping[str, str] = {"customer": "120/minute; 2000/hour", "staff": "600/minute", "admin": "600/minute"}
PROGRAMS = "900/minute burst 30"
# Files and documents, which cost next to nothing.
UNLIMITED = ("/", "/docs", "/openapi.json", "/brickwork.js", "/static/*", "/guides/*", "/problems/*")


class Limits:
    """The limits of one shop.

    Args:
        auth: Knows the people and programs.
        store: Counts; without one, in the memory of this process.
        enabled: Whether anything is counted.
    """

    def __init__(self, auth: Auth[User], *, store: RateStore | None = None, enabled: bool = True) -> None:
        client = by_ip(trusted_proxies=["127.0.0.1"])
        self.limiter = RateLimiter(store=store, default="1200/minute", key=client, enabled=enabled)
        # A wrong password locks the account, which is Auth's to do. A right one costs the processor as much.
        self.logins = self.limiter.depends(
            Rule("30/minute", key=by_json("login") & client, exempt_when=_is_no_login, name="account"),
            Rule("120/minute; 2000/day", key=client, exempt_when=_is_no_login, name="address"),
            stack=True,
        )
        self.catalogue = self.limiter.depends("1200/minute", cost=_cost_of_looking, scope="catalogue")
        # These know whom to count once they know who calls; whoever shows a wrong token is counted by address.
        self.programs = self.limiter.depends(PROGRAMS, key=Depends(auth.api_key), scope="program", stack=True)

        def plan(user: Annotated[User, Depends(auth.user)]) -> str:
            return PLANS[user.roles[0]]

        self.plans = self.limiter.depends(plan, key=Depends(auth.user), scope="plan", stack=True)


def _is_no_login(connection: HTTPConnection) -> bool:
    return connection.url.path != "/auth/login"


def _cost_of_looking(connection: HTTPConnection) -> int:
    """Search reads every book; all else is found by an index."""
    return 5 if {"q", "author__icontains"} & connection.query_params.keys() else 1
