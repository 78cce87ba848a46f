"""The answer to a body that is larger than what reads it takes: that of a route, or of all of them."""

from .problem import Problem


class ContentTooLargeError(Problem, status=413, slug="content-too-large", title="Content too large"):
    """The request's body is larger than the route takes.

    Attributes:
        limit: Bytes that the body may have.
    """

    limit: int
