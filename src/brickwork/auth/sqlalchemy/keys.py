"""API keys in a SQL database."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import delete, or_, select, update

from .._rules.values import ApiKey
from .models import AuthTables, checked_tables
from .sessions import Sessions, Work

_INSTANTS: Final = ("created_at", "expires_at", "last_used_at")


class SQLAlchemyApiKeyStore:
    """Keeps API keys in a SQL database, as hashes.

    Args:
        sessions: Opens database sessions: a `Database`, or an `async_sessionmaker`.
        tables: Where they are kept.
        deadline: Seconds within which each call has its answer; after them it is an `AuthUnavailableError`.

    Raises:
        TypeError: ``sessions`` opens none, or ``tables`` is no `AuthTables`.
        ValueError: The deadline is not above 0.
    """

    def __init__(self, sessions: Sessions, tables: AuthTables, *, deadline: float = 5.0) -> None:
        self._work = Work(sessions, deadline)
        self._table = checked_tables(tables).api_key

    async def add(self, key: ApiKey) -> None:
        """Keep a new key."""
        async with self._work.writing() as database:
            await database.execute(self._table.insert().values(_row(key)))

    async def get(self, key_id: str) -> ApiKey | None:
        """Give a key by its ID, or None; it may have expired."""
        async with self._work.reading() as database:
            found = await database.execute(select(self._table).where(self._table.c.id == key_id))
            row = found.mappings().one_or_none()
            return None if row is None else _key(row)

    async def keys(self, owner: str) -> Sequence[ApiKey]:
        """Give the keys of a user, the newest first."""
        table = self._table.c
        statement = select(self._table).where(table.owner == owner).order_by(table.created_at.desc(), table.id.desc())
        async with self._work.reading() as database:
            return [_key(row) for row in (await database.execute(statement)).mappings()]

    async def replace(self, key_id: str, successor: ApiKey, *, expires_at: datetime) -> bool:
        """Keep a successor, and let the key end at an instant unless it ends before; False where there is no key."""
        table, until = self._table.c, expires_at.timestamp()
        key = update(self._table).where(table.id == key_id).returning(table.id)
        async with self._work.writing() as database:
            # The row is locked before it is known whether it ends before, so nobody removes it in between.
            if (await database.execute(key.values(name=table.name))).first() is None:
                return False
            await database.execute(
                update(self._table)
                .where(table.id == key_id, or_(table.expires_at.is_(None), table.expires_at > until))
                .values(expires_at=until)
            )
            await database.execute(self._table.insert().values(_row(successor)))
            return True

    async def remove(self, key_id: str) -> bool:
        """Forget a key; tell whether there was one."""
        statement = delete(self._table).where(self._table.c.id == key_id).returning(self._table.c.id)
        async with self._work.writing() as database:
            return (await database.execute(statement)).first() is not None

    async def touch(self, key_id: str, *, at: datetime) -> None:
        """Remember when a key was last used."""
        table, used_at = self._table.c, at.timestamp()
        later = or_(table.last_used_at.is_(None), table.last_used_at < used_at)
        async with self._work.writing() as database:
            await database.execute(update(self._table).where(table.id == key_id, later).values(last_used_at=used_at))


def _row(key: ApiKey) -> dict[str, Any]:
    row = asdict(key)
    return {**row, **{name: None if row[name] is None else row[name].timestamp() for name in _INSTANTS}}


def _key(row: Mapping[Any, Any]) -> ApiKey:
    instants = {name: None if row[name] is None else datetime.fromtimestamp(row[name], UTC) for name in _INSTANTS}
    values: dict[str, Any] = {**row, **instants, "scopes": tuple(row["scopes"])}
    return ApiKey(**values)
