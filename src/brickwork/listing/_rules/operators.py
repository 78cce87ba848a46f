"""The operators of a filter: what each takes, and what it means in Python."""

import operator
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

Takes = Literal["one", "many", "pair", "flag"]


@dataclass(frozen=True, slots=True)
class Operator:
    """One way to compare a column with what the client sent.

    Attributes:
        name: As it is written after the last `__` of a field.
        takes: One value, a list of values, a lower and an upper bound, or true and false.
        summary: What follows the name of a column in a description.
        test: Whether a value that is not None passes; for `ne` and `not_in`, whether it is refused.
        text: Whether only text can be compared so.
        ordered: Whether only values with an order can be compared so.
        negated: Whether a row matches when nothing passes the test, NULL included.
    """

    name: str
    takes: Takes
    summary: str
    test: Callable[[Any, Any], bool]
    text: bool = False
    ordered: bool = False
    negated: bool = False

    def holds(self, found: Collection[object], value: object) -> bool:
        """Decide whether a row matches.

        Args:
            found: What the row holds under the path, without None; several values where the path leads to many rows.
            value: What the client sent.
        """
        if self.takes == "flag":
            return (not found) is value
        return any(self._passes(each, value) for each in found) is not self.negated

    def _passes(self, found: object, value: object) -> bool:
        try:
            return self.test(found, value)
        except TypeError:  # values of different types have no order: no match, as in a database
            return False


def _is_in(found: object, values: Iterable[object]) -> bool:
    return any(found == value for value in values)


def _between(found: Any, bounds: tuple[Any, Any]) -> bool:
    low, high = bounds
    return bool(low <= found <= high)


def _on_text(test: Callable[[str, str], bool], *, ignore_case: bool = False) -> Callable[[Any, Any], bool]:
    def compare(found: object, value: str) -> bool:
        if not isinstance(found, str):
            return False
        return test(found.lower(), value.lower()) if ignore_case else test(found, value)

    return compare


def _operators() -> Iterable[Operator]:
    yield Operator("eq", "one", "equal to this", operator.eq)
    yield Operator("ne", "one", "other than this", operator.eq, negated=True)
    yield Operator("gt", "one", "greater than this", operator.gt, ordered=True)
    yield Operator("gte", "one", "at least this", operator.ge, ordered=True)
    yield Operator("lt", "one", "less than this", operator.lt, ordered=True)
    yield Operator("lte", "one", "at most this", operator.le, ordered=True)
    yield Operator("in", "many", "one of these; several with commas between, or the parameter repeated", _is_in)
    yield Operator(
        "not_in", "many", "none of these; several with commas between, or the parameter repeated", _is_in, negated=True
    )
    yield Operator("between", "pair", "between these two, both included: lower,upper", _between, ordered=True)
    yield Operator("isnull", "flag", "absent (true) or present (false)", operator.is_)
    for prefix, ignore_case in (("", False), ("i", True)):
        words = ", whatever the case" if ignore_case else ""
        for name, summary, test in (
            ("contains", "containing this text", operator.contains),
            ("startswith", "beginning with this text", str.startswith),
            ("endswith", "ending with this text", str.endswith),
        ):
            yield Operator(prefix + name, "one", summary + words, _on_text(test, ignore_case=ignore_case), text=True)
    yield Operator(
        "iexact", "one", "equal to this text, whatever the case", _on_text(operator.eq, ignore_case=True), text=True
    )


OPERATORS = MappingProxyType({each.name: each for each in _operators()})
