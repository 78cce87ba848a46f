"""Insert or update in one statement, where the database can."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, cast

from sqlalchemy import Column, ColumnElement, Integer, Table, and_, null
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapper
from sqlalchemy.sql.dml import ReturningInsert

from .models import SoftDelete
from .rows import is_computed, key_names, version_name

_INSERTS: Final[Mapping[str, Callable[[Any], postgresql.Insert | sqlite.Insert]]] = {
    "postgresql": postgresql.insert,
    "sqlite": sqlite.insert,
}


def first_version(mapper: Mapper[Any]) -> dict[str, Any]:
    """Give the version of a new row, where nothing else would."""
    column, generate = mapper.version_id_col, mapper.version_id_generator
    if column is None or not callable(generate):
        return {}
    return {version_name(mapper): generate(None)}


def upsert_statement(
    mapper: Mapper[Any], dialect: str, names: Collection[str], on: Sequence[str], where: Sequence[ColumnElement[bool]]
) -> ReturningInsert[Any]:
    """Give the statement that inserts rows, or updates those that are there.

    Args:
        mapper: Of the model.
        dialect: The database that it is for.
        names: The attributes that rows set.
        on: Those of them that tell whether a row is there.
        where: What a row that is there must fulfil to be updated.

    Raises:
        TypeError: The database has no such statement, or the model has more than one table.
    """
    insert = _INSERTS.get(dialect)
    if insert is None:
        raise TypeError(f"{dialect} has no INSERT … ON CONFLICT: get the row, then create or update it")
    if len(mapper.tables) > 1:
        raise TypeError(f"{mapper.class_.__name__} has more than one table, and a statement can only upsert into one")
    statement = insert(mapper.class_)
    columns = {each.key: mapper.columns[each.key] for each in mapper.column_attrs if not is_computed(each)}
    kept = {*on, *key_names(mapper), version_name(mapper)}
    changed: dict[Any, Any] = {
        columns[name]: statement.excluded[columns[name].key] for name in names if name not in kept
    }
    for name, column in columns.items():
        if column.onupdate is not None and name not in names:
            # A new row has the value of the moment as well.
            changed[column] = statement.excluded[column.key]
    if issubclass(mapper.class_, SoftDelete) and "deleted_at" not in names:
        changed[columns["deleted_at"]] = null()
    if mapper.version_id_col is not None:
        version = columns[version_name(mapper)]
        counts = isinstance(version.type, Integer)
        changed[version] = version + 1 if counts else statement.excluded[version.key]
    if not changed:
        # A row that is there must be touched to be returned.
        changed = {columns[on[0]]: statement.excluded[columns[on[0]].key]}
    unique = [columns[name] for name in on]
    return statement.on_conflict_do_update(
        index_elements=unique,
        index_where=_part(mapper, dialect, unique),
        set_=changed,
        where=and_(*where) if where else None,
    ).returning(mapper.class_)


def _part(mapper: Mapper[Any], dialect: str, unique: Sequence[Column[Any]]) -> Any:
    """Give the condition of a partial index over these columns, which the statement must repeat to find it."""
    indexes = cast("Table", mapper.local_table).indexes
    found = [index for index in indexes if index.unique and set(index.columns) == set(unique)]
    return found[0].dialect_options[dialect].get("where") if found else None
