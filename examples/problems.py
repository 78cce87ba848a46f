"""Every error as one kind of document: what is wrong, where, and the facts that a program needs.

```console
$ hatch run demo problems:app
$ curl -s localhost:8000/orders --json '{"sku": "A1", "quantity": 3}' | jq
{
  "type": "/problems/out-of-stock",
  "title": "Out of stock",
  "status": 409,
  "detail": "Only 2 left.",
  "instance": "urn:uuid:…",
  "sku": "A1",
  "available": 2
}
$ curl -s localhost:8000/orders --json '{"sku": "A1", "quantity": 0}' | jq
{
  "type": "/problems/validation-error",
…
}
```
"""

from fastapi import FastAPI
from pydantic import BaseModel, Field

from brickwork.problems import Problem, add_problem_handlers, problem_router, raises


class OutOfStockError(Problem, status=409, slug="out-of-stock", title="Out of stock"):
    """More was ordered than there is."""

    sku: str
    available: int


class Order(BaseModel):
    sku: str
    quantity: int = Field(ge=1)


app = FastAPI()
add_problem_handlers(app, base_uri="/problems/")
app.include_router(problem_router(), prefix="/problems")


@app.post("/orders", responses=raises(OutOfStockError))
async def place_order(order: Order) -> dict[str, int]:
    if order.quantity > 2:
        raise OutOfStockError("Only 2 left.", sku=order.sku, available=2)
    return {"ordered": order.quantity}
