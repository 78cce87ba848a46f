"""Code as people write it with Brickwork; strict type checkers accept every line."""

from typing import assert_type

from starlette.exceptions import HTTPException

from brickwork import Problem


class OutOfStockError(Problem, status=409, slug="out-of-stock", title="Out of stock"):
    """Too few are left."""

    sku: str
    available: int


class LastOneGoneError(OutOfStockError, slug="last-one-gone"):
    """None are left; it inherits the members and may leave out the detail."""

    restocked: str | None = None


class BusyError(Problem, status=503, slug="busy"):
    """A constructor of one's own gives the members better arguments."""

    wait: float

    def __init__(self, wait: float) -> None:
        super().__init__(f"Try again in {wait:.0f} s.", headers={"Retry-After": f"{wait:.0f}"})
        self.wait = wait


def read(error: OutOfStockError) -> tuple[str, int, str]:
    """What is caught has its members."""
    return error.sku, error.available, error.detail


first: HTTPException = OutOfStockError("Only 2 left.", sku="A1", available=2)
assert_type(first.status_code, int)

gone = LastOneGoneError(sku="A1", available=0)
assert_type(gone.sku, str)
assert_type(gone.restocked, str | None)
LastOneGoneError("Gone.", sku="A1", available=0, restocked="in May", headers={"Retry-After": "60"})

assert_type(BusyError(3).wait, float)
