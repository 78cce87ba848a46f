"""What the stores of SQLAlchemy have of their own: models, keys, renamed columns, transactions."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import Float, ForeignKey, Index, MetaData, String, UniqueConstraint, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column, relationship

from brickwork.auth import LoginTakenError
from brickwork.auth.sqlalchemy import (
    AuthEmail,
    AuthTables,
    AuthUser,
    SQLAlchemyApiKeyStore,
    SQLAlchemyAttemptStore,
    SQLAlchemyTokenStore,
    SQLAlchemyUserStore,
)
from brickwork.database import Database, SoftDelete, UUIDKey
from tests.auth.records import NOW, new_key, new_session, rotate, started
from tests.auth.sql import TABLES, Base, Person, open_sessions


class Others(DeclarativeBase):
    pass


class Team(Others):
    __tablename__ = "team"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Member(AuthUser, SoftDelete, Others):
    __tablename__ = "member"

    id: Mapped[int] = mapped_column(primary_key=True)
    nickname: Mapped[str] = mapped_column(server_default="nobody")
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    team: Mapped[Team | None] = relationship(lazy="joined")


class Legacy(Others):
    """A table that was there before us."""

    __tablename__ = "legacy"

    id: Mapped[str] = mapped_column(String(20), primary_key=True)
    username: Mapped[str] = mapped_column(index=True, unique=True)
    hashed_password: Mapped[str | None]
    is_active: Mapped[bool] = mapped_column(default=True)
    token_version: Mapped[int] = mapped_column(default=0)
    roles = ("customer",)
    scopes = ()


RENAMED = {"login": "username", "password_hash": "hashed_password", "active": "is_active"}


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    """An SQLite file with the tables of this module."""
    database = Database(f"sqlite:///{tmp_path / 'auth.db'}")
    async with database.engine.begin() as connection:
        await connection.run_sync(Others.metadata.create_all)
        await connection.run_sync(Base.metadata.create_all)
    yield database
    await database.dispose()


async def test_a_user_is_read_whole_and_outlives_its_session(db: Database) -> None:
    """Columns that the database fills and relationships that load eagerly are there when the session has ended."""
    async with db.begin() as session:
        session.add(Team(id=7, name="founders"))
    users = SQLAlchemyUserStore(db, Member)

    created = await users.create({"login": "ada", "team_id": 7})
    found = await users.get(str(created.id))
    updated = await users.update(str(created.id), {"roles": ["admin"]}, end_tokens=True)

    for user in (created, found, updated):
        assert user is not None
        assert (user.id, user.nickname, user.active) == (1, "nobody", True)
        assert user.team is not None
        assert user.team.name == "founders"
    assert updated is not None
    assert (updated.roles, updated.token_version) == (["admin"], 1)


def test_of_a_user_only_password_and_address_may_be_missing() -> None:
    """The database itself keeps what a user must have; a unique login that is NULL would be as many as one likes."""
    columns = Person.__table__.columns

    assert {each.name for each in columns if each.nullable} == {"password_hash", "email"}


@pytest.mark.parametrize("user_id", ["", "1.0", "-1", "\u0661", " 1", "9" * 19, str(2**63), "9" * 5000])
async def test_what_is_no_number_is_no_key_of_numbers(user_id: str, db: Database) -> None:
    """An ID that is no number of the database's finds nobody."""
    users = SQLAlchemyUserStore(db, Member)
    await users.create({"login": "ada"})

    assert await users.get(user_id) is None
    assert await users.update(user_id, {"active": False}) is None


async def test_columns_keep_their_own_names(db: Database) -> None:
    """A table that was there before is used as it is, under its own names and ours."""
    users = SQLAlchemyUserStore(db, Legacy, columns=RENAMED)
    SQLAlchemyUserStore(db, Legacy, columns=RENAMED)

    created = cast("Any", await users.create({"id": "a1", "login": "ada", "password_hash": "old"}))
    changed = cast("Any", await users.update("a1", {"password_hash": "new", "active": False}, end_tokens=True))
    found = cast("Any", await users.find("ada"))

    assert (created.username, created.password_hash, created.active) == ("ada", "old", True)
    assert (changed.hashed_password, changed.is_active, changed.token_version) == ("new", False, 1)
    assert (found.login, found.id) == ("ada", "a1")
    assert await users.get("a\0") is None
    with pytest.raises(LoginTakenError):
        await users.create({"id": "a2", "login": "ada"})


