"""A bridge for code that is written for slowapi: one changed import, and its limits hold.

```python
from fastapi import FastAPI
from slowapi import _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded
from slowapi.util import get_remote_address

from brickwork.ratelimit.slowapi import Limiter

limiter = Limiter(key_func=get_remote_address)
app = FastAPI()
app.state.limiter = limiter
app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)


@app.get("/home")
@limiter.limit("5/minute")
async def home() -> str:
    return "at most five times a minute"
```

Importing this module tells slowapi's middlewares, `SlowAPIMiddleware` and `SlowAPIASGIMiddleware`, how to serve such a
limiter; with limiters of slowapi they do what they always did.
"""

from ..._core.extras import extra

with extra("slowapi"):
    from ._audit import Finding, audit
    from ._limiter import Limiter

__all__ = ["Finding", "Limiter", "audit"]
