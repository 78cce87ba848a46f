import time
from collections import defaultdict

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

app = FastAPI()


class RateLimiter:
    def __init__(self, max_requests, window_seconds):
        self.max_requests = max_requests
        self.window_seconds = window_seconds
        self.requests = defaultdict(list)

    def is_allowed(self, client_id):
        now = time.time()
        start = now - self.window_seconds
        self.requests[client_id] = [
            at
            for at in self.requests[client_id]
            if at > start
        ]
        seen = self.requests[client_id]
        if len(seen) >= self.max_requests:
            return False
        seen.append(now)
        return True


rate_limiter = RateLimiter(3, 60)


@app.middleware("http")
async def rate_limit(request: Request, call_next):
    if not rate_limiter.is_allowed(request.client.host):
        return JSONResponse(
            {"detail": "Too many requests"}, 429
        )
    return await call_next(request)


@app.get("/books")
async def list_books():
    return ["SICP"]
