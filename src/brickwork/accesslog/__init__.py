"""One structured log record per request, and logging set up in one call.

```python
from fastapi import FastAPI

from brickwork.accesslog import AccessLogMiddleware, configure_logging

configure_logging(level="INFO", json=True)

app = FastAPI()
app.add_middleware(AccessLogMiddleware, exclude={"/health/*"}, redact={"voucher"})
```
"""

from ._middleware import AccessLog, AccessLogMiddleware, AccessLogOptions
from ._rules import JSONFormatter, TextFormatter
from ._service import configure_logging

__all__ = [
    "AccessLog",
    "AccessLogMiddleware",
    "AccessLogOptions",
    "JSONFormatter",
    "TextFormatter",
    "configure_logging",
]
