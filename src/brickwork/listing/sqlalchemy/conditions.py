"""One parameter of a filter: what it takes, the SQL it adds, and the same question to an object in Python."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Protocol, Union, cast, get_args, get_origin

from pydantic_core import PydanticCustomError
from sqlalchemy import ColumnElement, not_

from .._rules.operators import OPERATORS, Operator
from .._rules.values import Kind, kind_of_types, split_values
from .clauses import CLAUSES
from .related import RelatedTarget
from .targets import Target

MAX_VALUES = 100
# EXISTS turns a question about a column around only as a whole: "no related row equals", not "a related row differs".
_OPPOSITE = {"ne": "eq", "not_in": "in"}
_COLLECTIONS = (list, set, frozenset, tuple)


class Condition(Protocol):
    """One parameter of a filter."""

    @property
    def summary(self) -> str | None:
        """What the parameter asks for, for people who read the documentation."""
        ...

    def prepare(self) -> bool:
        """Check what can be checked before every model is defined, and say whether that was all."""
        ...

    def read(self, raw: Any) -> Any:
        """Prepare what the client sent for pydantic."""
        ...

    def check(self, value: Any) -> Any:
        """Refuse what pydantic let through and the database could not take."""
        ...

    def clause(self, value: Any) -> ColumnElement[bool] | None:
        """Give the SQL; None where the value asks for nothing."""
        ...

    def holds(self, item: object, value: Any) -> bool:
        """Decide in Python what the SQL decides in a database."""
        ...

    def document(self, schema: dict[str, Any]) -> None:
        """Add bounds to the parameter's JSON schema."""
        ...


@dataclass(frozen=True, slots=True)
class FieldForm:
    """What the annotation of a field allows.

    Attributes:
        name: Of the field.
        annotation: As it is written, without None.
        many: Whether it takes several values.
        python: The types of one value.
    """

    name: str
    annotation: Any
    many: bool
    python: tuple[type, ...]

    @classmethod
    def of(cls, name: str, annotation: Any) -> "FieldForm":
        """Read an annotation."""
        bare = without_none(annotation)
        many = get_origin(bare) in _COLLECTIONS or bare in _COLLECTIONS
        elements = [each for each in get_args(bare) if each is not Ellipsis] or [Any] if many else [bare]
        return cls(name, bare, many, tuple(dict.fromkeys(each for element in elements for each in _types(element))))


