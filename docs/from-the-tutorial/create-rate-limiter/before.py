import time
from collections import defaultdict

from fastapi import (
    Depends,
    FastAPI,
    HTTPException,
    Request,
)

app = FastAPI()


def create_rate_limiter(max_requests, window_seconds):
    requests = defaultdict(list)

    async def rate_limiter(request: Request):
        now = time.time()
        seen = requests[request.client.host]
        while seen and seen[0] <= now - window_seconds:
            seen.pop(0)
        if len(seen) >= max_requests:
            raise HTTPException(
                429,
                "Too many requests",
                {"Retry-After": str(window_seconds)},
            )
        seen.append(now)

    return rate_limiter


strict = create_rate_limiter(1, 60)
relaxed = create_rate_limiter(3, 60)


@app.post("/orders", dependencies=[Depends(strict)])
async def order():
    return "ordered"


@app.get("/books", dependencies=[Depends(relaxed)])
async def list_books():
    return ["SICP"]
