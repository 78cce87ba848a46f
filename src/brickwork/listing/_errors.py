"""What a listing can refuse."""

from collections.abc import Mapping
from typing import Final

from .._core.problem import Problem
from ._rules.cursors import CursorFault


class InvalidCursorError(Problem, status=400, slug="invalid-cursor", title="Invalid cursor"):
    """The cursor does not lead anywhere: it was changed, belongs to another query, or is too old.

    Attributes:
        parameter: Name of the query parameter that held it.
        reason: What is wrong: ``malformed``, ``other-query`` or ``expired``.
    """

    parameter: str
    reason: CursorFault

    def __init__(self, parameter: str, reason: CursorFault) -> None:
        super().__init__(_DETAILS[reason])
        self.parameter = parameter
        self.reason = reason


_DETAILS: Final[Mapping[CursorFault, str]] = {
    "malformed": "This is no cursor of ours. Pass cursors on as they were given, or start at the first page.",
    "other-query": "The cursor is for another query. Keep filters and sort while paging, or start at the first page.",
    "expired": "The cursor has expired. Start at the first page.",
}
