"""The body limit: the platform's own, with problem documents on each of its ways to say 413."""

from typing import TYPE_CHECKING, Any, ClassVar

from fastapi.routing import iter_route_contexts
from starlette.middleware.body_limit import MAX_BODY_SIZE_SCOPE_KEY, RequestBodyLimitMiddleware

from .._core.context import RequestContext
from .._core.frame import Piece
from .._core.headers import RawHeaders
from .._core.scope import connection_close, is_http_1
from .._core.too_large import ContentTooLargeError
from ._errors import BadContentLengthError

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope

# Where Starlette's limiter looks for a limiter further out: routes with a limit of their own raise or lower ours there.
RESPONDER = "starlette._body_limit_responder"

# Over HTTP/1, a request without Content-Length and Transfer-Encoding has no body (RFC 9112, section 6.3). That is taken
# at its word for the methods that never have one: there, counting would cost more than it could save.
_BODILESS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS"})


class _Count:
    """What Starlette's limiter of a route expects of the limiter around it, and what we need besides."""

    __slots__ = ("declared", "max_body_size", "owner", "refused", "total_size")

    def __init__(self, owner: "BodyLimit", declared: int | None) -> None:
        self.owner = owner
        self.max_body_size = owner.limit
        self.declared = declared
        self.total_size = 0
        self.refused = False

    def check(self, size: int, scope: "Scope") -> None:
        if size <= self.max_body_size or self.refused:
            return
        self.refused = True
        raise _too_large(self.max_body_size, scope)


class BodyLimit(Piece):
    """Refuses request bodies that are too large, by the declared length at once and by the counted bytes as they come.

    A route's, router's or mounted application's own ``max_body_size`` wins over this one, up and down.

    Args:
        limit: Bytes a body may have.
        largest: The largest limit that any route has; a declared length above it needs no routing to be refused.
    """

    rank: ClassVar[int] = 80
    websocket: ClassVar[bool] = False
    nested: ClassVar[bool] = True
    __problems__ = (ContentTooLargeError, BadContentLengthError)

    def __init__(self, limit: int, *, largest: int = 0) -> None:
        if limit < 0:
            raise ValueError(f"body_limit={limit!r} is no size: give the bytes a body may have, such as 1_048_576")
        self.limit = limit
        self.largest = max(limit, largest)

    def begin(self, context: RequestContext) -> None:
        """Refuse a declared length that no route would take."""
        scope = context.scope
        outer: _Count | None = scope.get(RESPONDER)
        if outer is not None:
            outer.max_body_size = self.limit
            return
        declared = None
        framed = scope["method"] not in _BODILESS or not is_http_1(scope)
        for name, _ in scope["headers"]:
            if name == b"content-length":
                declared = _declared_length(scope)
                break
            framed = framed or name == b"transfer-encoding"
        if declared is None and not framed:
            return
        if declared is not None and declared > self.largest:
            raise _too_large(self.largest, scope)
        scope[MAX_BODY_SIZE_SCOPE_KEY] = self.limit
        scope[RESPONDER] = _Count(self, declared)

    def wrap_receive(self, context: RequestContext, receive: "Receive") -> "Receive":
        """Count what the application reads."""
        scope = context.scope
        count = scope.get(RESPONDER)
        if not isinstance(count, _Count) or count.owner is not self:
            return receive

        async def counted() -> "Message":
            count.check(count.declared or 0, scope)
            message = await receive()
            if message["type"] == "http.request":
                count.total_size += len(message.get("body", b""))
                count.check(count.total_size, scope)
            return message

        return counted

    def start(self, context: RequestContext, headers: RawHeaders) -> None:
        """Refuse the declared length also where the application answered without reading."""
        count = context.scope.get(RESPONDER)
        # A route's own limiter has its responder there, where this one took a request at its word to have no body.
        if isinstance(count, _Count) and count.owner is self and count.declared is not None:
            count.check(count.declared, context.scope)


def _declared_length(scope: "Scope") -> int:
    """Read Content-Length as RFC 9110, section 8.6 wants it: digits, and the same ones where it is repeated."""
    values = [value for name, value in scope["headers"] if name == b"content-length"]
    if len(set(values)) > 1 or not values[0].isdigit() or len(values[0]) > 20:
        raise BadContentLengthError("Content-Length must be one whole number.", headers=connection_close(scope))
    return int(values[0])


def _too_large(limit: int, scope: "Scope") -> ContentTooLargeError:
    # The unread body would be taken for the next request.
    headers = connection_close(scope)
    return ContentTooLargeError(f"The body may have at most {limit} bytes.", headers=headers, limit=limit)


def largest_limit(app: Any) -> int:
    """Give the largest body limit that a route, router or mounted application of ``app`` sets for itself."""
    limits = [getattr(app, "max_body_size", None)]
    for context in iter_route_contexts(getattr(app, "routes", ())):
        limits += [getattr(context, "max_body_size", None), _own_limit(getattr(context.route, "app", None))]
    for route in getattr(app, "routes", ()):
        limits.append(getattr(getattr(route, "include_context", None), "max_body_size", None))
    return max((limit for limit in limits if limit is not None), default=0)


def _own_limit(app: Any) -> int | None:
    if isinstance(app, RequestBodyLimitMiddleware):
        return app.max_body_size
    return largest_limit(app) if hasattr(app, "routes") else None
