"""Security headers on every response, with a policy that fits an API, a website or your own mind.

```python
from fastapi import FastAPI

from brickwork.headers import SecurityHeaders, SecurityHeadersMiddleware

app = FastAPI()
app.add_middleware(SecurityHeadersMiddleware, policy=SecurityHeaders.api())
```
"""

from ._depends import csp_nonce
from ._middleware import SecurityHeadersMiddleware, SecurityHeadersOptions, SecurityHeadersPiece
from ._rules import NONCE, ContentSecurityPolicy, SecurityHeaders, StrictTransportSecurity, clear_site_data

__all__ = [
    "NONCE",
    "ContentSecurityPolicy",
    "SecurityHeaders",
    "SecurityHeadersMiddleware",
    "SecurityHeadersOptions",
    "SecurityHeadersPiece",
    "StrictTransportSecurity",
    "clear_site_data",
    "csp_nonce",
]
