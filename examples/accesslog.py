"""One log record for each request: as a line while you write the app, as JSON where a machine reads it.

```console
$ hatch run demo accesslog:app
$ curl 'localhost:8000/books/7?token=letmein'
{"id":7}
$ curl localhost:8000/health
"ok"
```

The first request leaves a record with the route's template and without the token, the second none.
"""

from fastapi import FastAPI

from brickwork.accesslog import AccessLogMiddleware

app = FastAPI()
app.add_middleware(AccessLogMiddleware, exclude={"/health"}, headers={"user-agent"})


@app.get("/books/{book_id}")
async def read_book(book_id: int) -> dict[str, int]:
    return {"id": book_id}


@app.get("/health")
async def health() -> str:
    return "ok"
