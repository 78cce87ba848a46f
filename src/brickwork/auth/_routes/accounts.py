"""The routes around accounts: ``/register``, ``/password``, ``/verify-email`` and what belongs to them."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Annotated, Any

from fastapi import BackgroundTasks, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel

from .._depends.wiring import Wiring
from .._errors import (
    AuthUnavailableError,
    HasherBusyError,
    InvalidCredentialsError,
    InvalidOneTimeTokenError,
    LoginTakenError,
    TooManyAttemptsError,
    WeakPasswordError,
)
from .._service.accounts import UnusableLoginError
from .._service.options import Send, UserT
from .bodies import Accepted, LoginNameBody, OneTimeTokenBody, PasswordBody, Registration, ResetBody
from .delivery import Delivery
from .operations import TOO_LARGE, Operation


def account_operations(
    wiring: Wiring[UserT],
    delivery: Delivery[UserT],
    *,
    user_model: type[BaseModel],
    registration: type[Registration],
    new_user: Mapping[str, Any],
) -> list[Operation]:
    """Make the routes around accounts; those without the callback that they need are left out."""
    operations = [_register(wiring, delivery, user_model, registration, new_user), _change(wiring, delivery)]
    send = wiring.service.options.on_password_reset
    if send is not None:
        operations += [_forgot(wiring, delivery, send), _reset(wiring, delivery)]
    if wiring.service.options.on_verify_email is not None:
        operations += [_verify(wiring, delivery), _request_verification(wiring)]
    return operations


def _register(
    wiring: Wiring[Any],
    delivery: Delivery[Any],
    user_model: type[BaseModel],
    registration: type[Registration],
    new_user: Mapping[str, Any],
) -> Operation:
    accounts = wiring.service.accounts

    async def register(request: Request, body: Registration, tasks: BackgroundTasks) -> Any:
        fields = {name: getattr(body, name) for name in registration.model_fields}
        login, password = fields.pop("login"), fields.pop("password")
        # Each user's lists are the user's own.
        fields |= deepcopy(dict(new_user))
        try:
            user = await accounts.register(login, password, fields, caller=delivery.caller(request))
        except UnusableLoginError as error:
            raise _invalid(error) from None
        tasks.add_task(accounts.request_verification, login)
        return user_model.model_validate(user, from_attributes=True)

    # FastAPI reads the model that the application chose.
    register.__annotations__["body"] = registration
    return Operation(
        name="register",
        method="POST",
        path="/register",
        endpoint=register,
        summary="Register",
        status=201,
        model=user_model,
        raises=(LoginTakenError, WeakPasswordError, HasherBusyError, AuthUnavailableError),
        responses=TOO_LARGE,
    )


def _invalid(error: UnusableLoginError) -> RequestValidationError:
    flaw = {"type": "value_error", "loc": ("body", error.field), "msg": f"Value error, {error}", "input": None}
    # The handlers of `brickwork.problems` look up in the body where the flaw is.
    return RequestValidationError([flaw], body={error.field: None})


def _change(wiring: Wiring[Any], delivery: Delivery[Any]) -> Operation:
    async def change_password(
        request: Request, body: PasswordBody, user: Annotated[Any, Depends(wiring.user)]
    ) -> Response:
        with delivery.challenged():
            issued = await wiring.service.passwords.change(
                user, body.current_password, body.new_password, caller=delivery.caller(request)
            )
        return delivery.answer(issued, by_cookie=delivery.came_by_cookie(request))

    return Operation(
        name="change_password",
        method="POST",
        path="/password",
        endpoint=change_password,
        summary="Change the password, and end all other sessions",
        model=delivery.model,
        raises=(
            InvalidCredentialsError,
            WeakPasswordError,
            TooManyAttemptsError,
            HasherBusyError,
            AuthUnavailableError,
        ),
        responses=TOO_LARGE,
    )


def _forgot(wiring: Wiring[Any], delivery: Delivery[Any], send: Send[Any]) -> Operation:
    async def forgot_password(request: Request, body: LoginNameBody, tasks: BackgroundTasks) -> Accepted:
        # All of it happens after the answer: neither what it says nor how long it takes tells who has an account.
        tasks.add_task(wiring.service.passwords.forgot, body.login, send, caller=delivery.caller(request))
        return Accepted()

    return Operation(
        name="forgot_password",
        method="POST",
        path="/password/forgot",
        endpoint=forgot_password,
        summary="Have a token sent with which the password can be set anew",
        status=202,
        model=Accepted,
        responses=TOO_LARGE,
    )


def _reset(wiring: Wiring[Any], delivery: Delivery[Any]) -> Operation:
    async def reset_password(request: Request, body: ResetBody) -> Response:
        await wiring.service.passwords.reset(body.token, body.new_password, caller=delivery.caller(request))
        return Response(status_code=204)

    return Operation(
        name="reset_password",
        method="POST",
        path="/password/reset",
        endpoint=reset_password,
        summary="Set the password anew, and end all sessions",
        status=204,
        raises=(InvalidOneTimeTokenError, WeakPasswordError, HasherBusyError, AuthUnavailableError),
        responses=TOO_LARGE,
    )


def _verify(wiring: Wiring[Any], delivery: Delivery[Any]) -> Operation:
    async def verify_email(request: Request, body: OneTimeTokenBody) -> Response:
        await wiring.service.accounts.verify(body.token, caller=delivery.caller(request))
        return Response(status_code=204)

    return Operation(
        name="verify_email",
        method="POST",
        path="/verify-email",
        endpoint=verify_email,
        summary="Show to have got the message that was sent to the e-mail address",
        status=204,
        raises=(InvalidOneTimeTokenError, AuthUnavailableError),
        responses=TOO_LARGE,
    )


def _request_verification(wiring: Wiring[Any]) -> Operation:
    async def request_verification(body: LoginNameBody, tasks: BackgroundTasks) -> Accepted:
        tasks.add_task(wiring.service.accounts.request_verification, body.login)
        return Accepted()

    return Operation(
        name="request_verification",
        method="POST",
        path="/verify-email/request",
        endpoint=request_verification,
        summary="Have a message sent to the e-mail address once more",
        status=202,
        model=Accepted,
        responses=TOO_LARGE,
    )
