"""Makes what a client gets of the rows that were read: converted items, an envelope, links, an entity tag."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any, Final, TypeGuard, TypeVar, cast

from fastapi import Request, Response
from pydantic import BaseModel, TypeAdapter

from ..._core.entity_tags import EntityTag, has_state
from ..._core.not_modified import NotModifiedError
from .._rules.links import link_header, targets
from .._rules.pages import CursorEnvelope, CursorPage, Envelope

Out = TypeVar("Out")

# Of generic models; pydantic has it for those who build upon them, under this name.
_METADATA: Final = "__pydantic_generic_metadata__"
AnyEnvelope = type[Envelope[Any]] | type[CursorEnvelope[Any]]


@dataclass(frozen=True)
class Selectable:
    """The fields of a model that a client may choose from.

    Attributes:
        model: The model that items are converted to.

    Raises:
        TypeError: The model writes more than its fields, so that a part of them is not enough for it.
    """

    model: type[BaseModel]

    def __post_init__(self) -> None:
        if self.model.model_computed_fields or self.model.__pydantic_decorators__.model_serializers:
            raise TypeError(
                f"fields={self.model.__name__}: a computed field or a model serializer may need a field that was not "
                "chosen; use a model without them"
            )

    @cached_property
    def names(self) -> Mapping[str, str]:
        """The model's own names by the names on the wire."""
        fields = self.model.model_fields.items()
        return {field.serialization_alias or field.alias or name: name for name, field in fields}

    @cached_property
    def adapter(self) -> TypeAdapter[list[Any]]:
        """What converts rows to a list of the model."""
        return list_of(self.model)

    def select(self, rows: Iterable[object], chosen: Sequence[str]) -> list[BaseModel]:
        """Convert rows, and keep only the chosen fields of each."""
        kept = {self.names[name] for name in chosen}
        return [_only(item, kept) for item in _converted(rows, self.adapter)]

    def refuse_other(self, into: type[Any]) -> None:
        """Refuse items of another model than that whose fields a client may choose.

        Raises:
            TypeError: What the page is converted to names another model, or an envelope of another one.
        """
        models = _models_in(into) if _is_envelope(into) else [into]
        if models and self.model not in models:
            raise TypeError(
                f"into={into.__name__}: clients of this listing choose among the fields of {self.model.__name__}; name "
                "one model both in Listing(…, fields=) and in into="
            )


def _only(item: BaseModel, kept: set[str]) -> BaseModel:
    # pydantic writes the attributes that an item has, and asks for no others.
    part = item.model_copy()
    for name in type(item).model_fields.keys() - kept:
        vars(part).pop(name, None)
    return part


class Answerer:
    """Makes the answer to one request.

    Args:
        request: Where the client's address and its entity tags are.
        response: Gets the headers.
        selectable: The fields that a client may choose from, where it may.
        chosen: The fields that it chose; none where it gets all.
        etag: Whether the page gets an entity tag.
        links: Whether there is a `Link` header.
    """

    def __init__(
        self,
        request: Request | None,
        response: Response | None,
        selectable: Selectable | None = None,
        chosen: Sequence[str] = (),
        *,
        etag: bool = False,
        links: bool = True,
    ) -> None:
        self._request = request
        self._response = response
        self._selectable = selectable
        self._chosen = chosen
        self._etag = etag
        self._links = links

    def link(self, relations: Mapping[str, Mapping[str, str | None]]) -> dict[str, str]:
        """Give the targets of the neighbouring pages, and put them onto the response."""
        if self._request is None:
            return {}
        scope = self._request.scope
        path, prefix = scope["path"], scope.get("root_path", "")
        # Behind a proxy that takes a prefix off, the client asked for more than came.
        if not f"{path}/".startswith(f"{prefix}/"):
            path = f"{prefix}{path}"
        found = targets(path, scope["query_string"], relations)
        if found and self._links and self._response is not None:
            # What the endpoint links to of its own stays.
            self._response.headers.append("link", link_header(found))
        return found

    def items(self, rows: Sequence[object], adapter: TypeAdapter[list[Out]], total: int | None) -> list[Out]:
        """Convert rows into a list of their own, without an envelope.

        Args:
            rows: The rows.
            adapter: What converts them.
            total: How many there are on all pages, which goes into a header; None where they were not counted.

        Raises:
            NotModifiedError: (304) The client has this list.
        """
        items = _converted(rows, adapter)
        if total is not None and self._response is not None:
            self._response.headers["x-total-count"] = str(total)
        self._tag(lambda: adapter.dump_json(items, by_alias=True) + str(total).encode())
        return items

    def page(self, shape: AnyEnvelope, result: Any, *, convert: bool) -> Any:
        """Fill an envelope; rows are converted to its items unless nothing says into what.

        Raises:
            NotModifiedError: (304) The client has this page.
        """
        fields = dict(shape.build(result))
        if not convert:
            return shape.model_construct(None, **fields)
        page = shape.model_validate(fields, from_attributes=True)
        self._tag(lambda: page.model_dump_json(by_alias=True).encode())
        return page

    def chosen_of(self, rows: Sequence[Any]) -> Sequence[Any]:
        """Convert rows to the fields that the client chose; all stay as they are where it did not."""
        if self._selectable is None or not self._chosen:
            return rows
        return self._selectable.select(rows, self._chosen)

    def _tag(self, write: Callable[[], bytes]) -> None:
        """Put an entity tag of what goes out onto the response; weak, since it may go out compressed.

        Reference: RFC 9110, sections 8.8.3 and 13.1.2.
        """
        if not self._etag or self._request is None or self._response is None:
            return
        tag = EntityTag(blake2b(write(), digest_size=16).hexdigest(), weak=True)
        self._response.headers["etag"] = str(tag)
        if has_state(self._request.headers.getlist("if-none-match"), tag):
            raise NotModifiedError(self._response.headers)


def list_of(item: Any) -> TypeAdapter[list[Any]]:
    """Make what converts and writes lists of a type; that takes longer than using it."""
    return TypeAdapter(cast("Any", list)[item])


def _converted(rows: Iterable[object], adapter: TypeAdapter[list[Out]]) -> list[Out]:
    return adapter.validate_python(list(rows), from_attributes=True)


def envelope_of(into: type[Any] | None, default: AnyEnvelope) -> AnyEnvelope:
    """Give the envelope to fill: the one that was asked for, or the usual one around items of a type."""
    if into is None:
        return default
    if not _is_envelope(into):
        return cast("AnyEnvelope", cast("Any", default)[into])
    walks = default is CursorPage
    if issubclass(into, CursorEnvelope) is not walks:
        wanted = "CursorEnvelope" if walks else "Envelope"
        raise TypeError(f"into={into.__name__}: pages of this kind need an envelope below {wanted}")
    return into


def _is_envelope(into: object) -> TypeGuard[AnyEnvelope]:
    return isinstance(into, type) and issubclass(into, Envelope | CursorEnvelope)


def _models_in(envelope: AnyEnvelope) -> list[type[BaseModel]]:
    """Give the models that an envelope, or a class that it is made from, was parametrized with."""
    given = [each for made in envelope.__mro__ for each in getattr(made, _METADATA, {}).get("args", ())]
    return [each for each in given if isinstance(each, type) and issubclass(each, BaseModel)]
