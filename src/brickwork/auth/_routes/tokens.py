"""The routes that speak OAuth: ``/token``, ``/revoke``, ``/introspect``."""

from base64 import b64decode
from typing import Any, Final
from urllib.parse import unquote_plus

from fastapi import Request, Response
from starlette.responses import JSONResponse

from .._depends.schemes import TokenEndpoint
from .._depends.wiring import Wiring
from .._rules import challenges
from .._rules.scopes import InvalidScopeError, parse
from .._rules.values import TokenResponse
from .._service.options import UserT
from .._service.sessions import Issued
from .bodies import Introspection
from .delivery import Delivery
from .forms import form_body, read_form
from .oauth import OAuthError, OAuthRoute, oauth_answers
from .operations import Operation

_CLIENT: Final = {"client_id": "Who asks; not needed.", "client_secret": "The client's secret."}
_TOKEN: Final = {
    "grant_type": "password or refresh_token.",
    "username": "The login, for the grant type password.",
    "password": "The password, for the grant type password.",
    "refresh_token": "The refresh token, for the grant type refresh_token.",
    "scope": "What the access token is to allow, separated by spaces; all that is possible where left out.",
    **_CLIENT,
}
_ONE_TOKEN: Final = {"token": "The token.", "token_type_hint": "access_token or refresh_token; not needed.", **_CLIENT}
_SECRET: Final = ("password", "refresh_token", "token", "client_secret")


def oauth_operations(wiring: Wiring[UserT], delivery: Delivery[UserT]) -> list[Operation]:
    """Make the routes that speak OAuth."""
    routes = _OAuth(wiring, delivery)
    operations = [_revoke(routes)]
    # Cookies alone have no use for tokens that a page could read.
    if set(wiring.transports) != {"cookie"}:
        operations.append(_token(routes, wiring.token_endpoint))
    if wiring.service.options.clients:
        operations.append(_introspect(routes))
    return operations


def _token(routes: "_OAuth", scheme: str | None) -> Operation:
    return Operation(
        name="token",
        method="POST",
        path="/token",
        endpoint=TokenEndpoint(routes.token, scheme),
        summary="Get tokens for login and password, or for a refresh token",
        model=TokenResponse,
        responses=oauth_answers(400, 401, 429, 503),
        route=OAuthRoute,
        extra=form_body(_TOKEN, required=["grant_type"], secret=_SECRET),
    )


def _revoke(routes: "_OAuth") -> Operation:
    return Operation(
        name="revoke",
        method="POST",
        path="/revoke",
        endpoint=routes.revoke,
        summary="Make a token worth nothing",
        responses=oauth_answers(400, 401, 503),
        route=OAuthRoute,
        extra=form_body(_ONE_TOKEN, required=["token"], secret=_SECRET),
    )


def _introspect(routes: "_OAuth") -> Operation:
    return Operation(
        name="introspect",
        method="POST",
        path="/introspect",
        endpoint=routes.introspect,
        summary="Tell a client what a token is worth",
        model=Introspection,
        responses=oauth_answers(400, 401, 503),
        route=OAuthRoute,
        extra=form_body(_ONE_TOKEN, required=["token"], secret=_SECRET),
    )


class _OAuth:
    def __init__(self, wiring: Wiring[Any], delivery: Delivery[Any]) -> None:
        self._service = wiring.service
        self._realm = wiring.realm
        self._delivery = delivery

    async def token(self, request: Request) -> Response:
        """Answer the grant types password and refresh_token.

        Reference: RFC 6749, sections 4.3 and 6.
        """
        form = await read_form(request, _TOKEN)
        self._client(request, form)
        grants = {"password": self._by_password, "refresh_token": self._by_refresh_token}
        grant_type = _required(form, "grant_type")
        if grant_type not in grants:
            raise OAuthError("unsupported_grant_type", "Use the grant type password or refresh_token.")
        try:
            issued = await grants[grant_type](request, form)
        except InvalidScopeError:
            raise OAuthError("invalid_scope", "The scope is malformed, or more than can be granted.") from None
        return JSONResponse(issued.tokens.model_dump())

    async def revoke(self, request: Request) -> Response:
        """Make a token worth nothing, of whichever kind it is; one that is worth nothing already is no error.

        Reference: RFC 7009, section 2.
        """
        form = await read_form(request, _ONE_TOKEN)
        self._client(request, form)
        await self._service.inspection.revoke(_required(form, "token"), caller=self._delivery.caller(request))
        return JSONResponse({})

    async def introspect(self, request: Request) -> Response:
        """Tell what a token is worth now; of one that is worth nothing, only that.

        Reference: RFC 7662, section 2.
        """
        form = await read_form(request, _ONE_TOKEN)
        if not self._client(request, form):
            raise self._unknown_client()
        return JSONResponse(await self._service.inspection.introspect(_required(form, "token")))

    async def _by_password(self, request: Request, form: dict[str, str]) -> Issued[Any]:
        login, password = _required(form, "username"), _required(form, "password")
        caller = self._delivery.caller(request)
        return await self._service.log_in(login, password, scopes=_scopes(form), caller=caller)

    async def _by_refresh_token(self, request: Request, form: dict[str, str]) -> Issued[Any]:
        token = _required(form, "refresh_token")
        caller = self._delivery.caller(request)
        return await self._service.sessions.refresh(token, scopes=_scopes(form), caller=caller)

    def _client(self, request: Request, form: dict[str, str]) -> bool:
        """Tell whether a client has shown to be the one; a wrong secret is never passed over.

        Reference: RFC 6749, section 2.3.1.
        """
        basic = _basic(request)
        if basic is not None and "client_secret" in form:
            raise OAuthError("invalid_request", "Send the client's secret once.")
        client, secret = basic or (form.get("client_id", ""), form.get("client_secret", ""))
        # Browsers' forms send the header for a client without name and secret, too.
        if not secret and (basic is None or not client):
            return False
        if not self._service.inspection.knows_client(client, secret):
            raise self._unknown_client()
        return True

    def _unknown_client(self) -> OAuthError:
        headers = {"WWW-Authenticate": challenges.basic(self._realm)}
        return OAuthError("invalid_client", "The client's ID or secret is wrong.", status=401, headers=headers)


def _required(form: dict[str, str], name: str) -> str:
    if name not in form:
        raise OAuthError("invalid_request", f"Send the parameter {name}.")
    return form[name]


def _scopes(form: dict[str, str]) -> tuple[str, ...] | None:
    return parse(form["scope"]) if "scope" in form else None


def _basic(request: Request) -> tuple[str, str] | None:
    """Read the ID and secret of a client from the header; None where there is no such header.

    Reference: RFC 7617, section 2; RFC 6749, section 2.3.1.
    """
    shown = request.headers.getlist("authorization")
    if len(shown) > 1:
        raise OAuthError("invalid_request", "Send one Authorization header.")
    scheme, _, encoded = "".join(shown).partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client, _, secret = b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
        # OAuth has both encoded as in a form, so that an ID may hold a colon.
        client, secret = unquote_plus(client, errors="strict"), unquote_plus(secret, errors="strict")
    except ValueError:
        raise OAuthError("invalid_request", "The Authorization header is malformed.") from None
    return client, secret
