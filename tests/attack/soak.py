"""Sends an app many requests of every kind, and tells what it keeps of them; to be run in a process of its own.

Argument: how many requests. Prints, as JSON, peak memory, tasks and open files: before, after a tenth, and at the end.
"""

import asyncio
import gc
import json
import logging
import os
import resource
import sys

from brickwork._core.context import CURRENT

from . import target
from .direct import call

KINDS: tuple[tuple[str, str, dict[str, str], bytes], ...] = (
    ("GET", "/items/1", {"origin": "https://shop.example", "accept-encoding": "gzip"}, b""),
    ("GET", "/items/1", {"x-request-id": "A" * 5_000, "traceparent": "junk", "accept": "text/html"}, b""),
    ("POST", "/items", {"content-type": "application/json"}, b'{"name": "a", "price": 1, "weight": 1, "count": 1}'),
    ("POST", "/items", {"content-type": "application/json"}, b'{"name": "", "price": NaN, "weight": "\\ud800"}'),
    ("POST", "/items", {"content-type": "application/json"}, b'{"name": "a", "price": 1, "we'),
    ("POST", "/bytes", {"content-length": "9999999"}, b"a"),
    ("POST", "/form", {"content-type": "application/x-www-form-urlencoded"}, b"name=a&count=b"),
    ("OPTIONS", "/items", {"origin": "https://shop.example", "access-control-request-method": "POST"}, b""),
    ("OPTIONS", "/items", {"origin": "https://evil.example", "access-control-request-method": "POST"}, b""),
    ("DELETE", "/items", {}, b""),
    ("GET", "/broken", {}, b""),
)


async def broken() -> None:
    """Fail."""
    raise ZeroDivisionError


def state() -> dict[str, int]:
    """Measure what the process holds."""
    gc.collect()
    return {
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "tasks": len(asyncio.all_tasks()),
        "files": len(os.listdir("/dev/fd")),  # noqa: PTH208 - the names are not paths of ours
    }


async def main(count: int) -> None:
    """Send the requests, 20 at a time, each to a path of its own."""
    logging.basicConfig(filename=os.devnull, level=logging.DEBUG)
    app = target.with_stack()
    app.add_api_route("/broken", broken)
    states = [state()]
    for number in range(0, count, 20):
        batch = (KINDS[each % len(KINDS)] for each in range(number, number + 20))
        answers = await asyncio.gather(
            *(call(app, method, path, headers, body) for method, path, headers, body in batch),
            *(call(app, "GET", f"/unknown/{number}/{each}") for each in range(2)),
        )
        if not all(answer.all("x-request-id") for answer in answers):
            sys.exit("an answer has no request ID")
        if number == count // 10:
            states.append(state())
    states.append(state())
    sys.stdout.write(json.dumps({"states": states, "context": CURRENT.get() is not None}))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