async def test_a_softly_deleted_user_is_nobody(db: Database) -> None:
    """What the sessions of the application hide is hidden here."""
    users = SQLAlchemyUserStore(db, Member)
    created = await users.create({"login": "ada"})
    async with db.begin() as session:
        await session.execute(text("UPDATE member SET deleted_at = '2026-01-01 00:00:00'"))

    assert await users.get(str(created.id)) is None
    assert await users.find("ada") is None
    assert await users.update(str(created.id), {"active": False}) is None


async def test_what_two_users_share_names_neither(db: Database) -> None:
    """A login field that is not unique fails no login with a 500, and lets nobody in as another."""
    users = SQLAlchemyUserStore(db, Member)
    await users.create({"login": "ada", "nickname": "countess"})
    alone = await users.find("countess", field="nickname")
    await users.create({"login": "eve", "nickname": "countess"})

    assert alone is not None
    assert await users.find("countess", field="nickname") is None


async def test_another_constraint_is_no_taken_login(db: Database) -> None:
    """A refusal of the database that is not about the login goes on as it is."""
    users = SQLAlchemyUserStore(db, Member)
    await users.create({"login": "ada"})

    with pytest.raises(IntegrityError):
        await users.create({"login": "grace", "team_id": 99})
    with pytest.raises(IntegrityError):
        await users.update("1", {"login": "ada", "team_id": 99})


async def test_users_of_dataclasses_work() -> None:
    """The mix-ins serve mapped dataclasses too."""

    class DataclassBase(MappedAsDataclass, DeclarativeBase):
        pass

    class Account(AuthUser, AuthEmail, UUIDKey, DataclassBase):
        __tablename__ = "account"

        nickname: Mapped[str] = mapped_column(default="nobody")

    class Accounts(SQLAlchemyUserStore[Account]):
        """Makes accounts in the dataclass's way."""

    database = Database("sqlite://")
    async with database.engine.begin() as connection:
        await connection.run_sync(DataclassBase.metadata.create_all)
    users = Accounts(database, Account)
    async with database.begin() as session:
        account = Account()
        account.login = "ada"
        session.add(account)

    found = await users.find("ada")

    assert found is not None
    assert (found.nickname, found.roles, found.email_verified) == ("nobody", [], False)
    await database.dispose()


# --- what is refused when it is written down


class Numbers(AuthUser, Others):
    __tablename__ = "numbers"

    id: Mapped[float] = mapped_column(Float(), primary_key=True)


class Pairs(AuthUser, Others):
    __tablename__ = "pairs"

    id: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[int] = mapped_column(primary_key=True)


class Twins(Others):
    __tablename__ = "twins"
    __table_args__ = (UniqueConstraint("id", "login"), Index("ix_twins", "login"))

    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str]
    password_hash: Mapped[str]
    active: Mapped[bool]
    token_version: Mapped[int]
    roles = ()
    scopes = ()


class Wordy(Others):
    __tablename__ = "wordy"

    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    active: Mapped[bool]
    token_version: Mapped[int]
    roles = ()
    scopes: Mapped[str]


@pytest.mark.parametrize(
    ("model", "columns", "said"),
    [
        (Wordy, {}, "scopes is a text, and has to be a list"),
        (Numbers, {}, "a number, a UUID or a text"),
        (Pairs, {}, "2 columns"),
        (Twins, {}, "unique=True"),
        (Team, {}, "has no login, password_hash, active, token_version, roles, scopes"),
        (Member, {"login": "user_name"}, "has no 'user_name'"),
    ],
)
async def test_models_that_cannot_be_users_are_refused(
    model: type[Any], columns: dict[str, str], said: str, db: Database
) -> None:
    """A model that lacks something is refused when the store is made, with what to write."""
    with pytest.raises(ValueError, match=said):
        SQLAlchemyUserStore(db, model, columns=columns)


async def test_what_is_no_model_and_no_database_is_refused(db: Database) -> None:
    """So are a class that is not mapped, and an engine where sessions are needed."""
    with pytest.raises(TypeError, match="no mapped class"):
        SQLAlchemyUserStore(db, int)
    with pytest.raises(TypeError, match="async_sessionmaker"):
        SQLAlchemyTokenStore(cast("Any", "sqlite:///app.db"), TABLES)


@pytest.mark.promise("auth-163")
async def test_metadata_is_no_tables(db: Database) -> None:
    """Stores that are given the metadata, where their tables belong, say what to write."""
    for store in (SQLAlchemyTokenStore, SQLAlchemyApiKeyStore, SQLAlchemyAttemptStore):
        with pytest.raises(TypeError, match=r"write AuthTables\(Base.metadata\)"):
            store(db, cast("Any", Base.metadata))


