"""The answer to a client that has the content already."""

from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

# RFC 9110, section 15.4.5: what a 304 repeats of the 200 that it stands for.
_REPEATED: Final = ("cache-control", "content-location", "etag", "expires", "link", "vary")


class NotModifiedError(HTTPException):
    """Answers 304: the client has the current state already. It is no failure, and has no body.

    Args:
        headers: Headers of the 200 that would have been; those that a 304 repeats are sent.

    Reference: RFC 9110, section 15.4.5.
    """

    def __init__(self, headers: Headers) -> None:
        super().__init__(304, headers={name: headers[name] for name in _REPEATED if name in headers})
