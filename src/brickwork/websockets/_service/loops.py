"""Sockets belong to the event loop that serves them."""

import asyncio
from typing import Final

_RECIPE: Final = (
    "these sockets are served by another event loop, which is running. From a thread, such as that of a plain `def`, "
    "write anyio.from_thread.run(manager.broadcast, message) instead of asyncio.run(…); in a test, write "
    "`with TestClient(app) as client:`, since without it each socket has a loop of its own"
)


def refuse_other_loop(home: asyncio.AbstractEventLoop | None) -> None:
    """Let nobody touch sockets from a loop that does not serve them; one that has ended serves nobody any more.

    Args:
        home: The loop that serves them; None where there is none yet.

    Raises:
        RuntimeError: It is another one, and is running.
    """
    if home is not None and home is not asyncio.get_running_loop() and home.is_running():
        raise RuntimeError(_RECIPE)
