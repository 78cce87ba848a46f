"""Filters as a class: each field is a query parameter, checked against the model when the class is written."""

from collections.abc import Iterator
from typing import Any, ClassVar, Protocol, Self, TypeVar, Unpack
from weakref import ref

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema
from sqlalchemy import ColumnElement, Select, event
from sqlalchemy.orm import Mapper

from .conditions import Condition, FieldForm, comparison
from .paths import named_operator, target_by_name

RESERVED = frozenset({"page", "size", "sort", "order", "cursor", "fields", "skip", "limit"})


class Filterable(Protocol):
    """A statement that takes conditions."""

    def where(self, *conditions: ColumnElement[bool]) -> Self:
        """Give the statement with these conditions added."""
        ...


Statement = TypeVar("Statement", bound=Filterable)


class FilterSet(BaseModel):
    """Query parameters that filter, one a field.

    The name of a field says what it asks for: a column, and after `__` an operator; without one it asks for equality. `category__slug` follows a relation,
    `attributes__color` goes into a JSON column. A parameter under any other name carries a marker.

    ```python
    class ProductFilter(FilterSet, model=Product):
        price__gte: Decimal | None = None
        status__in: list[Status] | None = None
        category__slug: str | None = None
        cheapest: Annotated[Decimal | None, Gte(Product.price)] = None
    ```

    A field that is None asks for nothing. What is wrong in the class (a column or an operator that does not exist, or an annotation that does
    not fit them) is refused when the class is written; what lies behind a relation, when every model is defined.

    Without `model=` the fields name attributes of any objects, and only `matches` works.

    Raises:
        TypeError: When the class is written: an annotation does not fit its column or operator.
        ValueError: When the class is written: an unknown column or operator, or a reserved name.
    """

    model_config = ConfigDict(protected_namespaces=())

    __model__: ClassVar[type | None] = None
    __conditions__: ClassVar[dict[str, Condition]] = {}
    __listing_fields__: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(
        cls, *, model: type | None = None, listing_fields: frozenset[str] = frozenset(), **config: Unpack[ConfigDict]
    ) -> None:
        super().__init_subclass__(**config)
        if model is not None:
            cls.__model__ = model
        cls.__listing_fields__ |= listing_fields

    @classmethod
    def __pydantic_init_subclass__(cls, **config: Any) -> None:
        """Check the fields against the model, and prepare their conditions."""
        super().__pydantic_init_subclass__()
        conditions = {}
        for name, info in cls.model_fields.items():
            if name not in cls.__listing_fields__:
                conditions[name] = cls.__conditions__.get(name) or _condition(cls.__model__, name, info)
                _equip(info, conditions[name], name)
        cls.__conditions__ = conditions
        cls.model_rebuild(force=True)
        if not all([each.prepare() for each in conditions.values()]):  # each must have its turn
            _prepare_later(cls)

    def apply(self, statement: Statement) -> Statement:
        """Give the statement with a condition for every parameter that was given.

        Raises:
            TypeError: The class has no model, or the statement takes no conditions.
        """
        if self.__model__ is None:
            name = type(self).__name__
            raise TypeError(
                f"{name} has no model, so it filters objects only; write class {name}(FilterSet, model=YourModel)"
            )
        if not isinstance(statement, Select):
            raise TypeError(
                f"apply takes a select() statement, not {type(statement).__name__}; filter it before it is combined"
            )
        conditions = [clause for condition, value in self._given() if (clause := condition.clause(value)) is not None]
        return statement.where(*conditions) if conditions else statement

    def matches(self, item: object) -> bool:
        """Decide whether an object or a mapping would be found.

        Raises:
            TypeError: A condition is written in SQL only.
        """
        return all(condition.holds(item, value) for condition, value in self._given())

    def _given(self) -> Iterator[tuple[Condition, Any]]:
        values = self.__dict__
        for name, condition in self.__conditions__.items():
            if (value := values[name]) is not None:
                yield condition, value


class _Checked:
    """Joins a condition to the validation and the JSON schema of its field."""

    def __init__(self, condition: Condition) -> None:
        self.condition = condition

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        inner = core_schema.no_info_before_validator_function(self.condition.read, handler(source))
        return core_schema.no_info_after_validator_function(self.condition.check, inner)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        described = handler(schema)
        self.condition.document(described)
        return described


def _condition(model: type | None, name: str, info: FieldInfo) -> Condition:
    if name in RESERVED:
        raise ValueError(
            f"{name} belongs to the listing itself; name the field otherwise, with a marker: Annotated[..., Eq(...)]"
        )
    form = FieldForm.of(name, info.annotation)
    for each in info.metadata:
        if hasattr(each, "condition"):
            made: Condition = each.condition(model, form)
            return made
    path, operator = named_operator(model, name)
    return comparison(form, operator, target_by_name(model, path, () if operator == "isnull" else form.python))


def _equip(info: FieldInfo, condition: Condition, name: str) -> None:
    if any(isinstance(each, _Checked) for each in info.metadata):
        return
    info.metadata.append(_Checked(condition))
    if info.default is not None:
        info.validate_default = True
    if info.description is None and condition.summary:
        info.description = f"{name.split('__')[0]} {condition.summary}"


def _prepare_later(filters: type[FilterSet]) -> None:
    """Check what lies behind relations as soon as every model is defined."""
    weak = ref(filters)

    def prepare() -> None:
        if (alive := weak()) is not None:
            for each in alive.__conditions__.values():
                each.prepare()

    event.listen(Mapper, "after_configured", prepare, once=True)
