"""The middleware stack: everything that belongs around an API, in one frame and in the right order.

```python
from fastapi import FastAPI

from brickwork import install

app = FastAPI()
stack = install(app, cors=["https://shop.example"], timeout=10)
```
"""

from ._cors import CORS, CORSOptions
from ._errors import (
    BadContentLengthError,
    ContentTooLargeError,
    MaintenanceError,
    PreflightRefusedError,
    RequestTimeoutError,
    UntrustedHostError,
)
from ._install import install
from ._maintenance import Maintenance, MaintenanceMiddleware
from ._stack import SlowMiddlewareWarning, Stack
