"""`Problem`: an error that carries its own HTTP answer, with or without handlers installed.

A class below `Problem` declares a problem type of RFC 9457: its status, slug and title in the class line, its extension
members as annotations. Type checkers see the members as keyword arguments of the constructor.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, dataclass_transform

from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
MEMBER = re.compile(r"[A-Za-z][A-Za-z0-9_]{2,}")
# What a problem document, or the exception that carries it, already has under these names.
_RESERVED = frozenset(
    {"type", "title", "status", "detail", "instance", "request_id", "errors", "headers", "args", "slug", "status_code"}
)


def phrase(status: int) -> str:
    """Give the status's own phrase; for an unofficial status that of its class."""
    return _PHRASES.get(status) or ("Client Error" if status < 500 else "Server Error")


def member(*, default: Any = ..., kw_only: bool = True) -> Any:
    """Declare a field to type checkers; nothing happens at run time."""


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(member,))
class _Members:
    """Makes type checkers read the annotations of the classes below as constructor arguments."""


class Problem(_Members, HTTPException):
    """An error with an HTTP answer of its own: a problem type of RFC 9457.

    ```python
    from brickwork import Problem

    class OutOfStockError(Problem, status=409, slug="out-of-stock", title="Out of stock"):
        sku: str
        available: int

    error = OutOfStockError("Only 2 left.", sku="A1", available=2)
    print(error.status_code, error.sku)
    #> 409 A1
    ```

    It is a Starlette `HTTPException`: an app that installed nothing answers with the right status, the headers and a
    JSON ``detail``; with the handlers of `brickwork.problems` the whole problem document goes out.

    Class keywords:
        - `status`: HTTP status, 400 to 599. Inherited where left out; 500 at the top.
        - `slug`: Names the problem type, in kebab case; the type URI is made of it. Without one it is `about:blank`.
        - `title`: What is wrong, the same for every occurrence. Made from the slug where left out.

    Args:
        detail: What is wrong this time, for the person who reads it. Never put a secret or a stored value in it.
        headers: Headers of the answer, such as ``Retry-After``.
        **members: The extension members that the class declares.

    Raises:
        TypeError: A member is missing or was not declared.
        ValueError: (for the class itself) status, slug or title make no sense, or a member takes a reserved name.

    Reference: RFC 9457, sections 3 and 4.
    """

    status: ClassVar[int] = 500
    slug: ClassVar[str | None] = None
    title: ClassVar[str] = "Internal Server Error"
    __members__: ClassVar[Mapping[str, Any]] = {}
    # What a specification names as no Python attribute can be, by the attribute that holds it.
    __wire_names__: ClassVar[Mapping[str, str]] = {}
    # Headers of the answer that clients act upon, as OpenAPI describes them.
    __headers__: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    if TYPE_CHECKING:
        detail: str = member(default="", kw_only=False)
        headers: Mapping[str, str] | None = member(default=None)

    def __init_subclass__(cls, *, status: int | None = None, slug: str | None = None, title: str | None = None) -> None:
        super().__init_subclass__()
        if status is not None:
            cls.status = _checked_status(cls, status)
        if slug is not None:
            cls.slug = _checked_slug(cls, slug)
        # RFC 9457, 3.1.3: one type has one title.
        if title is not None and slug is None:
            raise ValueError(f"{cls.__name__} has a title of its own, so its type needs a name too: add slug=")
        # RFC 9457, 4.2.1: about:blank has the title of its status.
        if cls.slug is None:
            cls.title = phrase(cls.status)
        elif slug is not None:
            cls.title = title or cls.slug.replace("-", " ").capitalize()
        cls.__members__ = {**cls.__members__, **_declared(cls)}

    if not TYPE_CHECKING:

        def __init__(self, detail: str = "", *, headers: Mapping[str, str] | None = None, **members: object) -> None:
            unknown = members.keys() - self.__members__.keys()
            if unknown:
                names = ", ".join(sorted(unknown))
                raise TypeError(f"{type(self).__name__} has no member {names}: declare it in the class")
            # A constructor of the class's own sets the members itself, after this one.
            if type(self).__init__ is Problem.__init__:
                self._require(members)
            super().__init__(self.status, detail or self.title, headers or None)
            self.__dict__.update(members)

    def _require(self, members: Mapping[str, object]) -> None:
        missing = [name for name in self.__members__ if name not in members and not hasattr(type(self), name)]
        if missing:
            raise TypeError(f"{type(self).__name__} needs {', '.join(missing)}=")

    def members(self) -> dict[str, object]:
        """Give the extension members by name, as they go on the wire: a member left at None, its default, does not."""
        return {
            self.__wire_names__.get(name, name): getattr(self, name)
            for name in self.__members__
            if hasattr(self, name) and not (getattr(type(self), name, ...) is getattr(self, name) is None)
        }

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _restore, (type(self), self.__dict__)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.status_code}, {self.detail!r})"


def _restore(cls: type[Problem], attributes: dict[str, Any]) -> Problem:
    problem = cls.__new__(cls)
    problem.__dict__.update(attributes)
    return problem


def _checked_status(cls: type, status: int) -> int:
    if type(status) is not int or not 400 <= status <= 599:
        raise ValueError(f"{cls.__name__}: status={status!r} is no error: use 400 to 599")
    return status


def _checked_slug(cls: type, slug: str) -> str:
    if not _SLUG.fullmatch(slug):
        raise ValueError(f'{cls.__name__}: slug={slug!r} must be lower-case words joined by hyphens, as "out-of-stock"')
    return slug


def _declared(cls: type) -> dict[str, Any]:
    """Gather the members that the class itself annotates, and refuse names that cannot go on the wire."""
    found: dict[str, Any] = {}
    for name, annotation in inspect.get_annotations(cls).items():
        class_level = str(annotation).startswith(("ClassVar", "typing.ClassVar"))
        if name.startswith("_") or class_level:
            continue
        if name in _RESERVED:
            raise ValueError(f"{cls.__name__}.{name}: a problem already has a {name}; choose another name")
        if not MEMBER.fullmatch(name):
            raise ValueError(f"{cls.__name__}.{name}: name a member with three or more of a-z, A-Z, 0-9 and _")
        found[name] = annotation
    return found
