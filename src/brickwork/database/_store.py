"""What the block takes from others."""

from typing import Protocol, TypeVar

Statement = TypeVar("Statement")


class Applies(Protocol[Statement]):
    """Anything that narrows or sorts a select statement: a filter, a listing's query, an object of one's own."""

    def apply(self, statement: Statement, /) -> Statement:
        """Give the statement with its own clauses added."""
        ...
