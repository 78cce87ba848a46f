"""What the block can refuse."""

from .._core.problem import Problem


class InvalidRequestIDError(Problem, status=400, slug="invalid-request-id", title="Invalid request ID"):
    """The client sent an ID of its own that is none, and the app asked to refuse that."""
