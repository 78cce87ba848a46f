"""Filters as a class: each field is a query parameter, checked against the model when the class is written."""

from collections.abc import Iterable, Iterator
from inspect import get_annotations
from typing import Any, ClassVar, Protocol, Self, TypeVar, Unpack
from weakref import ref

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema
from sqlalchemy import ColumnElement, Select, event
from sqlalchemy.orm import Mapper

from .conditions import Condition, FieldForm, comparison
from .markers import Marker
from .paths import named_operator, target_by_name


class Filterable(Protocol):
    """A statement that takes conditions."""

    def where(self, *conditions: ColumnElement[bool]) -> Self:
        """Give the statement with these conditions added."""
        ...


Statement = TypeVar("Statement", bound=Filterable)
Item = TypeVar("Item")


class FilterSet(BaseModel):
    """Query parameters that filter, one a field.

    The name of a field says what it asks for: a column, and after `__` an operator; without one it asks for equality.
    `category__slug` follows a relation, `attributes__color` goes into a JSON column. A parameter under any other name
    carries a marker.

    ```python
    from decimal import Decimal
    from typing import Annotated

    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

    from brickwork.listing import FilterSet, Lte

    class Base(DeclarativeBase): ...

    class Product(Base):
        __tablename__ = "product"
        name: Mapped[str] = mapped_column(primary_key=True)
        price: Mapped[Decimal]

    class ProductFilter(FilterSet, model=Product):
        name__in: list[str] | None = None
        price__gte: Decimal | None = None
        at_most: Annotated[Decimal | None, Lte(Product.price)] = None
    ```

    A field that is None asks for nothing. What is wrong in the class (a column or an operator that does not exist, or
    an annotation that does not fit them) is refused when the class is written; what lies behind a relation, when every
    model is defined.

    Without `model=` the fields name attributes of any objects, and only `matches` works.

    Raises:
        TypeError: When the class is written: an annotation does not fit its column or operator, or a path leads to
            nothing behind a relation.
        ValueError: When the class is written: an unknown column or operator, or a name that would hide a method.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(protected_namespaces=())

    __model__: ClassVar[type | None] = None
    __conditions__: ClassVar[dict[str, Condition]] = {}
    __listing_fields__: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(
        cls, *, model: type | None = None, listing_fields: frozenset[str] = frozenset(), **config: Unpack[ConfigDict]
    ) -> None:
        super().__init_subclass__(**config)
        for name in get_annotations(cls):
            if hasattr(FilterSet, name) and not name.startswith("__"):
                raise ValueError(
                    f"{cls.__name__}.{name} would hide {name} of FilterSet; name the field otherwise and say what it "
                    f"asks for: Annotated[..., Eq(...)], with Field(alias={name!r}) to keep the parameter's name"
                )
        if model is not None:
            cls.__model__ = model
        cls.__listing_fields__ |= listing_fields

    @classmethod
    def __pydantic_init_subclass__(cls, **config: Any) -> None:
        """Check the fields against the model, and prepare their conditions."""
        super().__pydantic_init_subclass__()
        if not cls.__pydantic_complete__:
            raise TypeError(f"{cls.__name__}: write the class below what its annotations name")
        cls.__conditions__ = {
            name: _equipped(cls.__model__, name, info)
            for name, info in cls.model_fields.items()
            if name not in cls.__listing_fields__
        }
        cls.model_rebuild(force=True)
        if not _prepared(cls):
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
        _refuse_other_statements(statement)
        conditions = [clause for condition, value in self._given() if (clause := condition.clause(value)) is not None]
        return statement.where(*conditions) if conditions else statement

    def matches(self, item: object) -> bool:
        """Decide whether an object or a mapping would be found.

        Raises:
            TypeError: A condition is written in SQL only.
        """
        return all(condition.holds(item, value) for condition, value in self._given())

    def matching(self, items: Iterable[Item]) -> list[Item]:
        """Give the objects or mappings that would be found, in their order.

        Raises:
            TypeError: A condition is written in SQL only.
        """
        found = list(items)
        for condition, value in self._given():
            found = [item for item in found if condition.holds(item, value)]
        return found

    def _given(self) -> Iterator[tuple[Condition, Any]]:
        values = self.__dict__
        for name, condition in self.__conditions__.items():
            if (value := values.get(name)) is not None:
                yield condition, value


class _Checked:
    """Joins a condition to the validation and the JSON schema of its field."""

    def __init__(self, condition: Condition, model: type | None) -> None:
        self.joined = condition
        self.model = model

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        inner = core_schema.no_info_before_validator_function(self.joined.read, handler(source))
        return core_schema.no_info_after_validator_function(self.joined.check, inner)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        described = handler(schema)
        self.joined.document(described)
        return described


def _refuse_other_statements(statement: object) -> None:
    if not isinstance(statement, Select):
        raise TypeError(
            f"apply takes a select() statement, not {type(statement).__name__}; filter it before it is combined"
        )


def _equipped(model: type | None, name: str, info: FieldInfo) -> Condition:
    """Give the condition of a field, and join it to the field; an inherited field has its own already."""
    for each in info.metadata:
        if isinstance(each, _Checked) and each.model is model:
            return each.joined
    condition = _condition(model, name, info)
    own = [each for each in info.metadata if not isinstance(each, _Checked)]
    info.metadata = [*own, _Checked(condition, model)]  # not changed in place: a copy of the field shares its list
    if info.default is not None:
        info.validate_default = True
    info.title = info.title or name.replace("_", " ").replace("  ", " ").capitalize()
    info.description = info.description or condition.summary
    return condition


def _condition(model: type | None, name: str, info: FieldInfo) -> Condition:
    form = FieldForm.of(name, info.annotation)
    for each in info.metadata:
        if isinstance(each, Marker):
            return each.condition(model, form)
    path, operator = named_operator(model, name)
    target = target_by_name(model, path, () if operator == "isnull" else form.python)
    return comparison(form, operator, target, label=path.replace("__", "."))


def _prepared(filters: type[FilterSet]) -> bool:
    """Check every condition, and say whether that was all."""
    left = [each for each in filters.__conditions__.values() if not each.prepare()]
    return not left


def _prepare_later(filters: type[FilterSet]) -> None:
    """Check what lies behind relations as soon as every model is defined."""
    weak = ref(filters)

    def prepare() -> None:
        if (alive := weak()) is not None:
            _prepared(alive)

    event.listen(Mapper, "after_configured", prepare, once=True)
