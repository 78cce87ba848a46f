"""Migrations that Alembic makes of the models, and runs up and down through the `env.py` of the guide."""

import asyncio
import io
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import alembic
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, String, create_engine, inspect, text
from sqlalchemy.exc import IntegrityError

from brickwork.database import Database

ENV = """
from brickwork.database.alembic import run_migrations
from shop.database import Base, db

run_migrations({database}, Base.metadata{options})
"""

MODELS = """
from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from brickwork.database import Database
from brickwork.database import SoftDelete, Timestamps, UUIDKey, Versioned

db = Database({url!r})


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention={{"fk": "fk_%(column_0_label)s", "uq": "uq_%(column_0_label)s"}})


class Author(UUIDKey, Versioned, Base):
    __tablename__ = "author"

    name: Mapped[str] = mapped_column({name})


class Book(UUIDKey, Timestamps, SoftDelete, Base):
    __tablename__ = "book"

    author_id: Mapped[UUID] = mapped_column(ForeignKey("author.id", ondelete="CASCADE"))
"""

Write = Callable[..., Config]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes a shop with models, migrations and the `env.py` of the guide, and gives Alembic's configuration."""
    monkeypatch.syspath_prepend(tmp_path)
    template = Path(alembic.__file__).parent / "templates/generic/script.py.mako"

    def forget() -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
            del sys.modules[name]

    def write(url: str, name: str = "String(50)", database: str = "db", options: str = "") -> Config:
        forget()
        (tmp_path / "shop").mkdir(exist_ok=True)
        (tmp_path / "shop/__init__.py").touch()
        # Another size too: the same second and size would be taken for the file that was compiled before.
        (tmp_path / "shop/database.py").write_text(MODELS.format(url=url, name=name), "utf-8")
        shutil.rmtree(tmp_path / "shop/__pycache__", ignore_errors=True)
        (tmp_path / "migrations/versions").mkdir(parents=True, exist_ok=True)
        (tmp_path / "migrations/env.py").write_text(ENV.format(database=database, options=options), "utf-8")
        shutil.copy(template, tmp_path / "migrations")
        config = Config(output_buffer=io.StringIO(), stdout=io.StringIO())
        config.set_main_option("script_location", str(tmp_path / "migrations"))
        config.set_main_option("path_separator", "os")
        return config

    yield write
    forget()


@pytest.fixture
def outside(database_url: str) -> Iterator[Engine]:
    """Another program's look at the database."""
    db = Database(database_url)
    engine = create_engine(db.sync_engine.url)
    yield engine
    engine.dispose()


def tables(engine: Engine) -> dict[str, set[str]]:
    """Name the tables that there are, with their columns."""
    seen = inspect(engine)
    return {name: {column["name"] for column in seen.get_columns(name)} for name in seen.get_table_names()}


def length(engine: Engine) -> int:
    """Tell how long the name of an author may be."""
    kinds = {column["name"]: column["type"] for column in inspect(engine).get_columns("author")}
    return cast("String", kinds["name"]).length or 0


def fill(engine: Engine) -> None:
    """Write an author and a book."""
    key = "0" * 31 + "1"
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO author (id, name, version) VALUES ('{key}', 'Ada', 1)"))
        connection.execute(
            text(
                "INSERT INTO book (id, author_id, created_at, updated_at) "
                f"VALUES ('{key}', '{key}', '2026-01-01 00:00:00+00:00', '2026-01-01 00:00:00+00:00')"
            )
        )


def count(engine: Engine, table: str) -> int:
    """Count the rows of a table."""
    with engine.begin() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


@pytest.mark.promise("database-57")
def test_migrations_go_up_and_down(write: Write, database_url: str, outside: Engine) -> None:
    """What the models say is generated, made, found to be as it should, changed without a loss, and undone."""
    config = write(database_url)

    command.revision(config, "first", autogenerate=True)
    command.upgrade(config, "head")
    command.check(config)
    made = tables(outside)
    fill(outside)
    config = write(database_url, name="String(80), unique=True")
    command.revision(config, "second", autogenerate=True)
    command.upgrade(config, "head")
    command.check(config)
    changed = length(outside)
    kept = count(outside, "author"), count(outside, "book")
    command.downgrade(config, "-1")
    shrunk = length(outside)
    still = count(outside, "author"), count(outside, "book")
    command.downgrade(config, "base")

    assert made.keys() == {"author", "book", "alembic_version"}
    assert made["book"] == {"id", "author_id", "created_at", "updated_at", "deleted_at"}
    assert changed == 80
    assert shrunk == 50
    assert kept == still == (1, 1)
    assert tables(outside).keys() == {"alembic_version"}


