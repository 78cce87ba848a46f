"""Sessions and the IDs of single tokens in a SQL database."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, not_, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from .._rules.values import Rotation, Session
from .models import AuthTables, checked_tables
from .sessions import Sessions, Work, insert, one_at_a_time


class SQLAlchemyTokenStore:
    """Keeps sessions and the IDs of single tokens in a SQL database; tokens are there as hashes alone.

    What has expired stays until `purge` is called, or until the user whose session it is logs in again.

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
        self._session = checked_tables(tables).session
        self._token = tables.token

    async def start(self, session: Session, *, now: float, limit: int) -> None:
        """Keep a new session; beyond ``limit`` of one user, the least recently used end."""
        table = self._session.c
        others = and_(table.user_id == session.user_id, table.id != session.id)
        kept = (
            select(table.id)
            .where(others, self._alive(now))
            .order_by(table.used_at.desc(), table.id.desc())
            .limit(max(limit - 1, 0))
        )
        async with self._work.writing() as database:
            await one_at_a_time(database, session.user_id)
            await database.execute(delete(self._session).where(others, table.id.not_in(kept.scalar_subquery())))
            await database.execute(self._session.insert().values(asdict(session)))

    async def get(self, session_id: str, *, now: float) -> Session | None:
        """Give a session that has not ended, or None."""
        async with self._work.reading() as database:
            return await self._read(database, session_id, self._alive(now))

    async def rotate(
        self,
        session_id: str,
        *,
        presented: bytes,
        successor: bytes,
        now: float,
        idle_expires_at: float,
        grace: float,
        client: str = "",
        address: str | None = None,
    ) -> Rotation:
        """Put a successor in the place of a refresh token, or end a session whose token is in two hands."""
        table = self._session.c
        changes: dict[str, Any] = {
            "token_hash": successor,
            "previous_hash": presented,
            "rotated_at": now,
            "used_at": now,
            "idle_expires_at": idle_expires_at,
        }
        changes |= {name: value for name, value in {"client": client, "address": address}.items() if value}
        # Of two callers at once the second waits for the first, and then finds that the token is not the current one.
        rotate = (
            update(self._session)
            .where(table.id == session_id, table.token_hash == presented, self._alive(now))
            .values(changes)
            .returning(*table)
        )
        async with self._work.writing() as database:
            row = (await database.execute(rotate)).mappings().one_or_none()
            if row is not None:
                return Rotation("rotated", _session(row))
            session = await self._read(database, session_id, self._alive(now))
            if session is None:
                return Rotation("unknown")
            if grace > 0 and presented == session.previous_hash and now < (session.rotated_at or 0.0) + grace:
                return Rotation("replayed", session)
            ended = await database.execute(delete(self._session).where(table.id == session_id).returning(table.id))
            return Rotation("unknown") if ended.first() is None else Rotation("reused", session)

    async def check(self, session_id: str | None, token_id: str, *, now: float) -> bool:
        """Tell whether a session (if one is named) is alive and a token not denied."""
        token, session = self._token.c, self._session.c
        denied = exists().where(token.id == f"deny:{token_id}", token.until > now)
        alive = true() if session_id is None else exists().where(session.id == session_id, self._alive(now))
        async with self._work.reading() as database:
            return bool((await database.execute(select(and_(alive, not_(denied))))).scalar_one())

    async def sessions(self, user_id: str, *, now: float) -> Sequence[Session]:
        """Give the sessions of a user that have not ended, the most recently used first."""
        table = self._session.c
        order = (table.used_at.desc(), table.id.desc())
        statement = select(self._session).where(table.user_id == user_id, self._alive(now)).order_by(*order)
        async with self._work.reading() as database:
            return [_session(row) for row in (await database.execute(statement)).mappings()]

    async def end(self, session_id: str) -> bool:
        """End a session; tell whether there was one."""
        return await self._delete(self._session.c.id == session_id) > 0

    async def end_all(self, user_id: str, *, keep: str | None = None) -> int:
        """End the sessions of a user, but for the one to ``keep``; give how many there were."""
        table = self._session.c
        return await self._delete(table.user_id == user_id, true() if keep is None else table.id != keep)

    async def deny(self, token_id: str, *, now: float, until: float) -> None:
        """Refuse a single token until an instant, when it has expired anyway."""
        await self._remember(f"deny:{token_id}", now, until)

    async def spend(self, token_id: str, *, now: float, until: float) -> bool:
        """Tell whether a one-time token is shown for the first time, and remember it until an instant."""
        return now < until and await self._remember(f"spend:{token_id}", now, until)

    async def purge(self, *, now: float) -> int:
        """Drop what has expired; to be called now and then.

        Args:
            now: The present, in seconds since 1970.

        Returns:
            How many rows went.
        """
        async with self._work.sweeping() as database:
            sessions = await database.execute(
                delete(self._session).where(not_(self._alive(now))).returning(self._session.c.id)
            )
            tokens = await database.execute(
                delete(self._token).where(self._token.c.until <= now).returning(self._token.c.id)
            )
            return len(sessions.all()) + len(tokens.all())

    def _alive(self, now: float) -> ColumnElement[bool]:
        return and_(self._session.c.idle_expires_at > now, self._session.c.expires_at > now)

    async def _read(self, database: AsyncSession, session_id: str, alive: ColumnElement[bool]) -> Session | None:
        statement = select(self._session).where(self._session.c.id == session_id, alive)
        row = (await database.execute(statement)).mappings().one_or_none()
        return None if row is None else _session(row)

    async def _delete(self, *where: ColumnElement[bool]) -> int:
        async with self._work.writing() as database:
            return len(
                (await database.execute(delete(self._session).where(*where).returning(self._session.c.id))).all()
            )

    async def _remember(self, name: str, now: float, until: float) -> bool:
        """Keep a name until an instant; tell whether it was not kept before."""
        async with self._work.writing() as database:
            statement = insert(database, self._token).values(id=name, until=until)
            statement = statement.on_conflict_do_update(
                index_elements=[self._token.c.id],
                set_={"until": statement.excluded.until},
                where=self._token.c.until <= now,
            )
            return (await database.execute(statement.returning(self._token.c.id))).first() is not None


def _session(row: Mapping[Any, Any]) -> Session:
    values: dict[str, Any] = {**row, "scopes": tuple(row["scopes"])}
    return Session(**values)
