"""Several lifespans as one."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

App = TypeVar("App")
Lifespan = Callable[[App], AbstractAsyncContextManager[Mapping[str, Any] | None]]


def combine_lifespans(*lifespans: Lifespan[App]) -> Callable[[App], AbstractAsyncContextManager[dict[str, Any]]]:
    """Join lifespans into one for ``FastAPI(lifespan=…)``: entered in order, left in reverse.

    Args:
        *lifespans: Functions that take the app and give an async context manager, as `FastAPI` wants them.

    Returns:
        A lifespan whose state is the state of all of them; the later wins where they name the same key.
    """

    @asynccontextmanager
    async def combined(app: App) -> AsyncGenerator[dict[str, Any]]:
        async with AsyncExitStack() as stack:
            state: dict[str, Any] = {}
            for lifespan in lifespans:
                added: Mapping[str, Any] | None = await stack.enter_async_context(lifespan(app))
                state.update(added or {})
            yield state

    return combined
