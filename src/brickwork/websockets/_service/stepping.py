"""One step of an awaitable without a task, and what is left of it inside of one.

A server's ``send`` hardly ever waits: it does so only while its client is too slow to read. A step costs a fraction of
a task, so everything is tried with one:

```python
steps = send(message).__await__()
yielded = context.run(next, steps, DONE)
if yielded is not DONE:
    loop.create_task(wait_for(rest(steps, yielded)), context=context)
```

All of it has to run in one `contextvars.Context` that is nobody else's: what a step has set, the next must find.
"""

from collections.abc import Generator, Iterator
from types import coroutine
from typing import Any, Final

DONE: Final[Any] = object()
"""What ``next`` gives instead of a future when an awaitable has not waited at all."""


@coroutine
def rest(steps: Iterator[Any], yielded: Any) -> Generator[Any, Any, None]:
    """Give what is left of an awaitable after its first step.

    Args:
        steps: What its ``__await__`` gave.
        yielded: What the first step gave: a future, as a rule, which a task will now wait for.
    """
    try:
        yield yielded
    except BaseException as error:
        throw = getattr(steps, "throw", None)
        if throw is None:
            raise
        try:
            yielded = throw(error)
        except StopIteration:
            return
        yield from rest(steps, yielded)
    else:
        yield from steps
