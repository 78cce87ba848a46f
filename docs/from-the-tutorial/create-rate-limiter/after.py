from fastapi import FastAPI

from brickwork.ratelimit import RateLimiter

app = FastAPI()
limiter = RateLimiter()
strict = limiter.depends("1/minute")
relaxed = limiter.depends("3/minute")


@app.post("/orders", dependencies=[strict])
async def order():
    return "ordered"


@app.get("/books", dependencies=[relaxed])
async def list_books():
    return ["SICP"]
