"""Mistakes that type checkers find before a request does: one on each line marked `refused`, and none elsewhere."""

from brickwork import Problem


class OutOfStockError(Problem, status=409, slug="out-of-stock"):
    """Too few are left."""

    sku: str
    available: int


class WordyError(Problem, status="409"):  # refused
    """A status is a number."""


class MisspeltError(Problem, stauts=409):  # refused
    """A class keyword that does not exist."""


OutOfStockError("Only 2 left.", sku="A1")  # refused
OutOfStockError("Only 2 left.", sku="A1", available="two")  # refused
OutOfStockError("Only 2 left.", sku="A1", available=2, colour="red")  # refused
OutOfStockError("Only 2 left.", "A1", 2)  # refused
colour = OutOfStockError(sku="A1", available=2).colour  # refused
Problem(404)  # refused
Problem("Gone.", headers={"Retry-After": 60})  # refused
