"""Strict security headers on everything, and a page whose own inline style has the key to them.

```console
$ hatch run demo headers:app
$ curl -i localhost:8000/
HTTP/1.1 200 OK
…
content-security-policy: …style-src 'self' 'nonce-…'…
…
$ curl -i localhost:8000/nowhere
HTTP/1.1 404 Not Found
…
x-content-type-options: nosniff
…
```
"""

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from brickwork.headers import SecurityHeaders, SecurityHeadersMiddleware, csp_nonce

app = FastAPI()
app.add_middleware(SecurityHeadersMiddleware, policy=SecurityHeaders.web())


@app.get("/")
async def home(request: Request) -> HTMLResponse:
    return HTMLResponse(
        f"""<!doctype html>
        <html lang="en">
        <title>Headers</title>
        <style nonce="{csp_nonce(request)}">body {{ font: 2rem Georgia, serif; margin: 4rem }}</style>
        <p>This style carries the nonce of its request, so it applies.
        <p style="color: red">This one does not, so the text is not red."""
    )
