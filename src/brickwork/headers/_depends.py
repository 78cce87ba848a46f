"""The nonce that lets a page's own inline scripts and styles through its content security policy."""

from secrets import token_urlsafe

from starlette.requests import HTTPConnection

from .._core.context import of_scope
from .._core.scope import CSP_NONCE


def csp_nonce(request: HTTPConnection) -> str:
    """Give the nonce of this request, for the ``nonce`` attribute of inline scripts and styles.

    ```python
    from fastapi import FastAPI, Request
    from fastapi.responses import HTMLResponse

    from brickwork.headers import SecurityHeaders, SecurityHeadersMiddleware, csp_nonce

    app = FastAPI()
    app.add_middleware(SecurityHeadersMiddleware, policy=SecurityHeaders.web())

    @app.get("/")
    async def home(request: Request) -> HTMLResponse:
        return HTMLResponse(f'<script nonce="{csp_nonce(request)}">hello()</script>')
    ```

    It holds 128 random bits, is made when it is first asked for, and is ``request.state.csp_nonce`` from then on. The
    header names it only then, and such a response is not to be stored unless it says otherwise itself.

    Raises:
        RuntimeError: The response has begun, so the header can no longer name a nonce.

    Reference: Content Security Policy Level 3, section 7.1.
    """
    state = request.scope.setdefault("state", {})
    nonce: str | None = state.get(CSP_NONCE)
    if nonce is None:
        context = of_scope(request.scope)
        if context is not None and context.responded_at is not None:
            raise RuntimeError("the response has begun: call csp_nonce(request) before it, and keep what it gives")
        nonce = state[CSP_NONCE] = token_urlsafe(16)
    return nonce
