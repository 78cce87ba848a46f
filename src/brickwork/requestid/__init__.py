"""A name for every request: in its response, on its log lines, on the calls it makes, in the error a client reports.

```python
from fastapi import FastAPI

from brickwork.requestid import RequestIDMiddleware, request_id

app = FastAPI()
app.add_middleware(RequestIDMiddleware)

@app.get("/")
async def home() -> dict[str, str | None]:
    return {"request": request_id()}
```
"""

from .._core.context import RequestContext
from .._core.logs import RequestIDFilter
from ._errors import InvalidRequestIDError
from ._middleware import RequestID, RequestIDMiddleware, RequestIDOptions
from ._service import bind, carry, dump, request_context, request_id, restore, uuid7
from .httpx import propagate
from .loguru import loguru_patcher
from .structlog import add_request_id

__all__ = [
    "InvalidRequestIDError",
    "RequestContext",
    "RequestID",
    "RequestIDFilter",
    "RequestIDMiddleware",
    "RequestIDOptions",
    "add_request_id",
    "bind",
    "carry",
    "dump",
    "loguru_patcher",
    "propagate",
    "request_context",
    "request_id",
    "restore",
    "uuid7",
]
