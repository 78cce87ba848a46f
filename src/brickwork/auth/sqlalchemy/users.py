"""Users in a SQL database."""

from collections.abc import Mapping
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from sqlalchemy import Integer, String, UniqueConstraint, Uuid, inspect, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapper, synonym

from .._errors import LoginTakenError
from .._rules.logins import normal_or_none, with_normal_logins
from .sessions import Sessions, Work

UserT = TypeVar("UserT")

_NEEDED: Final = ("id", "login", "password_hash", "active", "token_version", "roles", "scopes")
_UNIQUE: Final = ("login", "email")
_LARGEST: Final = 2**63 - 1


class SQLAlchemyUserStore(Generic[UserT]):
    """Keeps users in the table of a mapped model.

    Users are given away detached and loaded whole, so they can be read after the request's own session has ended; a
    relationship that you want to read needs an eager loader, such as ``lazy="selectin"``.

    Args:
        sessions: Opens database sessions: a `Database`, or an `async_sessionmaker`.
        model: The mapped class; `AuthUser` gives it what it needs.
        columns: The model's own names, by ours, such as ``{"password_hash": "hashed_password"}``. The model gets a
            synonym for each.
        deadline: Seconds within which each call has its answer; after them it is an `AuthUnavailableError`.

    Raises:
        TypeError: ``model`` is not mapped, or ``sessions`` opens none.
        ValueError: The model lacks something that a user must have, its login is not unique, or its primary key is not
            one column; or the deadline is not above 0.
    """

    def __init__(
        self,
        sessions: Sessions,
        model: type[UserT],
        *,
        columns: Mapping[str, str] | None = None,
        deadline: float = 5.0,
    ) -> None:
        self._work = Work(sessions, deadline)
        self._model = model
        mapper = _mapper(model)
        _rename(mapper, columns or {})
        _check(mapper)
        self._key = mapper.primary_key[0].type
        self._attributes = {each.key: each.key for each in mapper.column_attrs}
        self._attributes |= {each.key: each.name for each in mapper.synonyms}
        self._version: Any = mapper.column_attrs[self._attributes["token_version"]].columns[0]
        self._unique = tuple(name for name in _UNIQUE if name in self._attributes)
        kept = {self._attributes[name] for name in self._unique}
        # A login may go by the model's own name, too.
        self._logins = frozenset(name for name, attribute in self._attributes.items() if attribute in kept)

    async def get(self, user_id: str) -> UserT | None:
        """Give the user with an ID, or None; an ID that cannot be one finds nobody."""
        key = self._parsed(user_id)
        if key is None:
            return None
        async with self._work.reading() as session:
            return self._given(session, await session.get(self._model, key))

    async def find(self, login: str, *, field: str = "login") -> UserT | None:
        """Give the user whose ``field`` is a login, or None; a login is found however it is spelled."""
        sought = normal_or_none(login) if field in self._logins else login
        if sought is None:
            return None
        async with self._work.reading() as session:
            return self._given(session, await self._found(session, field, sought))

    async def create(self, fields: Mapping[str, Any]) -> UserT:
        """Add a user; ``login`` and ``email`` are kept in their normal form.

        Raises:
            LoginTakenError: (409) Somebody has that login, or that e-mail address.
            ValueError: One of them can be no login.
            TypeError: The model has no such field, or roles or scopes are a text.
        """
        fields = with_normal_logins(_without_texts(fields), self._logins)
        user = self._model(**fields)
        try:
            async with self._work.writing() as session:
                session.add(user)
                await session.flush()
                await session.refresh(user)
                session.expunge_all()
        except IntegrityError as error:
            await self._refuse_taken(fields, error)
        return user

    async def update(
        self, user_id: str, changes: Mapping[str, Any], *, end_tokens: bool = False, if_version: int | None = None
    ) -> UserT | None:
        """Change some fields of a user, and give the user as it is then.

        Nothing is changed, and None given, where there is no such user, or its token version is not ``if_version``.

        Raises:
            LoginTakenError: (409) Somebody else has that login, or that e-mail address.
            ValueError: One of them can be no login.
            TypeError: Roles or scopes are a text.
        """
        changes = with_normal_logins(_without_texts(changes), self._logins)
        key = self._parsed(user_id)
        if key is None:
            return None
        try:
            async with self._work.writing() as session:
                if if_version is not None and not await self._claimed(session, key, if_version):
                    return None
                return await self._changed(session, key, changes, end_tokens=end_tokens)
        except IntegrityError as error:
            await self._refuse_taken(changes, error, user_id)
            raise  # pragma: no cover - type checkers do not know that it has raised

    async def _claimed(self, session: AsyncSession, key: object, version: int) -> bool:
        """Lock a user who has a token version: writing what is there does so in every database, reading does not."""
        column = self._version
        own_key = next(iter(column.table.primary_key))
        statement = update(column.table).where(own_key == key, column == version).values({column: column})
        return bool((await session.execute(statement.returning(column))).all())

    async def _changed(
        self, session: AsyncSession, key: object, changes: Mapping[str, Any], *, end_tokens: bool
    ) -> UserT | None:
        user = await session.get(self._model, key, with_for_update={"of": self._model})
        if user is None:
            return None
        for name, value in changes.items():
            setattr(user, self._attributes[name], value)
        if end_tokens:
            # Added up by the database, since not every one of them locks the row that was read.
            version = self._attributes["token_version"]
            setattr(user, version, getattr(self._model, version) + 1)
        await session.flush()
        await session.refresh(user)
        return self._given(session, user)

    async def _found(self, session: AsyncSession, field: str, value: str) -> UserT | None:
        statement = select(self._model).where(getattr(self._model, field) == value)
        found = (await session.execute(statement)).unique().scalars().all()
        # What two users have in common, in a column that is not unique, names neither.
        return found[0] if len(found) == 1 else None

    async def _refuse_taken(self, fields: Mapping[str, Any], error: IntegrityError, user_id: str = "") -> None:
        """Tell a login that somebody has from everything else that a database may refuse."""
        async with self._work.reading() as session:
            for name in self._unique:
                owner = await self._found(session, name, fields[name]) if fields.get(name) else None
                if owner is not None and str(getattr(owner, "id", "")) != user_id:
                    raise LoginTakenError from error
        raise error

    def _given(self, session: AsyncSession, user: UserT | None) -> UserT | None:
        """Let a user go from its session, before a commit makes it forget its columns."""
        session.expunge_all()
        return user

    def _parsed(self, user_id: str) -> object:
        """Read the primary key from the subject of a token; None for what can be none."""
        if isinstance(self._key, Integer):
            number = int(user_id) if user_id.isascii() and user_id.isdigit() and len(user_id) < 20 else _LARGEST + 1
            return number if number <= _LARGEST else None
        if isinstance(self._key, Uuid) and self._key.as_uuid:
            try:
                return UUID(user_id)
            except ValueError:
                return None
        return None if "\0" in user_id else user_id


