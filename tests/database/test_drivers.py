"""Which databases and drivers are known, and what is said of the others."""

import re
import sys

import pytest

from brickwork.database import Database


@pytest.mark.promise("database-15")
@pytest.mark.parametrize("url", ["mysql://ada:secret@h/d", "mysql+aiomysql://h/d", "oracle://h/d"])
def test_another_database_needs_an_engine_of_ones_own(url: str) -> None:
    """The message names what is set up here, and what to write for what is not."""
    with pytest.raises(ValueError, match=r"psycopg or asyncpg.* write Database\(engine=create_async_engine") as refused:
        Database(url)

    assert re.search("for (mysql|oracle) make one", str(refused.value))
    assert "secret" not in str(refused.value)


@pytest.mark.promise("database-15")
@pytest.mark.parametrize(
    ("url", "missing", "package"),
    [
        ("postgresql+asyncpg://h/d", "asyncpg", "asyncpg"),
        ("postgresql://h/d", "psycopg", "psycopg[binary]"),
        ("sqlite:///a.db", "aiosqlite", "aiosqlite"),
    ],
)
def test_a_driver_that_is_missing_is_named(
    url: str, missing: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says which package to install, where the engine is first asked for."""
    monkeypatch.setitem(sys.modules, missing, None)
    db = Database(url)

    with pytest.raises(ImportError, match=re.escape(f'Run: pip install "{package}"')) as refused:
        db.transaction()

    assert refused.value.name == missing


@pytest.mark.promise("database-15")
def test_so_is_the_driver_of_synchronous_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside asyncpg synchronous sessions use psycopg, which is another package."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    db = Database("postgresql+asyncpg://h/d")

    with pytest.raises(ImportError, match=r"postgresql\+psycopg:// cannot be imported"):
        db.sync_transaction()