@pytest.mark.promise("database-57")
def test_a_migration_needs_no_brickwork(write: Write, database_url: str, tmp_path: Path) -> None:
    """Instants are written as what they are in the database, so that a migration runs for ever."""
    command.revision(write(database_url), "first", autogenerate=True)

    [made] = (tmp_path / "migrations/versions").glob("*.py")

    written = made.read_text("utf-8")
    assert "sa.DateTime(timezone=True)" in written
    assert "brickwork" not in written


@pytest.mark.promise("database-58")
def test_a_migration_that_fails_leaves_nothing(
    write: Write, database_url: str, outside: Engine, tmp_path: Path
) -> None:
    """Tables that it made before it failed are gone with it, on SQLite too."""
    config = write(database_url)
    command.revision(config, "first", autogenerate=True)
    command.upgrade(config, "head")
    command.revision(config, "broken")
    [broken] = (tmp_path / "migrations/versions").glob("*broken*.py")
    half = "op.create_table('half', sa.Column('id', sa.Integer))"
    failing = "op.execute('INSERT INTO author (id) VALUES (NULL)')"
    broken.write_text(broken.read_text("utf-8").replace("pass", f"{half}\n    {failing}", 1), "utf-8")

    with pytest.raises(IntegrityError):
        command.upgrade(config, "head")

    assert tables(outside).keys() == {"author", "book", "alembic_version"}


@pytest.mark.promise("database-57")
def test_synchronous_engines_migrate_as_well(write: Write, sync_db: Database) -> None:
    """An app without asynchronous drivers passes its engine."""
    url = sync_db.sync_engine.url.render_as_string(hide_password=False)
    config = write(url, database="db.sync_engine")

    command.revision(config, "first", autogenerate=True)
    command.upgrade(config, "head")
    made = tables(sync_db.sync_engine)
    command.downgrade(config, "base")

    assert {"author", "book"} <= made.keys()
    assert not {"author", "book"} & tables(sync_db.sync_engine).keys()


@pytest.mark.promise("database-59")
def test_sql_is_written_without_a_database(write: Write, tmp_path: Path) -> None:
    """With ``--sql`` nothing is connected, and what would be sent is written."""
    config = write(f"sqlite:///{tmp_path / 'made.db'}")
    command.revision(config, "first", autogenerate=True)
    config = write("postgresql://nobody@127.0.0.1:1/none")

    command.upgrade(config, "head", sql=True)

    written = cast("io.StringIO", config.output_buffer).getvalue()
    assert "CREATE TABLE author" in written
    assert "TIMESTAMP WITH TIME ZONE" in written


@pytest.mark.promise("database-59")
def test_a_database_that_cannot_undo_changes_of_tables_is_not_said_to(write: Write) -> None:
    """On an engine of another database there is no transaction where Alembic knows that it would be none."""
    mysql = """__import__("sqlalchemy").create_engine("mysql://h/d", module=__import__("sqlite3"))"""
    config = write("sqlite:///never.db")
    command.upgrade(config, "head", sql=True)
    config_of_mysql = write("sqlite:///never.db", database=mysql)

    command.upgrade(config_of_mysql, "head", sql=True)

    assert "BEGIN;" in cast("io.StringIO", config.output_buffer).getvalue()
    assert "BEGIN;" not in cast("io.StringIO", config_of_mysql.output_buffer).getvalue()


def test_a_program_can_migrate_in_its_own_transaction(write: Write, tmp_path: Path) -> None:
    """A connection that the configuration names is used, and what was done on it is the program's to keep."""
    config = write(f"sqlite:///{tmp_path / 'made.db'}")
    command.revision(config, "first", autogenerate=True)
    engine = create_engine("sqlite://")

    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

        assert {"author", "book"} <= set(inspect(connection).get_table_names())
    engine.dispose()


@pytest.mark.promise("database-59")
async def test_an_app_can_migrate_from_another_thread(write: Write, database_url: str, outside: Engine) -> None:
    """In the thread of the event loop the mistake is named; in another one it works while the app runs."""
    config = write(database_url)

    with pytest.raises(RuntimeError, match=r"await asyncio\.to_thread"):
        command.revision(config, "first", autogenerate=True)
    await asyncio.to_thread(command.revision, config, "first", autogenerate=True)
    await asyncio.to_thread(command.upgrade, config, "head")

    assert {"author", "book"} <= tables(outside).keys()


def test_options_of_alembic_go_first(write: Write, tmp_path: Path) -> None:
    """What `configure` says goes before what is set here."""
    url = f"sqlite:///{tmp_path / 'made.db'}"
    config = write(url, options=", configure={'version_table': 'history'}")
    engine = create_engine(url)

    command.revision(config, "first", autogenerate=True)
    command.upgrade(config, "head")

    assert tables(engine).keys() == {"author", "book", "history"}
    engine.dispose()
