r"""Login, sessions that refresh and end, roles, scopes and API keys.

```console
$ hatch run demo auth:app
$ curl -i localhost:8000/orders
HTTP/1.1 401 Unauthorized
www-authenticate: Bearer realm="api"
…
$ TOKEN=$(curl -s localhost:8000/auth/login --json '{"login": "ada", "password": "violet kettle bridge"}' \
    | jq -r .access_token)
$ curl localhost:8000/orders -H "Authorization: Bearer $TOKEN"
["Bricks, for ada"]
$ KEY=$(curl -s localhost:8000/auth/keys -H "Authorization: Bearer $TOKEN" \
    --json '{"name": "Warehouse", "scopes": ["orders:read"]}' | jq -r .key)
$ curl localhost:8000/export -H "X-API-Key: $KEY"
"Warehouse may read."
$ curl localhost:8000/auth/register --json '{"login": "bob", "password": "amber teapot river"}'
{"id":"…","login":"bob","roles":[],"scopes":[]}
$ BOB=$(curl -s localhost:8000/auth/login --json '{"login": "bob", "password": "amber teapot river"}' \
    | jq -r .access_token)
$ curl -i -X DELETE localhost:8000/orders -H "Authorization: Bearer $BOB"
HTTP/1.1 403 Forbidden
…
$ curl -i -X POST localhost:8000/auth/logout-all -H "Authorization: Bearer $TOKEN"
HTTP/1.1 204 No Content
…
$ curl -i localhost:8000/orders -H "Authorization: Bearer $TOKEN"
HTTP/1.1 401 Unauthorized
www-authenticate: Bearer realm="api", error="invalid_token"
…
```
"""

import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import FastAPI

from brickwork import install
from brickwork.auth import ApiKey, Auth, MemoryUser, MemoryUserStore

SCOPES = {"orders:read": "Read orders"}

users = MemoryUserStore()
auth = Auth(users, secret=secrets.token_urlsafe(64), scopes=SCOPES)

Reader = Annotated[MemoryUser, auth.require(scopes="orders:read")]
Admin = Annotated[MemoryUser, auth.require(roles="admin")]
ReaderKey = Annotated[ApiKey, auth.require_key(scopes="orders:read")]


@asynccontextmanager
async def first_admin(_app: FastAPI) -> AsyncGenerator[None]:
    if await users.find("ada") is None:
        await auth.create_user("ada", "violet kettle bridge", roles=["admin"], scopes=[*SCOPES])
    yield


app = FastAPI(lifespan=first_admin)
install(app)
app.include_router(auth.router(), prefix="/auth")


@app.get("/orders")
async def read_orders(user: Reader) -> list[str]:
    return [f"Bricks, for {user.login}"]


@app.delete("/orders", status_code=204)
async def clear_orders(_admin: Admin) -> None:
    pass


@app.get("/export")
async def export(key: ReaderKey) -> str:
    return f"{key.name} may read."
