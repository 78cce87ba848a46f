"""The middleware stack: everything that belongs around an API, in one frame and in the right order.

```python
from fastapi import FastAPI

from brickwork import install

app = FastAPI()
stack = install(app, cors=["https://shop.example"], timeout=10)
```
"""

from .._core.too_large import ContentTooLargeError
from ._compression import CompressionMiddleware, CompressionOptions
from ._cors import CORSOptions
from ._errors import (
    BadContentLengthError,
    MaintenanceError,
    PreflightRefusedError,
    RequestTimeoutError,
    ShuttingDownError,
    UntrustedHostError,
)
from ._install import install
from ._maintenance import Maintenance, MaintenanceMiddleware
from ._stack import SlowMiddlewareWarning, Stack
from ._timeout import TimeoutMiddleware, TimeoutOptions, time_limit

__all__ = [
    "BadContentLengthError",
    "CORSOptions",
    "CompressionMiddleware",
    "CompressionOptions",
    "ContentTooLargeError",
    "Maintenance",
    "MaintenanceError",
    "MaintenanceMiddleware",
    "PreflightRefusedError",
    "RequestTimeoutError",
    "ShuttingDownError",
    "SlowMiddlewareWarning",
    "Stack",
    "TimeoutMiddleware",
    "TimeoutOptions",
    "UntrustedHostError",
    "install",
    "time_limit",
]
