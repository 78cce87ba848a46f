"""Everything around an app, in the one right order, with one call.

```console
$ hatch run demo stack:app
$ curl -i localhost:8000/
HTTP/1.1 200 OK
…
x-request-id: …
…
$ curl -i localhost:8000/ -H 'Host: evil.example'
HTTP/1.1 400 Bad Request
…
$ curl -i localhost:8000/slow
HTTP/1.1 504 Gateway Timeout
…
$ curl -s localhost:8000/stack
…
```
"""

import asyncio

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

from brickwork import install

app = FastAPI()
stack = install(
    app,
    trusted_hosts=["localhost", "127.0.0.1"],
    cors=["http://localhost:3000"],
    body_limit=65_536,
    timeout=0.5,
    compression=True,
    process_time=True,
)


@app.get("/")
async def home() -> dict[str, str]:
    return {"hello": "world"}


@app.get("/slow")
async def slow() -> None:
    await asyncio.sleep(60)


@app.get("/stack", response_class=PlainTextResponse)
async def explain() -> str:
    return stack.explain()
