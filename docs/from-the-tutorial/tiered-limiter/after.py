from typing import Annotated

from fastapi import FastAPI, Header, HTTPException

from brickwork.ratelimit import RateLimiter, by_header

app = FastAPI()
limiter = RateLimiter()
PLANS = {"key-of-ada": "premium", "key-of-bob": "free"}
TIERS = {"free": "1/hour", "premium": "3/hour"}


async def tier(x_api_key: Annotated[str, Header()]):
    plan = PLANS.get(x_api_key)
    if plan is None:
        raise HTTPException(401)
    return TIERS[plan]


limited = limiter.depends(
    tier, key=by_header("X-API-Key")
)


@app.get("/books", dependencies=[limited])
async def list_books():
    return ["SICP"]
