import uuid
from contextvars import ContextVar

from fastapi import FastAPI, Request

app = FastAPI()
request_id_var: ContextVar[str] = ContextVar("request_id")


@app.middleware("http")
async def add_request_id(request: Request, call_next):
    request_id = request.headers.get("X-Request-ID")
    if not request_id:
        request_id = str(uuid.uuid4())
    request_id_var.set(request_id)
    response = await call_next(request)
    response.headers["X-Request-ID"] = request_id
    return response


@app.get("/books")
async def list_books():
    return {"seen_as": request_id_var.get()}
