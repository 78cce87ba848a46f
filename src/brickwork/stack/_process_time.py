"""How long the application took, in a response header."""

from typing import ClassVar

from .._core.context import RequestContext
from .._core.frame import Piece
from .._core.headers import RawHeaders, replace


class ProcessTime(Piece):
    """Tells in X-Process-Time the seconds from the request's arrival to the response's headers."""

    rank: ClassVar[int] = 35
    websocket: ClassVar[bool] = False

    def start(self, context: RequestContext, headers: RawHeaders) -> None:
        """Write the header."""
        replace(headers, b"x-process-time", b"%.6f" % (context.now() - context.began_at))
