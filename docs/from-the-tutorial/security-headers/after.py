from fastapi import FastAPI

from brickwork.headers import (
    SecurityHeaders,
    SecurityHeadersMiddleware,
)

app = FastAPI()
app.add_middleware(
    SecurityHeadersMiddleware,
    policy=SecurityHeaders.api(),
)


@app.get("/books")
async def list_books():
    return ["Middlemarch"]
