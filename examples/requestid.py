"""An ID for every request: in its answer, on its log lines, and in threads and tasks below it.

```console
$ hatch run demo requestid:app
$ curl -i localhost:8000/quote
HTTP/1.1 200 OK
…
x-request-id: …

{"quote":"All happy families are alike.","request":"…"}
$ curl -i localhost:8000/quote -H 'X-Request-ID: from-my-proxy-1'
HTTP/1.1 200 OK
…
x-request-id: from-my-proxy-1

{"quote":"All happy families are alike.","request":"from-my-proxy-1"}
```

Started in another way, behind a proxy on the same machine, uvicorn needs `--no-proxy-headers`: else it puts the
client's address in the place of the proxy's, and nobody who connects is trusted.
"""

import logging

from fastapi import FastAPI

from brickwork.requestid import RequestIDMiddleware, bind, request_id

logger = logging.getLogger("examples.requestid")

app = FastAPI()
app.add_middleware(RequestIDMiddleware, trust="proxies", trusted_proxies=["127.0.0.1", "::1"])


@app.get("/quote")
def quote() -> dict[str, str | None]:
    bind(author="Leo Tolstoy")
    logger.info("chosen")  # carries request_id and author, here and in whatever this function calls
    return {"quote": "All happy families are alike.", "request": request_id()}
