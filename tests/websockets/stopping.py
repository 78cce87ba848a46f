"""A server with sockets that takes its leave when it is told to stop; run as a process of its own."""

import asyncio
import socket
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI

from brickwork.websockets import Connection, ConnectionManager, Heartbeat, listen_socket

manager = ConnectionManager(heartbeat=Heartbeat(close=0.2))
app = FastAPI(lifespan=manager.lifespan)


@app.websocket("/ws")
async def ws(connection: Annotated[Connection[None], Depends(manager.connect)]) -> None:
    """Answer each message with itself."""
    async for message in connection:
        await connection.send(message)


@app.post("/fill")
async def fill() -> int:
    """Send so much to the only client that some of it waits."""
    while not manager.connections():  # noqa: ASYNC110 - it is let in before it is known
        await asyncio.sleep(0.001)
    (slow,) = manager.connections()
    while not slow.stats.queued and not slow.closed:
        await manager.broadcast("x" * 65_536)
        await asyncio.sleep(0)
    return slow.stats.queued


class Server(uvicorn.Server):
    """Takes its leave before it stops."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close all sockets in good order, then the rest."""
        await manager.drain(deadline=10)
        await super().shutdown(sockets)


def main() -> None:
    """Serve on a free port, which is told on the standard output."""
    listener = listen_socket("127.0.0.1", 0)
    print(listener.getsockname()[1], flush=True)  # noqa: T201 - whoever started it reads this
    config = uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1, ws_per_message_deflate=False)
    Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
