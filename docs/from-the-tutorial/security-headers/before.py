from fastapi import FastAPI, Request
from starlette.middleware.base import BaseHTTPMiddleware


class SecurityHeadersMiddleware(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next):
        response = await call_next(request)
        headers = response.headers
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "DENY"
        headers["X-XSS-Protection"] = "1; mode=block"
        headers["Referrer-Policy"] = "no-referrer"
        headers["Strict-Transport-Security"] = (
            "max-age=31536000; includeSubDomains"
        )
        headers["Content-Security-Policy"] = (
            "default-src 'self'"
        )
        return response


app = FastAPI()
app.add_middleware(SecurityHeadersMiddleware)


@app.get("/books")
async def list_books():
    return ["Middlemarch"]
