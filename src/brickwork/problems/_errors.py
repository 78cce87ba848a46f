"""What the handlers themselves answer: each a problem type with a page of its own."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal, Required

from pydantic import Field
from typing_extensions import TypedDict

from .._core.problem import Problem

Constraint = Literal["unique", "foreign-key", "not-null", "check", "exclusion", "other"]

# The functional form, for a member that is called `in`.
InvalidField = TypedDict(
    "InvalidField",
    {
        "detail": Required[str],
        "code": Required[str],
        "pointer": str,
        "in": Literal["query", "path", "header", "cookie"],
        "parameter": str,
        "params": dict[str, Any],
    },
    total=False,
)
"""One thing that is wrong with a request.

- `detail`: What is wrong, for the person who reads it; never what was sent.
- `code`: The same for programs: pydantic's error type, never translated.
- `pointer`: Where in the body: a JSON Pointer as a URI fragment, ``#/items/0/price``.
- `in`: Where else: ``query``, ``path``, ``header`` or ``cookie``.
- `parameter`: The parameter's name there.
- `params`: The bounds that the schema sets, such as ``max_length``.
"""
InvalidField.__doc__ = "One thing that is wrong with a request: what, and where."

_EXAMPLE: Final = [
    {"detail": "Field required", "code": "missing", "pointer": "#/items/0/price"},
    {"detail": "Input should be less than or equal to 100", "code": "less_than_equal", "in": "query",
     "parameter": "size", "params": {"le": 100}},
]  # fmt: skip


class ValidationProblem(Problem, status=422, slug="validation-error", title="The request is not valid"):
    """Something in the request is missing or not as the documentation says.

    Each entry of `errors` names one place and what is wrong there.

    Attributes:
        errors: What is wrong, one entry a place.
        errors_truncated: True where there were more errors than are listed.
    """

    __members__: ClassVar[Mapping[str, Any]] = {
        "errors": Annotated[list[InvalidField], Field(examples=[_EXAMPLE])],
        "errors_truncated": bool,
    }
    errors_truncated: ClassVar[bool | None] = None

    def __init__(self, errors: Sequence[InvalidField], *, truncated: bool = False) -> None:
        many = len(errors) != 1
        super().__init__(f"{len(errors)}{' or more' * truncated} {'errors' if many else 'error'} in the request.")
        self.errors: list[InvalidField] = list(errors)
        if truncated:
            self.__dict__["errors_truncated"] = True


class MalformedJsonError(Problem, status=400, slug="malformed-json", title="Malformed JSON"):
    """The body is not JSON, so nothing in it could be read.

    Attributes:
        offset: Characters of the body before the error, where known.
    """

    offset: int | None = None

    def __init__(self, reason: str = "", *, offset: int | None = None) -> None:
        super().__init__(f"The body is not valid JSON{': ' * bool(reason)}{reason}.")
        self.offset = offset


class UnsupportedMediaTypeError(
    Problem, status=415, slug="unsupported-media-type", title="The body is of the wrong media type"
):
    """The operation reads JSON, and the request does not say that it sends JSON."""

    def __init__(self) -> None:
        super().__init__("Send the body as JSON, and say so: Content-Type: application/json.")


class ConstraintError(Problem, status=409, slug="constraint-violated", title="In conflict with stored data"):
    """The change contradicts a rule that the stored data keep, such as a name that may be taken once only.

    Attributes:
        constraint: The kind of rule.
    """

    constraint: Constraint

    def __init__(self, constraint: Constraint) -> None:
        super().__init__(_CONSTRAINTS[constraint])
        self.constraint = constraint


_CONSTRAINTS: Final[Mapping[Constraint, str]] = {
    "unique": "Another entry has this value already.",
    "foreign-key": "It refers to something that does not exist, or something else still refers to it.",
    "not-null": "A value that must be there is missing.",
    "check": "A value is outside of what is allowed.",
    "exclusion": "It overlaps with another entry.",
    "other": "It contradicts what is stored.",
}


class OutdatedError(Problem, status=409, slug="outdated", title="Changed in the meantime"):
    """Somebody else has changed or deleted the same thing since it was read: read it again, then decide."""

    def __init__(self) -> None:
        super().__init__("Somebody else has changed or deleted it since it was read. Read it again.")
