"""`precondition`: changes that start from the state their client has seen, and reads that send nothing twice."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Header
from pydantic import WithJsonSchema
from starlette.requests import Request
from starlette.responses import Response

from ..._core.entity_tags import EntityTag, EntityTags, has_state
from ..._core.not_modified import NotModifiedError
from .._errors import (
    MalformedPreconditionError,
    PreconditionFailedError,
    PreconditionRequiredError,
)
from ..sqlalchemy.tags import etag_of

_Function = TypeVar("_Function", bound=Callable[..., Any])

# A header may come on several lines, yet a client that reads the document sends one text.
_AS_TEXT: Final = WithJsonSchema({"type": "string"})
_IfMatch = Annotated[
    list[str] | None,
    _AS_TEXT,
    Header(description='The ETag of the state that the change starts from, as "a1b2"; or * for whatever is there.'),
]
_IfNoneMatch = Annotated[
    list[str] | None,
    _AS_TEXT,
    Header(description="The ETag of the state that the client has; or * to make what is not there yet."),
]


class Precondition:
    """What a request asks of the state of the thing that it is about.

    Args:
        method: Method of the request.
        response: Gets the ``ETag``.
        if_match: The lines of ``If-Match``; None where there are none.
        if_none_match: The lines of ``If-None-Match``; None where there are none.
    """

    def __init__(
        self,
        method: str,
        response: Response,
        if_match: Sequence[str] | None = None,
        if_none_match: Sequence[str] | None = None,
    ) -> None:
        self._reads = method in {"GET", "HEAD"}
        self._response = response
        self._if_match = if_match
        self._if_none_match = if_none_match

    def check(self, entity: object, *, required: bool = True, allow_weak: bool = False) -> None:
        """Let a change pass only where it starts from the present state; call it before the change.

        Args:
            entity: The row that is to be changed, or its `EntityTag`; None where there is none yet, so that
                ``If-None-Match: *`` makes it and ``If-Match`` fails.
            required: Whether a request without a condition is refused.
            allow_weak: Whether a weak tag of the present state passes as well. RFC 9110 asks for the strong one, but
                a client that reads through compression only ever sees a weak one.

        Raises:
            PreconditionFailedError: (412) The state is another one.
            PreconditionRequiredError: (428) There is no condition.
            MalformedPreconditionError: (400) The header cannot be read.
            TypeError: The model of the row has no version column.

        Reference: RFC 9110, sections 13.1 and 13.2.2; RFC 6585, section 3.
        """
        current = _tag(entity)
        wanted = _read("If-Match", self._if_match)
        unwanted = _read("If-None-Match", self._if_none_match)
        if wanted is not None:
            _expect(wanted, current, allow_weak=allow_weak)
        if unwanted is not None and unwanted.match_weakly(current):
            raise PreconditionFailedError("It is there already, in a state that the request excludes.")
        if required and wanted is None and (unwanted is None or current is not None):
            if current is None:
                raise PreconditionRequiredError("Send If-None-Match: * to say that you mean to make it.")
            raise PreconditionRequiredError("Read it first, and send its ETag as If-Match.")

    def fresh(self, entity: object) -> None:
        """Send the ``ETag`` of a row along; where the client of a GET or HEAD has that state already, answer 304.

        Call it before the response is made, and after a change and its flush to tell the new state. A returned
        ``Response`` object has headers of its own: return the data.

        Args:
            entity: The row that is sent, or an `EntityTag`.

        Raises:
            NotModifiedError: (304) The client has it already; no failure, only the shortest answer. It is raised, so
                a transaction is rolled back.
            PreconditionFailedError: (412) A GET or HEAD asks for another state by ``If-Match``.
            MalformedPreconditionError: (400) ``If-Match`` cannot be read. An ``If-None-Match`` that cannot counts as
                absent: everything is sent.
            TypeError: The model of the row has no version column.

        Reference: RFC 9110, sections 13.1.2, 13.2.2 and 15.4.5.
        """
        current = _tag(entity)
        if current is None:
            raise TypeError("fresh(None): there is nothing to send; raise NotFoundError first")
        self._response.headers["ETag"] = str(current)
        if not self._reads:
            return
        wanted = _read("If-Match", self._if_match)
        if wanted is not None:
            _expect(wanted, current, allow_weak=False)
        if self._if_none_match and has_state(self._if_none_match, current):
            raise NotModifiedError(self._response.headers)


def _answers(*problems: type[Exception]) -> Callable[[_Function], _Function]:
    def declare(dependency: _Function) -> _Function:
        dependency.__dict__["__problems__"] = problems
        return dependency

    return declare


@_answers(MalformedPreconditionError, PreconditionFailedError, PreconditionRequiredError)
async def precondition(
    request: Request, response: Response, if_match: _IfMatch = None, if_none_match: _IfNoneMatch = None
) -> Precondition:
    """Give what the request asks of a state: a dependency, of which `Conditional` is the annotation.

    ```python
    from typing import Annotated
    from uuid import UUID

    from fastapi import Depends, FastAPI
    from sqlalchemy.orm import DeclarativeBase, Mapped

    from brickwork.database import Conditional, Database, Repository, UUIDKey, Versioned

    class Base(DeclarativeBase): ...

    class Book(UUIDKey, Versioned, Base):
        __tablename__ = "book"
        title: Mapped[str]

    db = Database("sqlite:///app.db")
    app = FastAPI(lifespan=db.lifespan)
    Books = Annotated[Repository[Book], db.repository(Book)]

    @app.get("/books/{key}")
    async def read(key: UUID, books: Books, precondition: Conditional) -> str:
        book = await books.get_or_404(key)
        precondition.fresh(book)
        return book.title

    @app.put("/books/{key}")
    async def rename(key: UUID, title: str, books: Books, precondition: Conditional) -> str:
        book = await books.get_or_404(key)
        precondition.check(book)
        await books.update(book, {"title": title})
        precondition.fresh(book)
        return book.title
    ```

    Reference: RFC 9110, section 13.
    """
    return Precondition(request.method, response, if_match, if_none_match)


Conditional = Annotated[Precondition, Depends(precondition)]
"""The annotation of a parameter that is the request's `Precondition`."""


def _tag(entity: object) -> EntityTag | None:
    return entity if entity is None or isinstance(entity, EntityTag) else etag_of(entity)


def _read(name: str, lines: Sequence[str] | None) -> EntityTags | None:
    # A guard that cannot be read must never pass, and 412 would only make the client read again.
    try:
        return None if lines is None else EntityTags.parse(lines)
    except ValueError as error:
        raise MalformedPreconditionError(name) from error


def _expect(wanted: EntityTags, current: EntityTag | None, *, allow_weak: bool) -> None:
    alike = wanted.match_weakly(current)
    if alike if allow_weak else wanted.match_strongly(current):
        return
    if current is None:
        raise PreconditionFailedError("It does not exist, in whatever state.")
    if alike:
        raise PreconditionFailedError("A weak ETag, W/, proves nothing here: read it with Accept-Encoding: identity.")
    raise PreconditionFailedError("It was changed since you read it. Read it again.")
