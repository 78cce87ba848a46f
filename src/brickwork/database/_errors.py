"""What the block can refuse."""

from .._core.problem import Problem


class NotFoundError(Problem, status=404, slug="not-found", title="Not found"):
    """There is no such thing, or it is outside of what the caller may see."""


class OutsideScopeError(Problem, status=403, slug="outside-scope", title="Outside of what you may change"):
    """What was to be written lies, or would come to lie, outside of what the caller may change."""


class MalformedPreconditionError(Problem, status=400, slug="malformed-precondition", title="Malformed precondition"):
    """``If-Match`` or ``If-None-Match`` is neither ``*`` nor a list of entity tags.

    Attributes:
        parameter: The header that cannot be read.
    """

    parameter: str

    def __init__(self, parameter: str) -> None:
        super().__init__(f'Send {parameter} with * or the ETag that you were given, quotes included, as "a1b2".')
        self.parameter = parameter


class PreconditionFailedError(Problem, status=412, slug="precondition-failed", title="Precondition failed"):
    """It is not in the state that the request asks for: read it again, then decide.

    Reference: RFC 9110, section 15.5.13.
    """


class PreconditionRequiredError(Problem, status=428, slug="precondition-required", title="Precondition required"):
    """A change must say which state it starts from, so that it cannot undo somebody else's.

    Reference: RFC 6585, section 3.
    """


class ReadOnlySessionError(RuntimeError):
    """A session that was opened for reading was asked to write: a mistake in the program, not in the request."""