def _without_texts(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give fields whose roles and scopes are lists; in a text, ``"orders:read"`` would be in ``"orders:readonly"``."""
    for name in ("roles", "scopes"):
        if isinstance(fields.get(name), str):
            raise TypeError(f'{name}= of a user takes a list of names: write {name}=["…"]')
    return fields


def _mapper(model: type[Any]) -> Mapper[Any]:
    mapper: Mapper[Any] | None = inspect(model, raiseerr=False)
    if mapper is None:
        raise TypeError(f"{model!r} is no mapped class: write a model with columns, such as class User(AuthUser, Base)")
    return mapper


def _rename(mapper: Mapper[Any], columns: Mapping[str, str]) -> None:
    for ours, theirs in columns.items():
        if theirs not in mapper.attrs:
            raise ValueError(f"{mapper.class_.__name__} has no {theirs!r}: columns= takes your names by ours")
        if ours not in mapper.attrs:
            mapper.add_property(ours, synonym(theirs))


def _check(mapper: Mapper[Any]) -> None:
    name = mapper.class_.__name__
    missing = [each for each in _NEEDED if not hasattr(mapper.class_, each)]
    if missing:
        raise ValueError(
            f"{name} has no {', '.join(missing)}: derive it from AuthUser, or name your own columns, as in "
            'columns={"password_hash": "hashed_password"}'
        )
    for names in ("roles", "scopes"):
        if isinstance(getattr(getattr(mapper.class_, names), "type", None), String):
            raise ValueError(  # noqa: TRY004 - as below
                f"{name}.{names} is a text, and has to be a list of names: write mapped_column(JSON)"
            )
    if len(mapper.primary_key) != 1:
        raise ValueError(f"{name} has a primary key of {len(mapper.primary_key)} columns: tokens name users by one")
    kind = mapper.primary_key[0].type
    if not isinstance(kind, Integer | String | Uuid):
        raise ValueError(  # noqa: TRY004 - the model is of the right type, its key is not
            f"{name} has a primary key of type {kind!r}: tokens name users by a number, a UUID or a text"
        )
    if not _is_unique(mapper):
        raise ValueError(f"{name}.login is not unique: two people could have one; write mapped_column(unique=True)")


def _is_unique(mapper: Mapper[Any]) -> bool:
    column: Any = mapper.columns[mapper.synonyms["login"].name if "login" in mapper.synonyms else "login"]
    constraints = [set(each.columns) for each in column.table.constraints if isinstance(each, UniqueConstraint)]
    indexes = [set(each.columns) for each in column.table.indexes if each.unique]
    return bool(column.primary_key) or {column} in constraints + indexes
