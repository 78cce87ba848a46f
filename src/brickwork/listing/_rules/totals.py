"""Whether and how the rows of a listing are counted."""

from dataclasses import dataclass
from typing import Literal, Self

Kind = Literal["exact", "capped", "estimated", "none"]


@dataclass(frozen=True, slots=True)
class Total:
    """Whether and how the rows of a listing are counted: one of the four that the class methods make.

    Whichever it is, rows are not counted where the page itself tells their number: a page that is not full ends them.

    Attributes:
        kind: Which of the four it is.
        limit: Rows that a capped total counts to; 0 for the others.
    """

    kind: Kind
    limit: int = 0

    def __post_init__(self) -> None:
        if self.limit < 1 if self.kind == "capped" else self.limit != 0:
            raise ValueError(
                f"a total that is {self.kind} cannot have limit={self.limit}: write Total.exact(), Total.estimated(), "
                "Total.none(), or Total.capped(10_000) with a limit of 1 or more"
            )

    @classmethod
    def exact(cls) -> Self:
        """Count all rows: one more query on a page that is full."""
        return cls("exact")

    @classmethod
    def capped(cls, limit: int) -> Self:
        """Count to a limit and no further; what lies beyond is told as an estimate, which is never too high.

        Args:
            limit: Rows to count to, 1 or more.
        """
        return cls("capped", limit)

    @classmethod
    def estimated(cls) -> Self:
        """Ask the planner of PostgreSQL, which counts nothing; other databases count all rows."""
        return cls("estimated")

    @classmethod
    def none(cls) -> Self:
        """Count nothing: one query a page, and the total is told only where the page tells it."""
        return cls("none")
