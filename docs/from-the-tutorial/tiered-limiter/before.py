import time
from collections import defaultdict
from typing import Annotated

from fastapi import (
    Depends,
    FastAPI,
    Header,
    HTTPException,
)

app = FastAPI()
PLANS = {"key-of-ada": "premium", "key-of-bob": "free"}


class TieredRateLimiter:
    TIERS = {"free": (1, 3600), "premium": (3, 3600)}

    def __init__(self):
        self.requests = defaultdict(list)

    def check(self, user_id, tier):
        limit, window = self.TIERS[tier]
        now = time.time()
        seen = self.requests[user_id]
        seen[:] = [at for at in seen if at > now - window]
        if len(seen) >= limit:
            raise HTTPException(429, "Too many requests")
        seen.append(now)


tiers = TieredRateLimiter()


async def limited(x_api_key: Annotated[str, Header()]):
    plan = PLANS.get(x_api_key)
    if plan is None:
        raise HTTPException(401)
    tiers.check(x_api_key, plan)


@app.get("/books", dependencies=[Depends(limited)])
async def list_books():
    return ["SICP"]
