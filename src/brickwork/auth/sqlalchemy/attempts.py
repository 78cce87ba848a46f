"""Counts of attempts in a SQL database."""

from hashlib import sha256

from sqlalchemy import case, delete, or_, select, update

from .models import AuthTables, checked_tables
from .sessions import Sessions, Work, insert


class SQLAlchemyAttemptStore:
    """Counts attempts in a SQL database.

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
        self._table = checked_tables(tables).attempt

    async def attempt(self, key: str, *, limit: int, per: float, now: float) -> float:
        """Count an attempt; give 0.0 where it is allowed, else the seconds until the next one is."""
        table = self._table.c
        async with self._work.writing() as database:
            statement = insert(database, self._table).values(key=_name(key), count=1, until=now + per)
            over = table.until <= now
            count = statement.on_conflict_do_update(
                index_elements=[table.key],
                set_={
                    "count": case((over, 1), else_=table.count + 1),
                    "until": case((over, statement.excluded.until), else_=table.until),
                },
                where=or_(over, table.count < limit),
            ).returning(table.count)
            if (await database.execute(count)).all():
                return 0.0
            # What is not counted is locked all the same: nobody has cleared it meanwhile.
            until = (await database.execute(select(table.until).where(table.key == _name(key)))).scalar_one()
        return float(until - now)

    async def undo(self, key: str) -> None:
        """Take one attempt back."""
        table = self._table.c
        statement = update(self._table).where(table.key == _name(key), table.count > 0)
        async with self._work.writing() as database:
            await database.execute(statement.values(count=table.count - 1))

    async def clear(self, key: str) -> None:
        """Forget the attempts."""
        async with self._work.writing() as database:
            await database.execute(delete(self._table).where(self._table.c.key == _name(key)))

    async def purge(self, *, now: float) -> int:
        """Drop what is over; to be called now and then.

        Args:
            now: The present, in seconds since 1970.

        Returns:
            How many rows went.
        """
        statement = delete(self._table).where(self._table.c.until <= now).returning(self._table.c.key)
        async with self._work.sweeping() as database:
            return len((await database.execute(statement)).all())


def _name(key: str) -> str:
    """Give any text a name that any database can keep."""
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
