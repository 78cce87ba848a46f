"""The query parameters of a listing: one model of its filters, its pages and its sort."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, cast, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, create_model
from pydantic.fields import FieldInfo

from ..._core.shapes import is_list
from .._rules.styles import Keyset, Offset, ParameterName, Style
from .._rules.values import Kind, split_values
from ..sqlalchemy.conditions import MAX_VALUES
from ..sqlalchemy.filters import FilterSet
from ..sqlalchemy.sort import Sort, check_terms

PREFIX: Final = "listing_"

# Pydantic alone also takes "1_000", "1e3" and the digits of every script.
Integer = Annotated[int, BeforeValidator(Kind("integer").read)]
# An annotation, and what `Field` takes besides the name on the wire.
Definition = tuple[Any, dict[str, Any]]


def merged_model(
    filters: type[FilterSet],
    *,
    model: type[Any] | None,
    style: Style,
    sort: Sort,
    selectable: Sequence[str],
    names: Mapping[ParameterName, str],
) -> type[FilterSet]:
    """Make the one model that FastAPI reads the query with, so that OpenAPI shows every parameter.

    Args:
        filters: Its fields are the filters.
        model: What they filter, unless they say so themselves.
        style: How the listing is cut into pages.
        sort: What it can be sorted by.
        selectable: The fields that a client may choose from; none where it may not choose.
        names: Parameters that go by another name on the wire.

    Raises:
        TypeError: A filter does not fit the model.
        ValueError: Two parameters have one name, a parameter is renamed that the listing does not have, or a filter
            names what the model does not have.
    """
    own: dict[ParameterName, Definition] = {**_of_style(style), **_of_sort(sort, names), **_of_fields(selectable)}
    unused = [name for name in names if name not in own]
    if unused:
        raise ValueError(f"names={{{unused[0]!r}: …}}: this listing has no such parameter; it has {', '.join(own)}")
    taken = {alias(name, field) for name, field in filters.model_fields.items()}
    fields: dict[str, tuple[Any, Any]] = {}
    for name, (annotation, options) in own.items():
        wire = names.get(name, name)
        if wire in taken:
            raise ValueError(f"two parameters are called {wire!r}: rename one with names={{{name!r}: …}}")
        taken.add(wire)
        fields[PREFIX + name] = (annotation, Field(alias=wire, **options))
    make = cast("Callable[..., type[FilterSet]]", create_model)
    return make(
        f"{filters.__name__}Query",
        __base__=filters,
        __module__=filters.__module__,
        __cls_kwargs__={"listing_fields": frozenset(fields), "model": filters.__model__ or model},
        **fields,
    )


def alias(name: str, field: FieldInfo) -> str:
    """Give the name of a field on the wire."""
    other = field.validation_alias or field.alias
    return other if isinstance(other, str) else name


def own_names(model: type[FilterSet]) -> dict[ParameterName, str]:
    """Give the names on the wire of the parameters that `merged_model` added to the filters."""
    own = {name: model.model_fields[name] for name in model.__listing_fields__}
    return {cast("ParameterName", name.removeprefix(PREFIX)): alias(name, field) for name, field in own.items()}


def wire_names(model: type[BaseModel]) -> dict[str, bool]:
    """Give the parameters of a query model, and of each whether it takes several values."""
    return {alias(name, field): _is_many(field.annotation) for name, field in model.model_fields.items()}


def _is_many(annotation: Any) -> bool:
    origin = getattr(annotation, "__origin__", annotation)
    if isinstance(origin, type):
        return issubclass(origin, list | tuple | set | frozenset)
    return any(_is_many(each) for each in get_args(annotation))


def _of_style(style: Style) -> dict[ParameterName, Definition]:
    if isinstance(style, Keyset):
        said = "Where to go on: the cursor of a page that was given; the first page where left out."
        return {
            "cursor": (str | None, {"default": None, "description": said}),
            "size": _sized(style.size, style.max_size, style),
        }
    # A page has one row at least, so no page that can be reached has a higher number.
    if isinstance(style, Offset):
        page = (
            Integer,
            {"default": 1, "ge": 1, "le": style.max_offset + 1, "description": "Number of the page; the first is 1."},
        )
        return {"page": page, "size": _sized(style.size, style.max_size, style)}
    skip = (
        Integer,
        {"default": 0, "ge": 0, "le": style.max_offset, "description": "Rows to leave out before the first one given."},
    )
    return {"skip": skip, "limit": _sized(style.limit, style.max_limit, style)}


def _sized(size: int, most: int, style: Style) -> Definition:
    if style.clamp:
        said = f"Rows given at most; more than {most} counts as {most}."
        clamped = Annotated[Integer, AfterValidator(lambda value: min(value, most))]
        return clamped, {"default": size, "ge": 1, "description": said}
    return Integer, {"default": size, "ge": 1, "le": most, "description": "Rows given at most."}


def _of_sort(sort: Sort, names: Mapping[ParameterName, str]) -> dict[ParameterName, Definition]:
    if not sort.names:
        return {}
    if "order" in names:
        said = f"Direction to sort in, with `{names.get('sort', 'sort')}` beside it; upwards where left out."
        return {
            "sort": (_one_of(sort.names) | None, {"default": None, "description": "Field to sort by."}),
            "order": (Literal["asc", "desc"] | None, {"default": None, "description": said}),
        }
    terms = [sign + name for name in sort.names for sign in ("", "-")]
    annotation = _list_of(terms, BeforeValidator(_terms), AfterValidator(check_terms))
    said = "Fields to sort by, the first one first; `-` before a field sorts it downwards."
    if sort.default:
        said += f" By default: {','.join(sort.default)}."
    return {"sort": (annotation, {"default_factory": list, "description": said})}


def _of_fields(selectable: Sequence[str]) -> dict[ParameterName, Definition]:
    if not selectable:
        return {}
    most = max(MAX_VALUES, len(selectable))
    annotation = _list_of(selectable, BeforeValidator(lambda values: split_values(values, most)))
    return {"fields": (annotation, {"default_factory": list, "description": "Fields to give of each item."})}


def _one_of(values: Iterable[str]) -> Any:
    return cast("Any", Literal)[tuple(values)]


def _list_of(values: Iterable[str], *validators: object) -> Any:
    return cast("Any", Annotated)[(cast("Any", list)[_one_of(values)], *validators)]


def _terms(values: object) -> object:
    """Split a sort into terms; a ``+`` before one means what none means, and arrives as a space."""
    parts = split_values(values, MAX_VALUES)
    return [str(each).lstrip(" +") for each in parts] if is_list(parts) else parts
