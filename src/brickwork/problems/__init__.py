"""Errors: one kind of document for all of them, in the answer, in OpenAPI and on a page of its own.

```python
from fastapi import FastAPI

from brickwork.problems import Problem, add_problem_handlers, problem_router, raises

class OutOfStockError(Problem, status=409, slug="out-of-stock", title="Out of stock"):
    sku: str
    available: int

app = FastAPI()
add_problem_handlers(app, base_uri="https://api.example/problems/")
app.include_router(problem_router(), prefix="/problems")

@app.post("/orders", responses=raises(OutOfStockError))
async def order(sku: str) -> None:
    raise OutOfStockError("Only 2 left.", sku=sku, available=2)
```
"""

from .._core.problem import Problem
from .._core.registry import ProblemRegistry
from ._bodies import Detail, Failure, FailureError, ProblemDetails, Success, as_detail, as_failure
from ._errors import (
    ConstraintError,
    InvalidField,
    MalformedJsonError,
    OutdatedError,
    UnsupportedMediaTypeError,
    ValidationProblem,
)
from ._handlers import ProblemOptions, add_problem_handlers
from ._routes import problem_registry, problem_router, raises

__all__ = [
    "ConstraintError",
    "Detail",
    "Failure",
    "FailureError",
    "InvalidField",
    "MalformedJsonError",
    "OutdatedError",
    "Problem",
    "ProblemDetails",
    "ProblemOptions",
    "ProblemRegistry",
    "Success",
    "UnsupportedMediaTypeError",
    "ValidationProblem",
    "add_problem_handlers",
    "as_detail",
    "as_failure",
    "problem_registry",
    "problem_router",
    "raises",
]
