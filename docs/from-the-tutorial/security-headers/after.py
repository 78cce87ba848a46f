from brickwork.headers import (
    SecurityHeaders,
    SecurityHeadersMiddleware,
)
from fastapi import FastAPI

app = FastAPI()
app.add_middleware(
    SecurityHeadersMiddleware, policy=SecurityHeaders.api()
)


@app.get("/books")
async def list_books():
    return ["Middlemarch"]
