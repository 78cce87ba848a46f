r"""Notifications that reach all tabs of a user, and prices that change while one looks.

```console
$ hatch run demo websockets:app
$ TOKEN=$(curl -s localhost:8000/auth/login --json '{"login": "ada", "password": "violet kettle bridge"}' \
    | jq -r .access_token)
$ curl localhost:8000/notifications/ada -H "Authorization: Bearer $TOKEN" --json '{"text": "Your parcel has left."}'
{"reached":0}
$ curl -i localhost:8000/notifications/ada --json '{"text": "Who says so?"}'
HTTP/1.1 401 Unauthorized
…
$ curl localhost:8000/health
{"state":"ready","connections":0}
```

Nobody listened. Open two more terminals, one for prices over a socket, one for notifications over server-sent events,
then send another one:

```sh
hatch run websockets ws://localhost:8000/prices
curl -N localhost:8000/notifications -H "Authorization: Bearer $TOKEN"
```

A browser takes the socket: `new WebSocket("ws://localhost:8000/notifications", ["bearer", token])`.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import cycle
from typing import Annotated, Literal

from fastapi import Body, Depends, FastAPI
from pydantic import BaseModel

from brickwork import combine_lifespans, install
from brickwork.auth import Auth, MemoryUser, MemoryUserStore, UserName
from brickwork.websockets import Connection, ConnectionManager, EventStreamResponse, SlowConsumer


class Notification(BaseModel):
    type: Literal["notification"] = "notification"
    text: str
    sender: str


class Price(BaseModel):
    type: Literal["price"] = "price"
    of: str
    cents: int


users = MemoryUserStore()
auth = Auth(users, secret=secrets.token_urlsafe(64), transports=["header", "websocket"])
CurrentUser = Annotated[MemoryUser, Depends(auth.user)]


def login(user: MemoryUser) -> str:
    return user.login


# Notifications are for one user, on whatever she has open. None may get lost: whoever is too slow comes back for them.
people = ConnectionManager(authenticate=auth.user, identify=login)
# Prices are for everybody. Of each thing only the latest counts: whoever is slow is spared those in between.
market = ConnectionManager(slow_consumer=SlowConsumer.coalesce())


async def trade() -> None:
    for of, cents in cycle([("brick", 52), ("trowel", 1290), ("brick", 49), ("trowel", 1310), ("mortar", 410)]):
        await market.room("prices").send(Price(of=of, cents=cents), key=of)
        await asyncio.sleep(1)


@asynccontextmanager
async def open_market(_app: FastAPI) -> AsyncGenerator[None]:
    if await users.find("ada") is None:
        await auth.create_user("ada", "violet kettle bridge")
    async with asyncio.TaskGroup() as tasks:
        trading = tasks.create_task(trade())
        yield
        trading.cancel()


app = FastAPI(lifespan=combine_lifespans(people.lifespan, market.lifespan, open_market))
install(app)
app.include_router(auth.router(), prefix="/auth")


@app.websocket("/prices")
async def prices(connection: Annotated[Connection[None], Depends(market.connect)]) -> None:
    await connection.join("prices")
    await connection.wait_closed()


@app.websocket("/notifications")
async def notifications(connection: Annotated[Connection[MemoryUser], Depends(people.connect)]) -> None:
    await connection.wait_closed()


@app.get("/notifications", response_class=EventStreamResponse)
async def notifications_as_events(user: CurrentUser) -> EventStreamResponse:
    return people.sse("news", user=user)


@app.post("/notifications/{login}")
async def notify(
    login: UserName, text: Annotated[str, Body(embed=True, max_length=500)], sender: CurrentUser
) -> dict[str, int]:
    delivery = await people.user(login).send(Notification(text=text, sender=sender.login))
    return {"reached": delivery.reached}


@app.get("/health")
async def health() -> dict[str, str | int]:
    return {"state": people.state, "connections": len(people.connections())}
