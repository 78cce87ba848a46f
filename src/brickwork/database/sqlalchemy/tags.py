"""The entity tag of a row: its version, as a client gets to see it."""

from hashlib import blake2b
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import InstanceState

from ..._core.entity_tags import EntityTag


def etag_of(entity: object) -> EntityTag:
    """Give the entity tag of a row's present state, a strong one, made of its table, key and version.

    It tells nothing but whether the row has changed, and stays the same over processes and restarts. Rows that it
    refers to do not count: what shows them too needs a tag of its own.

    Args:
        entity: A row whose model has a version column, as `Versioned` gives it one.

    Raises:
        TypeError: It is no row of a model, or its model has no version column.
        ValueError: It was not written yet, so it has no version.

    Reference: RFC 9110, section 8.8.3.
    """
    state: InstanceState[Any] | None = inspect(entity, raiseerr=False)
    if not isinstance(state, InstanceState):
        raise TypeError(f"{type(entity).__name__} is no row of a model: pass what the session gave you")
    mapper = state.mapper
    version_column = mapper.version_id_col
    if version_column is None:
        raise TypeError(
            f"{mapper.class_.__name__} has no version column, so its states cannot be told apart: add the mix-in "
            "Versioned, or version_id_col to its __mapper_args__"
        )
    version = state.dict.get(mapper.get_property_by_column(version_column).key)
    if version is None:
        raise ValueError(f"this {mapper.class_.__name__} has no version yet: flush the session before you ask for it")
    key = mapper.primary_key_from_instance(entity)
    named = "\x1f".join((mapper.local_table.description, *map(str, key), str(version)))
    return EntityTag(blake2b(named.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest())
