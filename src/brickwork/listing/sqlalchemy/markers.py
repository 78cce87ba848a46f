"""Markers: a parameter under any name, compared with any column or expression."""

from typing import ClassVar, Protocol, runtime_checkable

from .conditions import MAX_VALUES, Condition, FieldForm, comparison
from .paths import Compared, name_of, target_of


@runtime_checkable
class Marker(Protocol):
    """What stands in `Annotated[...]` and says what a parameter asks for."""

    def condition(self, model: type | None, form: FieldForm) -> Condition:
        """Give the condition for a field."""
        ...


class _Compared(Marker):
    """A comparison with a column."""

    operator: ClassVar[str]

    def __init__(self, target: Compared) -> None:
        self.target = target

    def condition(self, model: type | None, form: FieldForm) -> Condition:
        """Give the condition for a field."""
        python = () if self.operator == "isnull" else form.python
        target = target_of(model, self.target, python)
        return comparison(form, self.operator, target, label=name_of(self.target, form.name))


class Eq(_Compared):
    """Equal to the value.

    A field says ``kind: Annotated[str | None, Eq(Product.category_name)] = None``.

    Args:
        target: An attribute of a model, `Related(...)`, any SQL expression, or a path such as `"category.slug"`.
    """

    operator = "eq"


class Ne(_Compared):
    """Other than the value; a row without a value matches too."""

    operator = "ne"


class Gt(_Compared):
    """Greater than the value."""

    operator = "gt"


class Gte(_Compared):
    """At least the value."""

    operator = "gte"


class Lt(_Compared):
    """Less than the value."""

    operator = "lt"


class Lte(_Compared):
    """At most the value."""

    operator = "lte"


class Contains(_Compared):
    """Containing the text, upper and lower case told apart."""

    operator = "contains"


class StartsWith(_Compared):
    """Beginning with the text, upper and lower case told apart."""

    operator = "startswith"


class EndsWith(_Compared):
    """Ending with the text, upper and lower case told apart."""

    operator = "endswith"


class IContains(_Compared):
    """Containing the text, whatever the case."""

    operator = "icontains"


class IStartsWith(_Compared):
    """Beginning with the text, whatever the case."""

    operator = "istartswith"


class IEndsWith(_Compared):
    """Ending with the text, whatever the case."""

    operator = "iendswith"


class IExact(_Compared):
    """Equal to the text, whatever the case."""

    operator = "iexact"


class IsNull(_Compared):
    """Without a value (true) or with one (false)."""

    operator = "isnull"


class Between(_Compared):
    """Between two values, both included."""

    operator = "between"


class _Listed(_Compared):
    """A comparison with a list of values.

    Args:
        target: As in `Eq`.
        max_values: How many values a request may send.
    """

    def __init__(self, target: Compared, *, max_values: int = MAX_VALUES) -> None:
        if max_values < 1:
            raise ValueError(f"max_values must be at least 1, not {max_values}")
        super().__init__(target)
        self.max_values = max_values

    def condition(self, model: type | None, form: FieldForm) -> Condition:
        """Give the condition for a field."""
        target = target_of(model, self.target, form.python)
        label = name_of(self.target, form.name)
        return comparison(form, self.operator, target, label=label, max_values=self.max_values)


class In(_Listed):
    """One of the values."""

    operator = "in"


class NotIn(_Listed):
    """None of the values; a row without a value matches too."""

    operator = "not_in"
