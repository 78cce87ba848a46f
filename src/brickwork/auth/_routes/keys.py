"""The routes of API keys."""

from typing import Annotated, Any

from fastapi import Depends, Response

from .._depends.wiring import Wiring
from .._errors import ApiKeyNotFoundError, AuthUnavailableError, InsufficientScopeError
from .._rules import challenges
from .._rules.scopes import missing
from .._rules.values import Claims
from .._service.options import UserT
from .bodies import Id, KeyBody, KeyOut, NewKeyOut, RotateBody
from .operations import TOO_LARGE, Operation


def key_operations(wiring: Wiring[UserT]) -> list[Operation]:
    """Make the routes of API keys."""
    return [_create(wiring), _list(wiring), _revoke(wiring), _rotate(wiring)]


def _create(wiring: Wiring[Any]) -> Operation:
    async def create_key(
        body: KeyBody, user: Annotated[Any, Depends(wiring.user)], claims: Annotated[Claims, Depends(wiring.claims)]
    ) -> NewKeyOut:
        # A token that was narrowed must not bring forth a key that is not.
        _require(wiring, missing(set(claims.scopes) & set(user.scopes), body.scopes))
        new = await wiring.service.keys.create(user, name=body.name, scopes=body.scopes, expires_in=body.expires_in)
        return NewKeyOut.made(new)

    return Operation(
        name="create_key",
        method="POST",
        path="/keys",
        endpoint=create_key,
        summary="Make an API key; its text is shown this once",
        status=201,
        model=NewKeyOut,
        raises=(InsufficientScopeError, AuthUnavailableError),
        responses=TOO_LARGE,
    )


def _list(wiring: Wiring[Any]) -> Operation:
    async def keys(user: Annotated[Any, Depends(wiring.user)]) -> list[KeyOut]:
        return [KeyOut.of(each) for each in await wiring.service.keys.of(str(user.id))]

    return Operation(
        name="keys",
        method="GET",
        path="/keys",
        endpoint=keys,
        summary="List the user's API keys, the newest first",
        model=list[KeyOut],
        raises=(AuthUnavailableError,),
    )


def _revoke(wiring: Wiring[Any]) -> Operation:
    async def revoke_key(key_id: Id, user: Annotated[Any, Depends(wiring.user)]) -> Response:
        await wiring.service.keys.revoke(key_id, owner=str(user.id))
        return Response(status_code=204)

    return Operation(
        name="revoke_key",
        method="DELETE",
        path="/keys/{key_id}",
        endpoint=revoke_key,
        summary="Take an API key back",
        status=204,
        raises=(ApiKeyNotFoundError, AuthUnavailableError),
    )


def _rotate(wiring: Wiring[Any]) -> Operation:
    async def rotate_key(
        key_id: Id,
        user: Annotated[Any, Depends(wiring.user)],
        claims: Annotated[Claims, Depends(wiring.claims)],
        body: RotateBody | None = None,
    ) -> NewKeyOut:
        overlap = 0 if body is None else body.overlap
        owner = str(user.id)
        found = {each.id: each for each in await wiring.service.keys.of(owner)}
        if key_id in found:
            _require(wiring, missing(claims.scopes, found[key_id].scopes))
        new = await wiring.service.keys.rotate(key_id, overlap=overlap, owner=owner)
        return NewKeyOut.made(new)

    return Operation(
        name="rotate_key",
        method="POST",
        path="/keys/{key_id}/rotate",
        endpoint=rotate_key,
        summary="Make a successor of an API key",
        status=201,
        model=NewKeyOut,
        raises=(ApiKeyNotFoundError, InsufficientScopeError, AuthUnavailableError),
        responses=TOO_LARGE,
    )


def _require(wiring: Wiring[Any], lacking: tuple[str, ...]) -> None:
    if lacking:
        scope = " ".join(lacking)
        challenge = challenges.bearer(wiring.realm, error="insufficient_scope", scope=scope)
        raise InsufficientScopeError(scope=scope, headers={"WWW-Authenticate": challenge})