def without_none(annotation: Any) -> Any:
    """Give an annotation without the None that stands for "not asked"."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in {Union, UnionType}:
        rest = [each for each in get_args(annotation) if each is not NoneType]
        return without_none(rest[0]) if len(rest) == 1 else Union[tuple(rest)]  # noqa: UP007 - made of values
    return annotation


def _types(annotation: Any) -> Iterable[type]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _types(get_args(annotation)[0])
    elif origin in {Union, UnionType}:
        for each in get_args(annotation):
            yield from _types(each)
    elif origin is Literal:
        yield from (type(each) for each in get_args(annotation))
    else:
        yield annotation if isinstance(annotation, type) else object


class Comparison:
    """A column compared by one operator.

    Args:
        form: What the field takes.
        operator: How it compares.
        target: What is compared.
        label: The name of the target, for people.
        max_values: How many values a list may have.
    """

    def __init__(
        self, form: FieldForm, operator: Operator, target: Target, *, label: str, max_values: int = MAX_VALUES
    ) -> None:
        self._label = label
        self._written = kind_of_types(form.python)
        self._form = form
        self._operator = operator
        self._target = target
        self._max_values = max_values
        self._checked: Kind | None = None
        self._build = CLAUSES[operator.name]
        _refuse_form(form, operator)

    @property
    def summary(self) -> str:
        """What the parameter asks for."""
        return f"{self._label} {self._operator.summary}"

    def prepare(self) -> bool:
        """Check what can be checked before every model is defined, and say whether that was all."""
        ready = self._target.ready
        if ready:
            self._kind()
        return ready

    def read(self, raw: Any) -> Any:
        """Split lists, and refuse text that is not written as such a value is."""
        if self._operator.takes == "many":
            raw = split_values(raw, self._max_values)
        elif self._operator.takes == "pair":
            raw = split_values(raw)
            if isinstance(raw, list | tuple) and len(cast("Sequence[object]", raw)) != 2:
                raise PydanticCustomError("not_two_values", "Input should be two values: the lower and the upper bound")
        if isinstance(raw, list | tuple):
            return [self._written.read(each) for each in cast("Iterable[object]", raw)]
        return self._written.read(raw)

    def check(self, value: Any) -> Any:
        """Refuse values that the column could never hold."""
        if value is None:
            return None
        kind = self._kind()
        if not self._form.many:
            return kind.check(value)
        checked = type(value)(kind.check(each) for each in value)
        if self._operator.takes == "pair" and checked[0] > checked[1]:
            raise PydanticCustomError("reversed_bounds", "Input should have the lower bound first")
        return checked

    def clause(self, value: Any) -> ColumnElement[bool]:
        """Give the SQL."""
        if isinstance(self._target, RelatedTarget):
            return self._far_clause(self._target, value)
        return self._target.where(lambda column: self._build(column, value))

    def _far_clause(self, target: RelatedTarget, value: Any) -> ColumnElement[bool]:
        name = self._operator.name
        if name == "isnull":
            present = target.where(lambda column: column.is_not(None))
            return not_(present) if value else present
        build = CLAUSES[_OPPOSITE.get(name, name)]
        exists = target.where(lambda column: build(column, value))
        return not_(exists) if self._operator.negated else exists

    def holds(self, item: object, value: Any) -> bool:
        """Decide in Python what the SQL decides in a database."""
        return self._operator.holds(self._target.found(item), value)

    def document(self, schema: dict[str, Any]) -> None:
        """Add bounds to the parameter's JSON schema."""
        kind = self._kind()
        if self._operator.takes == "many":
            each_of_type(schema, "array", {"maxItems": self._max_values})
        if kind.minimum is not None:
            for name in ("integer", "number"):
                each_of_type(schema, name, {"minimum": _number(kind.minimum), "maximum": _number(kind.maximum)})

    def _kind(self) -> Kind:
        """Give what the column holds, once it is known that operator and annotation fit it."""
        if self._checked is None:
            kind = self._target.kind
            if self._operator.takes == "flag":
                kind = Kind("boolean")
            elif kind is None:
                raise TypeError(
                    f"{self._form.name}: values cannot be compared with this column, only isnull asks about it; "
                    "use Where(...) for more"
                )
            else:
                self._refuse_misfits(kind)
            self._checked = kind
        return self._checked

    def _refuse_misfits(self, kind: Kind) -> None:
        name, operator = self._form.name, self._operator.name
        if self._operator.text and kind.name not in {"text", "any"}:
            raise TypeError(
                f"{name}: {operator} compares text, and this column holds {kind.name}; use eq, in or an order instead"
            )
        if self._operator.ordered and not kind.ordered:
            raise TypeError(f"{name}: {operator} needs an order, and a column of {kind.name} has none; use eq or in")
        for each in self._form.python:
            if kind.python and not _fits(each, kind.python):
                names = " or ".join(known.__name__ for known in kind.python)
                raise TypeError(
                    f"{name}: the column holds {names}, and the field is annotated {each.__name__}; annotate it {names}"
                )


def _fits(given: type, known: tuple[type, ...]) -> bool:
    if given in {bool, datetime}:  # they subclass int and date, and mean something else
        return given in known
    return issubclass(given, known)


def _refuse_form(form: FieldForm, operator: Operator) -> None:
    many = operator.takes in {"many", "pair"}
    if many is not form.many:
        example = {
            "many": "list[...] | None",
            "pair": "list[...] | None",
            "one": "one type, such as str | None",
            "flag": "bool | None",
        }
        raise TypeError(f"{form.name}: {operator.name} takes {operator.takes}; annotate it {example[operator.takes]}")
    if operator.takes == "pair" and get_origin(form.annotation) not in {list, tuple}:
        raise TypeError(f"{form.name}: between takes a lower and an upper bound; annotate it list[...] | None")
    if operator.takes == "flag" and form.python != (bool,):
        raise TypeError(f"{form.name}: isnull takes true or false; annotate it bool | None")


def comparison(form: FieldForm, name: str, target: Target, *, label: str, max_values: int = MAX_VALUES) -> Comparison:
    """Compare a target by the operator of that name."""
    return Comparison(form, OPERATORS[name], target, label=label, max_values=max_values)


def each_of_type(schema: object, kind: str, more: dict[str, Any]) -> None:
    """Add to every part of a schema that describes values of a type."""
    if isinstance(schema, list):
        for each in cast("list[object]", schema):
            each_of_type(each, kind, more)
    elif isinstance(schema, dict):
        part = cast("dict[str, object]", schema)
        if part.get("type") == kind:
            part.update({name: value for name, value in more.items() if name not in part})
        for name in ("anyOf", "items", "prefixItems"):
            each_of_type(part.get(name), kind, more)


def _number(limit: Decimal | int | None) -> float | int | None:
    return float(limit) if isinstance(limit, Decimal) else limit
