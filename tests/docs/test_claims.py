"""What README and home page say about speed is what the results on the benchmark page say."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PING, STREAM, *_ = json.loads((ROOT / "docs" / "benchmarks" / "stack.json").read_text("utf-8"))["tables"]
STACK, SLOW = "Brickwork's stack", "empty BaseHTTPMiddleware"


def row(table: dict[str, Any], name: str) -> dict[str, float]:
    """Give one result of a table."""
    return next(result for result in table["results"] if result["name"] == name)


def test_the_stack_adds_a_quarter_of_one_slow_middleware() -> None:
    """The whole stack adds some 25 % of what one empty `BaseHTTPMiddleware` adds to a request."""
    share = row(PING, STACK)["added"] / row(PING, SLOW)["added"]

    assert share < 0.3


def test_the_stack_leaves_streams_alone() -> None:
    """A stream gets slower by a quarter at most, not by a factor of more than fifteen."""
    assert row(STREAM, STACK)["ratio"] < 1.3
    assert row(STREAM, SLOW)["ratio"] > 15
