"""The routes by which users come and go: ``/login``, ``/refresh``, ``/logout``, ``/logout-all``."""

from typing import Annotated, Any

from fastapi import Body, Depends, Request, Response

from .._depends.wiring import Wiring
from .._errors import (
    AmbiguousCredentialsError,
    AuthUnavailableError,
    CSRFError,
    HasherBusyError,
    InvalidCredentialsError,
    InvalidTokenError,
    NotAuthenticatedError,
    TooManyAttemptsError,
)
from .._rules import challenges
from .._service.options import UserT
from .bodies import LoginBody, LoginWithTransportBody, RefreshBody
from .delivery import Delivery
from .operations import TOO_LARGE, Operation


def login_operations(wiring: Wiring[UserT], delivery: Delivery[UserT]) -> list[Operation]:
    """Make the routes by which users come and go."""
    return [
        _login(wiring, delivery),
        _refresh(wiring, delivery),
        _logout(wiring, delivery),
        _logout_all(wiring, delivery),
    ]


def _login(wiring: Wiring[Any], delivery: Delivery[Any]) -> Operation:
    async def log_in(request: Request, body: LoginBody, *, by_cookie: bool) -> Response:
        with delivery.challenged():
            issued = await wiring.service.log_in(
                body.login, body.password, scopes=None, caller=delivery.caller(request)
            )
        if by_cookie:
            await delivery.leave_former(request)
        return delivery.answer(issued, by_cookie=by_cookie)

    async def login_as_asked(request: Request, body: LoginWithTransportBody) -> Response:
        by_cookie = delivery.by_cookie_unless_asked if body.transport is None else body.transport == "cookie"
        return await log_in(request, body, by_cookie=by_cookie)

    async def login(request: Request, body: LoginBody) -> Response:
        return await log_in(request, body, by_cookie=wiring.cookies is not None)

    return Operation(
        name="login",
        method="POST",
        path="/login",
        endpoint=login_as_asked if delivery.offers_choice else login,
        summary="Log in",
        model=delivery.model,
        raises=(
            *((AmbiguousCredentialsError,) if wiring.cookies else ()),
            InvalidCredentialsError,
            TooManyAttemptsError,
            HasherBusyError,
            AuthUnavailableError,
        ),
        responses=TOO_LARGE,
    )


def _refresh(wiring: Wiring[Any], delivery: Delivery[Any]) -> Operation:
    async def refresh(request: Request, body: Annotated[RefreshBody | None, Body()] = None) -> Response:
        token, by_cookie = delivery.refresh_token(request, None if body is None else body.refresh_token)
        if token is None:
            challenge = challenges.bearer(wiring.realm)
            raise NotAuthenticatedError("Send the refresh token.", headers={"WWW-Authenticate": challenge})
        try:
            with delivery.challenged():
                issued = await wiring.service.sessions.refresh(token, caller=delivery.caller(request))
        except InvalidTokenError as error:
            if by_cookie:
                # A browser would send what is good for nothing with every request.
                error.headers = {**(error.headers or {}), **delivery.clearing()}
            raise
        return delivery.answer(issued, by_cookie=by_cookie)

    return Operation(
        name="refresh",
        method="POST",
        path="/refresh",
        endpoint=refresh,
        summary="Take a refresh token for new tokens",
        model=delivery.model,
        raises=(
            NotAuthenticatedError,
            InvalidTokenError,
            *((AmbiguousCredentialsError, CSRFError) if wiring.cookies else ()),
            AuthUnavailableError,
        ),
        responses=TOO_LARGE,
    )


def _logout(wiring: Wiring[Any], delivery: Delivery[Any]) -> Operation:
    async def logout(request: Request, body: Annotated[RefreshBody | None, Body()] = None) -> Response:
        caller = delivery.caller(request)
        token = None if body is None else body.refresh_token
        if token is None and "authorization" not in request.headers:
            # The access token may have expired, and the user wants to leave all the same.
            token = delivery.refresh_cookie(request)
        if token is not None:
            await wiring.service.inspection.revoke(token, caller=caller)
            return delivery.clear(Response(status_code=204))
        await wiring.service.inspection.leave(await wiring.claims(connection=request), caller=caller)
        return delivery.clear(Response(status_code=204))

    return Operation(
        name="logout",
        method="POST",
        path="/logout",
        endpoint=logout,
        summary="End this session",
        status=204,
        raises=wiring.claims.__problems__,
        responses=TOO_LARGE,
        # A refresh token will do as well.
        extra={"security": [*({scheme: []} for scheme in wiring.claims.__credentials__.schemes), {}]},
    )


def _logout_all(wiring: Wiring[Any], delivery: Delivery[Any]) -> Operation:
    async def logout_all(request: Request, user: Annotated[Any, Depends(wiring.user)]) -> Response:
        await wiring.service.sessions.end_all(str(user.id), caller=delivery.caller(request))
        return delivery.clear(Response(status_code=204))

    return Operation(
        name="logout_all",
        method="POST",
        path="/logout-all",
        endpoint=logout_all,
        summary="End all sessions of the user",
        status=204,
    )