@pytest.mark.promise("auth-163")
@pytest.mark.parametrize("field", ["roles", "scopes"])
async def test_rights_are_kept_as_lists_alone(field: str, db: Database) -> None:
    """A text is refused: part of a name would be a name."""
    users = SQLAlchemyUserStore(db, Person)
    ada = await users.create({"login": "ada", field: ["admin"]})

    with pytest.raises(TypeError, match=f"write {field}="):
        await users.create({"login": "grace", field: "admin"})
    with pytest.raises(TypeError, match=f"write {field}="):
        await users.update(str(ada.id), {field: "admin"})

    assert await users.find("grace") is None


def test_tables_take_a_prefix_and_a_schema() -> None:
    """The tables are part of the metadata, under names of one's choice."""
    metadata = MetaData()

    tables = AuthTables(metadata, prefix="login_", schema="accounts")

    assert tables.session.fullname == "accounts.login_session"
    assert set(metadata.tables) == {f"accounts.login_{name}" for name in ("session", "token", "api_key", "attempt")}


async def test_other_databases_are_refused_by_name(db: Database) -> None:
    """A database that has no `ON CONFLICT` of ours is named, rather than sent a statement that it cannot read."""
    tokens = SQLAlchemyTokenStore(db, TABLES)
    db.engine.dialect.name = "oracle"

    with pytest.raises(TypeError, match="not oracle"):
        await tokens.spend("once", now=NOW, until=NOW + 1)

    db.engine.dialect.name = "sqlite"


# --- transactions


async def test_reading_waits_for_no_writer(db: Database) -> None:
    """While a request holds the lock of SQLite, users and sessions are read."""
    users, tokens = SQLAlchemyUserStore(db, Person), SQLAlchemyTokenStore(db, TABLES)
    ada = await users.create({"login": "ada"})
    session = await started(tokens)

    async with db.begin() as writer:
        await writer.execute(text("UPDATE person SET active = 0"))
        found = await users.get(str(ada.id))
        alive = await tokens.check(session.id, "some-token", now=NOW)

    assert found is not None
    assert found.active
    assert alive


async def test_stores_work_in_memory_and_leave_no_trace_of_a_test() -> None:
    """A database in memory will do, and what a test keeps is gone with its transaction."""
    db = Database("sqlite://")
    async with db.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    users, tokens = SQLAlchemyUserStore(db, Person), SQLAlchemyTokenStore(db, TABLES)

    async with db.testing():
        ada = await users.create({"login": "ada"})
        with pytest.raises(LoginTakenError):
            await users.create({"login": "ada"})
        session = await started(tokens)
        within = (await users.get(str(ada.id)), await tokens.get(session.id, now=NOW))

    assert all(within)
    assert await users.find("ada") is None
    assert await tokens.get(session.id, now=NOW) is None
    await db.dispose()


@pytest.mark.promise("auth-173")
async def test_what_has_expired_is_purged(db: Database) -> None:
    """`purge` drops what has expired, and nothing else."""
    tokens, attempts = SQLAlchemyTokenStore(db, TABLES), SQLAlchemyAttemptStore(db, TABLES)
    short = new_session(expires_at=NOW + 10)
    await tokens.start(short, now=NOW, limit=9)
    long = await started(tokens)
    await tokens.deny("token", now=NOW, until=NOW + 10)
    await attempts.attempt("old", limit=1, per=10, now=NOW)
    await attempts.attempt("new", limit=1, per=99, now=NOW)

    purged = (await tokens.purge(now=NOW + 10), await attempts.purge(now=NOW + 10))

    assert purged == (2, 1)
    assert [each.id for each in await tokens.sessions("ada", now=NOW)] == [long.id]
    assert await attempts.attempt("new", limit=1, per=99, now=NOW + 10) > 0


@pytest.mark.promise("auth-39")
@pytest.mark.parametrize("driver", ["aiosqlite", "asyncpg"])
async def test_the_database_holds_no_token(driver: str, request: pytest.FixtureRequest) -> None:
    """What can be read from the tables opens nothing: tokens and keys are there as hashes alone."""
    async with open_sessions(driver, request) as sessions:
        tokens, keys = SQLAlchemyTokenStore(sessions, TABLES), SQLAlchemyApiKeyStore(sessions, TABLES)
        session = await started(tokens)
        await rotate(tokens, session, "first", "second")
        await keys.add(new_key())
        async with sessions.begin() as reader:
            rows = [str((await reader.execute(table.select())).all()) for table in (TABLES.session, TABLES.api_key)]

    assert all(rows)
    assert not any(secret in row for row in rows for secret in ("first", "second", "a key"))
