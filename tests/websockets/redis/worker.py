"""One of several processes that serve the same room; run with the address of their Redis."""

import sys
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI
from redis.asyncio import Redis

from brickwork.websockets import Connection, ConnectionLimits, ConnectionManager, History, listen_socket
from brickwork.websockets.redis import RedisBackplane


def make(redis: Redis) -> FastAPI:
    """Make the app."""
    manager = ConnectionManager(
        backplane=RedisBackplane(redis), history=History(size=2_000), limits=ConnectionLimits(queue=2_000)
    )
    app = FastAPI()

    @app.websocket("/ws")
    async def ws(connection: Annotated[Connection[None], Depends(manager.connect)]) -> None:
        async with connection.join("lobby", since=connection.cursor("lobby")):
            await connection.wait_closed()

    @app.post("/say/{text}")
    async def say(text: str) -> None:
        await manager.room("lobby").send({"type": "said", "text": text})

    @app.get("/state")
    async def state() -> str:
        return manager.state

    return app


def main() -> None:
    """Serve on a free port, which is told on the standard output."""
    listener = listen_socket("127.0.0.1", 0)
    print(listener.getsockname()[1], flush=True)  # noqa: T201 - whoever started it reads this
    config = uvicorn.Config(make(Redis.from_url(sys.argv[1])), log_config=None, timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
