"""Serves an app whose requests all wait for one another, for tests that end it with a signal.

Arguments: how many requests to wait for, the seconds that they then take, the seconds of grace. Prints its port, then
`busy` when all requests are there.
"""

import asyncio
import socket
import sys

import uvicorn
from fastapi import FastAPI

from brickwork import install

app = FastAPI()
install(app, timeout=30, compression=True)
COUNT, SECONDS, GRACE = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
arrived = asyncio.Semaphore(0)


@app.get("/")
async def wait() -> str:
    """Take a while, from the moment at which everyone is there."""
    arrived.release()
    if arrived._value == COUNT:
        sys.stdout.write("busy\n")
        sys.stdout.flush()
    await asyncio.sleep(SECONDS)
    return "done"


if __name__ == "__main__":
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(COUNT)  # so that nobody who learns the port comes too early
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=GRACE)
    uvicorn.Server(config).run(sockets=[listener])
