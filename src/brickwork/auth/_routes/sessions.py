"""The routes that show who is logged in, and where: ``/me``, ``/sessions``; and the public keys."""

from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from .._depends.wiring import Wiring
from .._errors import AuthUnavailableError, SessionNotFoundError
from .._rules.values import Claims
from .._service.options import UserT
from .bodies import Id, JwksOut, SessionOut
from .delivery import Delivery
from .operations import Operation

_FRESH_FOR = "public, max-age=300"


def session_operations(
    wiring: Wiring[UserT], delivery: Delivery[UserT], *, user_model: type[BaseModel]
) -> list[Operation]:
    """Make the routes that show who is logged in, and where."""
    return [_me(wiring, user_model), _sessions(wiring), _end(wiring, delivery), _jwks(wiring)]


def _me(wiring: Wiring[Any], user_model: type[BaseModel]) -> Operation:
    async def me(user: Annotated[Any, Depends(wiring.user)]) -> Any:
        return user_model.model_validate(user, from_attributes=True)

    return Operation(
        name="me", method="GET", path="/me", endpoint=me, summary="Show who is logged in", model=user_model
    )


def _sessions(wiring: Wiring[Any]) -> Operation:
    async def sessions(
        user: Annotated[Any, Depends(wiring.user)], claims: Annotated[Claims, Depends(wiring.claims)]
    ) -> list[SessionOut]:
        found = await wiring.service.sessions.of(str(user.id))
        return [SessionOut.of(each, current=each.id == claims.session_id) for each in found]

    return Operation(
        name="sessions",
        method="GET",
        path="/sessions",
        endpoint=sessions,
        summary="List the user's sessions, the most recently used first",
        model=list[SessionOut],
        raises=(AuthUnavailableError,),
    )


def _end(wiring: Wiring[Any], delivery: Delivery[Any]) -> Operation:
    async def end_session(
        request: Request,
        session_id: Id,
        user: Annotated[Any, Depends(wiring.user)],
    ) -> Response:
        await wiring.service.sessions.end(session_id, owner=str(user.id), caller=delivery.caller(request))
        return Response(status_code=204)

    return Operation(
        name="end_session",
        method="DELETE",
        path="/sessions/{session_id}",
        endpoint=end_session,
        summary="End one of the user's sessions",
        status=204,
        raises=(SessionNotFoundError, AuthUnavailableError),
    )


def _jwks(wiring: Wiring[Any]) -> Operation:
    async def jwks(response: Response) -> JwksOut:
        response.headers["Cache-Control"] = _FRESH_FOR
        return JwksOut(keys=wiring.service.options.keys.jwks()["keys"])

    return Operation(
        name="jwks",
        method="GET",
        path="/jwks.json",
        endpoint=jwks,
        summary="Show the public keys that tokens are verified with",
        model=JwksOut,
        route=APIRoute,
    )
