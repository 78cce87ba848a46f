from fastapi import FastAPI

from brickwork.requestid import (
    RequestIDMiddleware,
    request_id,
)

app = FastAPI()
app.add_middleware(RequestIDMiddleware, trust="always")


@app.get("/books")
async def list_books():
    return {"seen_as": request_id()}
