"""One step of a coroutine without a task, and what is left of it inside of one.

A server's ``send`` hardly ever waits: it does so only while its client is too slow to read. A step costs a fraction of
a task, so all that is sent is tried with one:

```python {reason="needs something to send"}
context = copy_context()
rest = step(send(message), context)
if rest is not None:
    loop.create_task(wait_for(rest), context=context)
```

Both have to be run in the same `contextvars.Context`: what a step has set there, the next must find. And what is
stepped must not ask which task it is in, as `asyncio.timeout` does.
"""

from collections.abc import Awaitable, Coroutine, Generator
from contextvars import Context
from types import coroutine
from typing import Any, Final

_DONE: Final[Any] = object()


def step(work: Coroutine[Any, Any, None], context: Context) -> Awaitable[None] | None:
    """Run a coroutine until it waits for something.

    Args:
        work: A coroutine that nobody has begun to await.
        context: Where it runs, now and later.

    Returns:
        What is left of it, to be awaited by a task; None if it has not waited at all.
    """
    steps = work.__await__()
    # `next` with a default costs a third of `send`, which tells of the end by an exception.
    yielded = context.run(next, steps, _DONE)
    return None if yielded is _DONE else _rest(steps, yielded)


def _go_on(steps: Generator[Any, Any, None], yielded: Any) -> Generator[Any, Any, None]:
    """Wait for the future that the first step gave, as a task does, and go on from there."""
    try:
        yield yielded
    except BaseException as error:  # noqa: BLE001 - the coroutine's to handle, as in `yield from`
        try:
            yielded = steps.throw(error)
        except StopIteration:
            return
        yield from _go_on(steps, yielded)
    else:
        yield from steps


_rest = coroutine(_go_on)
