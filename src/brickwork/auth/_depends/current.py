"""The dependencies that give who calls: ``auth.user``, ``auth.optional_user``, ``auth.claims``.

Each is one object, made with its `Auth`. It is itself the security scheme of the first transport, so that the usual
app has one dependency to resolve and not two.
"""

from collections.abc import Sequence
from inspect import Parameter, Signature
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends
from fastapi.openapi.models import SecurityBase as SecurityBaseModel
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from ..._core.credentials import Credentials
from ..._core.problem import Problem
from ..._core.scope import state_caller
from .._errors import (
    AmbiguousCredentialsError,
    AuthUnavailableError,
    CSRFError,
    InvalidTokenError,
    NotAuthenticatedError,
)
from .._rules.values import Claims
from .._store import User
from .principals import Principals
from .schemes import Scheme

UserT = TypeVar("UserT", bound=User)


class _Current(SecurityBase, Generic[UserT]):
    """What the dependencies share: they ask `Principals`, and show the schemes of all transports."""

    def __init__(self, principals: Principals[UserT], schemes: Sequence[Scheme], *, optional: bool = False) -> None:
        first, *others = schemes
        self.model: SecurityBaseModel = first.model
        self.scheme_name: str = first.scheme_name
        self._principals = principals
        self.__credentials__: Credentials = Credentials(
            tuple(scheme.scheme_name for scheme in schemes), optional=optional
        )
        self.__problems__: tuple[type[Problem], ...] = (
            *(() if optional else (NotAuthenticatedError,)),
            InvalidTokenError,
            AmbiguousCredentialsError,
            AuthUnavailableError,
            *((CSRFError,) if principals.reads_cookies else ()),
        )
        self.__signature__: Signature = _signature(others)


class CurrentUser(_Current[UserT]):
    """Gives the user who calls."""

    async def __call__(self, *, connection: HTTPConnection, **_: None) -> UserT:
        """Give the user: FastAPI calls this.

        Raises:
            NotAuthenticatedError: (401) There is no token.
            InvalidTokenError: (401) The token is not good, or its user may not come in any more.
            AmbiguousCredentialsError: (400) There is more than one.
            CSRFError: (403) It came in a cookie, and perhaps from another page.
            AuthUnavailableError: (503) A store cannot be asked.
        """
        user = await self._principals.user(connection)
        if user is None:
            raise self._principals.unknown()
        return user


class OptionalUser(_Current[UserT]):
    """Gives the user who calls, or None for a request without a token, or with a cookie that is not good any more."""

    def __init__(self, principals: Principals[UserT], schemes: Sequence[Scheme]) -> None:
        super().__init__(principals, schemes, optional=True)

    async def __call__(self, *, connection: HTTPConnection, **_: None) -> UserT | None:
        """Give the user or None: FastAPI calls this.

        Raises:
            InvalidTokenError: (401) There is a token, in no cookie, that is not good; who sends one wants to be known.
            AmbiguousCredentialsError: (400) There is more than one.
            CSRFError: (403) It came in a cookie, and perhaps from another page.
            AuthUnavailableError: (503) A store cannot be asked.
        """
        try:
            return await self._principals.user(connection)
        except InvalidTokenError:
            # No page can help it that the browser still sends the cookie of a session that was ended elsewhere.
            if self._principals.came_by_cookie(connection):
                state_caller(connection.scope, None)
                return None
            raise


class CurrentClaims(_Current[UserT]):
    """Gives what the token says, and loads no user."""

    async def __call__(self, *, connection: HTTPConnection, **_: None) -> Claims:
        """Give the claims: FastAPI calls this.

        Raises:
            NotAuthenticatedError: (401) There is no token.
            InvalidTokenError: (401) The token is not good.
            AmbiguousCredentialsError: (400) There is more than one.
            CSRFError: (403) It came in a cookie, and perhaps from another page.
            AuthUnavailableError: (503) The store of sessions cannot be asked.
        """
        principal = await self._principals.claims(connection)
        if principal is None:
            raise self._principals.unknown()
        return principal.claims


def _signature(schemes: Sequence[Scheme]) -> Signature:
    """Give the signature that FastAPI reads: the schemes of the other transports, which only the document needs."""
    kinds: list[Any] = [HTTPConnection, *(Annotated[None, Depends(scheme)] for scheme in schemes)]
    names = ["connection", *(f"scheme_{number}" for number in range(2, len(kinds) + 1))]
    return Signature(
        [Parameter(name, Parameter.KEYWORD_ONLY, annotation=kind) for name, kind in zip(names, kinds, strict=True)]
    )
