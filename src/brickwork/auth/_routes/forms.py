"""Forms as OAuth wants them: one content type, each parameter once, and no secret in the URL."""

from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request

from .oauth import OAuthError

_MEDIA_TYPE = "application/x-www-form-urlencoded"
_MOST_PARAMETERS = 64


async def read_form(request: Request, parameters: Collection[str]) -> dict[str, str]:
    """Give the parameters of a form by name; those without a value are taken as not sent, as are unknown ones.

    Args:
        request: The request; its size is limited by the route.
        parameters: The names that mean something.

    Raises:
        OAuthError: The body is no form, a parameter is there twice, or one of them is in the URL.

    Reference: RFC 6749, section 3.2.
    """
    if not set(parameters).isdisjoint(request.query_params):
        raise OAuthError("invalid_request", "Send the parameters in the body, not in the URL.")
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _MEDIA_TYPE:
        raise OAuthError("invalid_request", f"Send a body of type {_MEDIA_TYPE}.")
    try:
        text = (await request.body()).decode("utf-8")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise OAuthError("invalid_request", "The body is no form in UTF-8.") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise OAuthError("invalid_request", "Send each parameter once.")
        found[name] = value
    return {name: value for name, value in found.items() if name in parameters and value}


def form_body(properties: dict[str, str], *, required: Collection[str], secret: Collection[str]) -> dict[str, Any]:
    """Describe a form for the document.

    Args:
        properties: What each parameter is, by name.
        required: The names of those that have to be there.
        secret: The names of those that are shown to nobody.
    """
    described = {
        name: {"type": "string", "description": description} | ({"format": "password"} if name in secret else {})
        for name, description in properties.items()
    }
    schema = {"type": "object", "properties": described, "required": list(required)}
    return {"requestBody": {"required": True, "content": {_MEDIA_TYPE: {"schema": schema}}}}
