"""The dependencies for API keys: ``auth.api_key``, ``auth.optional_api_key`` and ``auth.require_key``."""

from collections.abc import Collection
from inspect import Parameter, Signature
from typing import Annotated, Any

from fastapi import Depends, params
from fastapi.openapi.models import SecurityBase as SecurityBaseModel
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from ..._core.credentials import Credentials
from ..._core.headers import find_all
from ..._core.problem import Problem
from ..._core.scope import state_caller
from .._errors import AmbiguousCredentialsError, AuthUnavailableError, InsufficientScopeError, InvalidApiKeyError
from .._rules import challenges
from .._rules.scopes import missing
from .._rules.values import ApiKey
from .._service.keys import ApiKeys
from .principals import remembered
from .require import Marker, insufficient_scope
from .schemes import api_key_model, name_of


class CurrentApiKey(SecurityBase):
    """Gives the API key that a request was made with; it comes in the header ``X-API-Key`` and nowhere else."""

    def __init__(self, keys: ApiKeys[Any], realm: str) -> None:
        self.model: SecurityBaseModel = api_key_model()
        self.scheme_name: str = name_of("ApiKey", realm)
        self.realm = realm
        self._keys = keys
        self.__credentials__: Credentials = Credentials((self.scheme_name,))
        self.__problems__: tuple[type[Problem], ...] = (
            InvalidApiKeyError,
            AmbiguousCredentialsError,
            AuthUnavailableError,
        )

    async def __call__(self, *, connection: HTTPConnection) -> ApiKey:
        """Give the key: FastAPI calls this.

        Raises:
            InvalidApiKeyError: (401) There is none, or it is not good.
            AmbiguousCredentialsError: (400) There is more than one.
            AuthUnavailableError: (503) The store cannot be asked.
        """
        memo = remembered(connection.scope)
        key: ApiKey | None = memo.get(self)
        if key is None:
            key = memo[self] = await self._read(connection)
            state_caller(connection.scope, key.owner)
        return key

    async def _read(self, connection: HTTPConnection) -> ApiKey:
        shown = find_all(connection.scope["headers"], b"x-api-key")
        if len(shown) > 1:
            raise AmbiguousCredentialsError("Send one API key.")
        try:
            # Without a key as with an empty one: both lack what the route needs.
            return await self._keys.authenticate(shown[0].decode("latin-1") if shown else "")
        except InvalidApiKeyError as error:
            challenge = challenges.api_key(self.realm)
            raise InvalidApiKeyError(
                "Send a valid API key in the header X-API-Key.", headers={"WWW-Authenticate": challenge}
            ) from error


class OptionalApiKey(SecurityBase):
    """Gives the API key that a request was made with, or None for a request without one.

    Args:
        current: Reads the key.
    """

    def __init__(self, current: CurrentApiKey) -> None:
        self.model: SecurityBaseModel = current.model
        self.scheme_name: str = current.scheme_name
        self._current = current
        self.__credentials__: Credentials = Credentials((self.scheme_name,), optional=True)
        self.__problems__: tuple[type[Problem], ...] = current.__problems__

    async def __call__(self, *, connection: HTTPConnection) -> ApiKey | None:
        """Give the key or None: FastAPI calls this.

        Raises:
            InvalidApiKeyError: (401) There is one that is not good; who sends one wants to be known.
            AmbiguousCredentialsError: (400) There is more than one.
            AuthUnavailableError: (503) The store cannot be asked.
        """
        shown = find_all(connection.scope["headers"], b"x-api-key")
        if not shown:
            state_caller(connection.scope, None)
            return None
        return await self._current(connection=connection)


class KeyRequirement:
    """Gives the API key, which allows what is demanded.

    Args:
        current: The dependency that gives the key; the requirement rests on it, so that overriding it reaches here.
        scopes: What the key has to allow.
    """

    def __init__(self, current: CurrentApiKey, scopes: Collection[str]) -> None:
        self.current = current
        self.scopes = tuple(sorted(scopes))
        self.__problems__: tuple[type[Problem], ...] = (InsufficientScopeError,) if self.scopes else ()
        keyword = Parameter.KEYWORD_ONLY
        self.__signature__ = Signature([Parameter("key", keyword, annotation=Annotated[Any, Depends(current)])])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeyRequirement) and self.current is other.current and self.scopes == other.scopes

    def __hash__(self) -> int:
        return hash((id(self.current), self.scopes))

    async def __call__(self, *, key: ApiKey) -> ApiKey:
        """Give the key: FastAPI calls this.

        Raises:
            InsufficientScopeError: (403) The key does not allow it.
        """
        if missing(key.scopes, self.scopes):
            raise insufficient_scope(self.current.realm, self.scopes, api_key=True)
        return key

    def marker(self) -> params.Security:
        """Give the marker that goes into ``Annotated`` and ``dependencies=``."""
        return Marker(self, scopes=self.scopes)
