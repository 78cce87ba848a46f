"""From the members of a message to a model."""

from functools import lru_cache
from typing import Any, Final, Generic, TypeVar

from pydantic import AliasChoices, BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticSerializationError, to_json

M = TypeVar("M", bound=BaseModel)

_ENVELOPE: Final = ("id", "re")


class Reader(Generic[M]):
    """Reads messages as one model.

    The members that say which message is answered are no part of the message, unless the model has fields for them.

    Args:
        model: What they are read as.
    """

    __slots__ = ("_left_out", "model")

    def __init__(self, model: type[M]) -> None:
        self.model: type[M] = model
        known = {name for item in model.model_fields.items() for name in wire_names(model, *item)}
        self._left_out = [name for name in _ENVELOPE if name not in known]

    def read(self, body: dict[str, Any]) -> M:
        """Read a message; changes ``body`` to what the model has seen.

        It is read from what the codec gave, which takes no longer than reading the JSON twice, works with any codec,
        and lets each error point to its place.

        Raises:
            pydantic.ValidationError: It does not fit the model.
        """
        for name in self._left_out:
            body.pop(name, None)
        try:
            return self.model.model_validate(body)
        except ValidationError as error:
            # A strict model takes a date, an enum or a tuple from JSON, and from nothing that JSON was read into.
            try:
                return self.model.model_validate_json(to_json(body))
            except ValidationError as strict:
                raise (strict if strict.error_count() < error.error_count() else error) from None
            except PydanticSerializationError:
                raise error from None


@lru_cache(maxsize=256)
def reader_of(model: type[M]) -> Reader[M]:
    """Give the reader of a model; the same as the last time, mostly."""
    return Reader(model)


def wire_names(model: type[BaseModel], name: str, field: FieldInfo) -> set[str]:
    """Give the names that a field of a model may have in a message."""
    alias = field.validation_alias or field.alias or name
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    names = {each for each in choices if isinstance(each, str)}
    config = model.model_config
    by_name = config.get("populate_by_name") or config.get("validate_by_name")
    return names | {name} if by_name else names
