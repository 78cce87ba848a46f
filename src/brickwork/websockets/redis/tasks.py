"""How tasks end."""

import asyncio
from collections.abc import Collection
from typing import Any, Final

_AGAIN: Final = 0.1  # seconds


async def end(tasks: Collection["asyncio.Task[Any]"]) -> None:
    """Cancel tasks until they have ended: until Python 3.12 `asyncio.wait_for` forgets a cancellation now and then.

    Whoever waits here can be cancelled as well, and leaves none of them behind.
    """
    cancelled: asyncio.CancelledError | None = None
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        try:
            await asyncio.wait(pending, timeout=_AGAIN)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    # What went wrong in several at once is heard of once.
    await asyncio.gather(*tasks, return_exceptions=True)
