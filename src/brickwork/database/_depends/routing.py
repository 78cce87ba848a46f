"""Routes whose returned errors count as errors."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

_RETURNED: Final = "brickwork.database.returned_error"


class RollbackRoute(APIRoute):
    """A route on which a returned error response undoes the transaction, as a raised one does.

    A dependency cannot see the response that an endpoint returns, and commits. A route can:

    ```python
    from fastapi import APIRouter

    from brickwork.database import RollbackRoute

    router = APIRouter(route_class=RollbackRoute)
    ```

    For the routes of the app itself, write ``app.router.route_class = RollbackRoute`` before the first of them. A route
    class of your own may take this one as its base.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Give what answers a request; it notes the status before dependencies of function scope end."""
        handle = super().get_route_handler()

        async def handle_and_note(request: Request) -> Response:
            response = await handle(request)
            if response.status_code >= 400:
                request.scope[_RETURNED] = True
            return response

        return handle_and_note


def is_refused(connection: HTTPConnection, response: Response) -> bool:
    """Tell whether the endpoint ended with an error status, as far as a dependency can know.

    Args:
        connection: The request or socket.
        response: The one that FastAPI hands to endpoint and dependencies; its status is None until somebody sets it.
    """
    return (response.status_code or 0) >= 400 or _RETURNED in connection.scope
