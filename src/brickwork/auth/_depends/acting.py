"""Acting as a user without a token: for tests, and out of reach for any request."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

# Who stands in for all callers of an `Auth`. It is set by code around a request, and by nothing that a request says.
ACTING: ContextVar[Mapping[object, Any] | None] = ContextVar("brickwork_auth_acting", default=None)

# What a model that was never in a database lacks, and what to write.
_SET: Final = {"id": "id=…", "roles": "roles=[]", "scopes": "scopes=[]"}


@contextmanager
def acting(principals: object, principal: object) -> Generator[None]:
    """Let every request that is made inside of the block come from ``principal``."""
    token = ACTING.set({**(ACTING.get() or {}), principals: principal})
    try:
        yield
    finally:
        ACTING.reset(token)


def check_actor(user: object) -> None:
    """Let a user pass who could call.

    Raises:
        TypeError: Something that every user has is not set.
        ValueError: The user is not active, so no request could be theirs.
    """
    for name, example in _SET.items():
        if getattr(user, name, None) is None:
            raise TypeError(f"act_as needs a user whose {name} is set: write {type(user).__name__}({example}, …)")
    if getattr(user, "active", None) is False:
        raise ValueError("act_as needs a user who is active: no request comes from this one; write active=True")
