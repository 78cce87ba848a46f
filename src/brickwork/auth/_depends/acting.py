"""Acting as a user without a token: for tests, and out of reach for any request."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

# Who stands in for all callers of an `Auth`. It is set by code around a request, and by nothing that a request says.
ACTING: ContextVar[Mapping[object, Any] | None] = ContextVar("brickwork_auth_acting", default=None)


@contextmanager
def acting(principals: object, principal: object) -> Generator[None]:
    """Let every request that is made inside of the block come from ``principal``."""
    token = ACTING.set({**(ACTING.get() or {}), principals: principal})
    try:
        yield
    finally:
        ACTING.reset(token)
