"""The router: the routes, without those that are left out, and under the paths that were chosen."""

from collections.abc import Collection, Mapping
from copy import deepcopy
from typing import Any, Final

from fastapi import APIRouter
from pydantic import BaseModel

from ..._core.openapi import answers
from .._depends.wiring import Wiring
from .._rules.scopes import declared
from .._service.options import UserT
from .accounts import account_operations
from .bodies import Registration, UserOut
from .delivery import Delivery
from .keys import key_operations
from .login import login_operations
from .operations import Operation
from .sessions import session_operations
from .tokens import oauth_operations

# Routes that are there only for an `Auth` that has what they need: they may be named all the same.
_CONDITIONAL: Final = frozenset(
    {"token", "introspect", "forgot_password", "reset_password", "verify_email", "request_verification"}
)
# What no two users have in common, or what `register` makes.
_OWN: Final = frozenset({"id", "login", "password", "password_hash", "token_version"})
# What nobody may say of themselves.
_NOT_TO_REGISTER: Final = frozenset(
    {"id", "password_hash", "active", "token_version", "roles", "scopes", "permissions", "email_verified"}
)


def auth_router(
    wiring: Wiring[UserT],
    *,
    exclude: Collection[str] = (),
    paths: Mapping[str, str] | None = None,
    user_model: type[BaseModel] | None = None,
    registration: type[BaseModel] | None = None,
    new_user: Mapping[str, Any] | None = None,
) -> APIRouter:
    """Make the router.

    Args:
        wiring: The parts of an `Auth`.
        exclude: Names of routes to leave out.
        paths: Other paths for routes, by their names.
        user_model: How users are shown.
        registration: What ``/register`` takes.
        new_user: Fields of everybody who registers.

    Raises:
        ValueError: A name is that of no route, a path has no place for what the route needs, or a model shows or takes
            what it must not; or ``new_user`` holds what is each user's own, or a scope that is none of those there are.
        TypeError: ``registration`` is no subclass of `Registration`, ``exclude`` is a bare text, or ``new_user`` is no
            mapping, or has roles or scopes that are no list.
    """
    if isinstance(exclude, str):
        raise TypeError(f"exclude= takes a list: write [{exclude!r}]")
    paths = paths or {}
    shown = _checked_user_model(user_model or UserOut)
    taken = _checked_registration(registration or Registration)
    delivery = Delivery(wiring)
    given = _checked_new_user(new_user or {}, taken, wiring.service.options.scopes)
    operations = [
        *oauth_operations(wiring, delivery),
        *login_operations(wiring, delivery),
        *account_operations(wiring, delivery, user_model=shown, registration=taken, new_user=given),
        *session_operations(wiring, delivery, user_model=shown),
        *key_operations(wiring),
    ]
    _check_names(operations, {*exclude, *paths})
    router = APIRouter(tags=["auth"])
    for operation in operations:
        if operation.name not in exclude:
            _mount(router, operation, paths.get(operation.name, operation.path), wiring.realm)
    return router


def _mount(router: APIRouter, operation: Operation, path: str, realm: str) -> None:
    needed = {part for part in operation.path.split("/") if part.startswith("{")}
    if not path.startswith("/") or not needed <= set(path.split("/")):
        raise ValueError(f'paths={{"{operation.name}": {path!r}}}: write a path like {operation.path!r}')
    # Several `Auth` in one application are told apart by their realms.
    prefix = "auth" if realm == "api" else f"auth_{realm}"
    router.add_api_route(
        path,
        operation.endpoint,
        methods=[operation.method],
        name=operation.name,
        operation_id=f"{prefix}_{operation.name}",
        summary=operation.summary,
        # A docstring that FastAPI finds is a comment for whoever reads the code.
        description=operation.summary + ".",
        status_code=operation.status,
        response_model=operation.model,
        responses={**answers(operation.raises), **operation.responses},
        openapi_extra=operation.extra,
        route_class_override=operation.route,
    )


def _check_names(operations: Collection[Operation], names: Collection[str]) -> None:
    known = _CONDITIONAL | {operation.name for operation in operations}
    unknown = sorted(set(names) - known)
    if unknown:
        raise ValueError(f"there is no route {unknown[0]!r}; the routes are {', '.join(sorted(known))}")


def _checked_user_model(model: type[BaseModel]) -> type[BaseModel]:
    if "password_hash" in model.model_fields:
        raise ValueError(f"{model.__name__} shows password_hash: leave that field out")
    return model


def _checked_registration(model: type[BaseModel]) -> type[Registration]:
    if not issubclass(model, Registration):
        raise TypeError(f"{model.__name__} takes no login and password: make it a subclass of Registration")
    if model.model_config.get("extra") == "allow":
        raise ValueError(f"{model.__name__} takes any field: declare those that you mean, and leave out extra='allow'")
    mass = _NOT_TO_REGISTER & model.model_fields.keys()
    if mass:
        raise ValueError(f"{model.__name__} lets users choose their own {', '.join(sorted(mass))}: leave that out")
    return model


def _checked_new_user(
    new_user: Mapping[str, Any], registration: type[BaseModel], scopes: Mapping[str, str]
) -> Mapping[str, Any]:
    if not isinstance(new_user, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - people pass a user
        raise TypeError('new_user= takes fields by name: write new_user={"roles": ["member"]}')
    own = new_user.keys() & (_OWN | registration.model_fields.keys())
    if own:
        raise ValueError(f"new_user= gives everybody the same {', '.join(sorted(own))}: leave that out")
    for name in new_user.keys() & {"roles", "scopes"}:
        if not isinstance(new_user[name], list | tuple | set | frozenset):
            raise TypeError(f'new_user= takes lists of {name}: write new_user={{"{name}": ["…"]}}')
    declared(new_user.get("scopes", ()), scopes)
    return deepcopy(dict(new_user))
