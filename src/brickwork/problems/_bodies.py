"""Bodies: the problem document as a client reads it, and the other shapes that a team may have to keep."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Generic, Literal, Required, TypeVar
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict
from pydantic_core import from_json
from typing_extensions import TypedDict

from .._core.shapes import is_dict, is_list

T = TypeVar("T")

_KINDS: Final[Mapping[str, type]] = {
    "type": str, "title": str, "status": int, "detail": str, "instance": str, "request_id": str,
}  # fmt: skip


class Success(BaseModel, Generic[T]):
    """The envelope of many guides around an answer: ``{"success": true, "data": …}``.

    ```python
    from brickwork.problems import Success

    print(Success(data=[1, 2]).model_dump())
    #> {'success': True, 'data': [1, 2]}
    ```

    As a return annotation, ``Success[Book]``, it shows the whole shape in OpenAPI. `as_failure` is its counterpart.

    Attributes:
        success: Always true.
        data: The answer itself.
    """

    success: Literal[True] = True
    data: T


class FailureError(TypedDict, total=False):
    """What went wrong, inside of a `Failure`.

    Attributes:
        code: The problem's slug, or ``http-404`` and the like for one without.
        message: What is wrong, for the person who reads it.
        details: The extension members of the problem, where it has any.
    """

    code: Required[str]
    message: Required[str]
    details: dict[str, Any]


class Failure(TypedDict, total=False):
    """The envelope of many guides around an error.

    Attributes:
        success: Always false.
        error: What went wrong.
        request_id: The request's ID, where there is one.
    """

    success: Required[Literal[False]]
    error: Required[FailureError]
    request_id: str


class Detail(TypedDict):
    """FastAPI's own body of an error.

    Attributes:
        detail: A text; for an invalid request a list of entries with ``loc``, ``msg`` and ``type``.
    """

    detail: str | list[dict[str, Any]]


def as_detail(problem: dict[str, Any]) -> Detail:
    """Give a problem in FastAPI's own shape, ``{"detail": …}``; for ``add_problem_handlers(app, render=as_detail)``."""
    errors = problem.get("errors")
    if is_list(errors) and all(is_dict(each) and "code" in each for each in errors):
        return {"detail": [_as_fastapi_does(each) for each in errors]}
    return {"detail": problem.get("detail", problem["title"])}


def _as_fastapi_does(entry: Mapping[str, Any]) -> dict[str, Any]:
    if "pointer" in entry:
        tokens = [unquote(token).replace("~1", "/").replace("~0", "~") for token in entry["pointer"].split("/")[1:]]
        location: list[str | int] = ["body", *(int(token) if token.isdecimal() else token for token in tokens)]
    else:
        location = [entry[key] for key in ("in", "parameter") if key in entry]
    return {"type": entry["code"], "loc": location, "msg": entry["detail"]}


def as_failure(problem: dict[str, Any]) -> Failure:
    """Give a problem as ``{"success": false, "error": {…}}``; for ``add_problem_handlers(app, render=as_failure)``."""
    members = {name: value for name, value in problem.items() if name not in _KINDS}
    slug = problem["type"].replace("#", "/").replace(":", "/").rpartition("/")[2]
    code = f"http-{problem['status']}" if problem["type"] == "about:blank" else slug
    error: FailureError = {"code": code, "message": problem.get("detail", problem["title"])}
    if members:
        error["details"] = members
    failure: Failure = {"success": False, "error": error}
    if "request_id" in problem:
        failure["request_id"] = problem["request_id"]
    return failure


class ProblemDetails(BaseModel):
    """A problem document as a client reads it, from this API or any other.

    ```python
    from brickwork.problems import ProblemDetails

    problem = ProblemDetails.parse(b'{"type": "https://api.example/problems/out-of-stock", "status": 409, "sku": "A1"}')
    print(problem.status, problem.extensions)
    #> 409 {'sku': 'A1'}
    ```

    Attributes:
        type: The problem type.
        title: What is wrong, in general.
        status: The status that the document names; it may differ from the response's own.
        detail: What is wrong this time.
        instance: Names this occurrence.
        request_id: The request's ID, where the server gives it.
        extensions: All other members.
        response_status: The status of the response, where it was told.

    Reference: RFC 9457, sections 3 and 3.1.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    type: str = "about:blank"
    title: str | None = None
    status: int | None = None
    detail: str | None = None
    instance: str | None = None
    request_id: str | None = None
    extensions: dict[str, Any] = {}
    response_status: int | None = None

    @classmethod
    def parse(cls, body: bytes | str, *, response_status: int | None = None) -> "ProblemDetails":
        """Read the body of a response; a member of the wrong JSON type is passed over, as the RFC demands.

        Args:
            body: The body of a response of type ``application/problem+json``.
            response_status: The response's own status.

        Raises:
            ValueError: The body is not a JSON object.
        """
        document = from_json(body)
        if not is_dict(document):
            raise ValueError("a problem document is a JSON object")
        members: dict[str, Any] = document
        known = {name: members[name] for name, kind in _KINDS.items() if type(members.get(name)) is kind}
        extensions = {name: value for name, value in members.items() if name not in _KINDS}
        return cls(**known, extensions=extensions, response_status=response_status)
