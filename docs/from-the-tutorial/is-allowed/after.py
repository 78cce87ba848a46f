from fastapi import FastAPI

from brickwork.ratelimit import (
    RateLimiter,
    RateLimitMiddleware,
)

app = FastAPI()
limiter = RateLimiter(default="3/minute")
app.add_middleware(RateLimitMiddleware, limiter=limiter)


@app.get("/books")
async def list_books():
    return ["SICP"]
