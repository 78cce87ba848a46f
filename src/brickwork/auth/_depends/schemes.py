"""How OpenAPI describes the ways that tokens and keys travel."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence

from fastapi import Request, Response
from fastapi.openapi import models
from fastapi.security.base import SecurityBase

from .transports import HeaderTransport, Transport

_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")


class Scheme(SecurityBase):
    """A security scheme, for the document; calling it does nothing.

    FastAPI's own ask for a request, and so cannot be used on WebSockets.
    """

    def __init__(self, name: str, model: models.SecurityBase) -> None:
        self.scheme_name = name
        self.model = model

    async def __call__(self) -> None:
        """Do nothing: FastAPI calls this."""


class TokenEndpoint:
    """The endpoint that hands out tokens; the document finds its path by it, wherever the router is included.

    Args:
        endpoint: What answers.
        scheme: The name of the scheme whose tokens these are; None to let the document show another address.
    """

    def __init__(self, endpoint: Callable[[Request], Awaitable[Response]], scheme: str | None) -> None:
        self._endpoint = endpoint
        self.__token_endpoint__ = scheme

    async def __call__(self, request: Request) -> Response:
        """Answer: FastAPI calls this."""
        return await self._endpoint(request)


def schemes_of(
    transports: Sequence[Transport], *, realm: str, token_url: str | None, scopes: Mapping[str, str]
) -> tuple[Scheme, ...]:
    """Describe transports.

    Args:
        transports: What to describe; for some, OpenAPI has no words.
        realm: Tells the schemes of several `Auth` in one application apart.
        token_url: Where the password flow is; None where there is none.
        scopes: The scopes of the flow, with descriptions.

    Raises:
        ValueError: None of them serves requests that are no WebSockets.
    """
    described: list[Scheme] = []
    for transport in transports:
        if isinstance(transport, HeaderTransport) and token_url is not None:
            described.append(Scheme(name_of("OAuth2", realm), _password_flow(token_url, scopes)))
        elif transport.scheme is not None:
            kind = "Bearer" if isinstance(transport, HeaderTransport) else transport.name.capitalize()
            described.append(Scheme(name_of(kind, realm), transport.scheme))
    if not described:
        raise ValueError('transports= serves WebSockets alone: add "header" for the requests')
    return tuple(described)


def api_key_model() -> models.APIKey:
    """Describe the header of an API key."""
    return models.APIKey.model_validate({"in": models.APIKeyIn.header, "name": "X-API-Key"})


def name_of(kind: str, realm: str) -> str:
    """Name a scheme; that of the usual realm needs no more than its kind."""
    return kind if realm == "api" else f"{kind}-{_NO_NAME.sub('-', realm)}"


def _password_flow(token_url: str, scopes: Mapping[str, str]) -> models.OAuth2:
    # The route that hands out tokens is also the one that refreshes them.
    flow = models.OAuthFlowPassword(tokenUrl=token_url, refreshUrl=token_url, scopes=dict(scopes))
    return models.OAuth2(flows=models.OAuthFlows(password=flow))
