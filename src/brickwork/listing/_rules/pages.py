"""Pages as they go on the wire, and what they are built of; an own envelope is a subclass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageResult(Generic[Item]):
    """What was read for one page by number or offset: the material of an `Envelope`.

    Attributes:
        items: The rows of this page, not yet converted.
        size: Rows that a page holds at most.
        offset: Rows before this page.
        has_next: Whether rows follow.
        total: Rows on all pages, or None where they were not counted.
        total_is_estimate: Whether the total is the planner's guess, or a bound that was reached.
        links: Targets by relation (``first``, ``prev``, ``next``, ``last``), relative to the server.
    """

    items: Sequence[Item]
    size: int
    offset: int
    has_next: bool
    total: int | None = None
    total_is_estimate: bool = False
    links: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def page(self) -> int:
        """The number of this page; the first is 1."""
        return self.offset // self.size + 1

    @property
    def pages(self) -> int | None:
        """How many pages the total makes; None where it was not counted."""
        return None if self.total is None else -(-self.total // self.size)

    @property
    def has_previous(self) -> bool:
        """Whether rows come before."""
        return self.offset > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorResult(Generic[Item]):
    """What was read for one page by cursor: the material of a `CursorEnvelope`.

    Attributes:
        items: The rows of this page, not yet converted.
        size: Rows that a page holds at most.
        next: Cursor of the page after this one, or None at the end.
        previous: Cursor of the page before this one, or None at the beginning.
        links: Targets by relation (``first``, ``prev``, ``next``), relative to the server.
    """

    items: Sequence[Item]
    size: int
    next: str | None = None
    previous: str | None = None
    links: Mapping[str, str] = field(default_factory=dict[str, str])


class Envelope(BaseModel, Generic[Item]):
    """The shape of a page by number or offset: subclass it for a shape of your own.

    ```python
    from collections.abc import Mapping
    from typing import TypeVar

    from brickwork.listing import Envelope, PageResult

    Item = TypeVar("Item")

    class Answer(Envelope[Item]):
        data: list[Item]
        count: int | None

        @classmethod
        def build(cls, result: PageResult[object]) -> Mapping[str, object]:
            return {"data": result.items, "count": result.total}
    ```

    `ListQuery.page` takes it with its items: ``into=Answer[ProductOut]``.
    """

    @classmethod
    def build(cls, result: PageResult[Any]) -> Mapping[str, object]:
        """Give the fields of the envelope by name; rows go in as they are and are converted with it.

        Raises:
            NotImplementedError: The subclass does not say how it is built.
        """
        raise NotImplementedError(f"{cls.__name__} must say how it is built: override the class method build(result)")


class Page(Envelope[Item]):
    """One page of many, with its number and what is known of the others.

    Attributes:
        items: The rows of this page.
        page: The number of this page; the first is 1.
        size: Rows that a page holds at most.
        pages: How many pages there are, or null where they were not counted.
        has_next: Whether a page follows.
        has_previous: Whether a page comes before.
        total: Rows on all pages, or null where they were not counted.
        total_is_estimate: Whether the total is not exact.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(from_attributes=True)

    items: list[Item]
    page: int = Field(ge=1, description="Number of this page; the first is 1.")
    size: int = Field(ge=1, description="Rows that a page holds at most.")
    pages: int | None = Field(default=None, description="How many pages there are; null where they were not counted.")
    has_next: bool = Field(description="Whether a page follows.")
    has_previous: bool = Field(description="Whether a page comes before.")
    total: int | None = Field(default=None, description="Rows on all pages; null where they were not counted.")
    total_is_estimate: bool = Field(default=False, description="Whether the total is not exact.")

    @classmethod
    def build(cls, result: PageResult[Any]) -> Mapping[str, object]:
        """Give the fields of the page by name."""
        return {
            "items": result.items,
            "page": result.page,
            "size": result.size,
            "pages": result.pages,
            "has_next": result.has_next,
            "has_previous": result.has_previous,
            "total": result.total,
            "total_is_estimate": result.total_is_estimate,
        }


class LimitOffsetPage(Envelope[Item]):
    """A stretch of rows, for clients that say how many to skip and how many to give.

    Attributes:
        items: The rows of this stretch.
        skip: Rows before it.
        limit: Rows that it holds at most.
        has_next: Whether rows follow.
        has_previous: Whether rows come before.
        total: All rows, or null where they were not counted.
        total_is_estimate: Whether the total is not exact.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(from_attributes=True)

    items: list[Item]
    skip: int = Field(ge=0, description="Rows before these.")
    limit: int = Field(ge=1, description="Rows given at most.")
    has_next: bool = Field(description="Whether rows follow.")
    has_previous: bool = Field(description="Whether rows come before.")
    total: int | None = Field(default=None, description="All rows; null where they were not counted.")
    total_is_estimate: bool = Field(default=False, description="Whether the total is not exact.")

    @classmethod
    def build(cls, result: PageResult[Any]) -> Mapping[str, object]:
        """Give the fields of the stretch by name."""
        return {
            "items": result.items,
            "skip": result.offset,
            "limit": result.size,
            "has_next": result.has_next,
            "has_previous": result.has_previous,
            "total": result.total,
            "total_is_estimate": result.total_is_estimate,
        }


class CursorEnvelope(BaseModel, Generic[Item]):
    """The shape of a page by cursor: subclass it for a shape of your own, as `Envelope` shows."""

    @classmethod
    def build(cls, result: CursorResult[Any]) -> Mapping[str, object]:
        """Give the fields of the envelope by name; rows go in as they are and are converted with it.

        Raises:
            NotImplementedError: The subclass does not say how it is built.
        """
        raise NotImplementedError(f"{cls.__name__} must say how it is built: override the class method build(result)")


class CursorPage(CursorEnvelope[Item]):
    """One page of a walk through all rows, with the cursors of its neighbours.

    Attributes:
        items: The rows of this page.
        next: Cursor of the page after this one; null at the end.
        previous: Cursor of the page before this one; null at the beginning.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(from_attributes=True)

    items: list[Item]
    next: str | None = Field(default=None, description="Cursor of the next page; null at the end.")
    previous: str | None = Field(default=None, description="Cursor of the page before; null at the beginning.")

    @classmethod
    def build(cls, result: CursorResult[Any]) -> Mapping[str, object]:
        """Give the fields of the page by name."""
        return {"items": result.items, "next": result.next, "previous": result.previous}
