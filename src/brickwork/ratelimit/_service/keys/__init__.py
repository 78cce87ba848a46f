"""Keys: who is counted."""

from .address import by_ip
from .body import by_form, by_json
from .key import Caller, Identity, Key, KeyFailedError, as_key, found_by, stated
from .request import by_cookie, by_header, by_route, by_user, method_of, template_of

__all__ = [
    "Caller",
    "Identity",
    "Key",
    "KeyFailedError",
    "as_key",
    "by_cookie",
    "by_form",
    "by_header",
    "by_ip",
    "by_json",
    "by_route",
    "by_user",
    "found_by",
    "method_of",
    "stated",
    "template_of",
]
