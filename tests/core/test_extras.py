"""`extra`: a missing optional package names what to install."""

import subprocess
import sys

import pytest

from brickwork._core.extras import MissingExtraError, extra


def test_missing_package_names_the_extra() -> None:
    """The message is the line to run."""
    advice = r'nowhere is not installed. Run: pip install "brickwork\[redis\]"'
    with pytest.raises(MissingExtraError, match=advice), extra("redis"):
        import nowhere  # type: ignore[import-not-found] # noqa: F401


def test_nameless_import_error_still_names_the_extra() -> None:
    """An import that fails without naming its package gets the same advice."""
    with pytest.raises(MissingExtraError, match=r"a package is not installed"), extra("redis"):
        raise ImportError


def test_the_inner_extra_is_the_one_that_is_missing() -> None:
    """A module that is opened under one extra may itself miss another."""
    with pytest.raises(MissingExtraError, match="brickwork\\[auth\\]"), extra("redis"), extra("auth"):
        raise ImportError


def test_other_errors_pass() -> None:
    """Only failed imports are explained."""
    with pytest.raises(KeyError), extra("redis"):
        raise KeyError


@pytest.mark.parametrize(
    ("door", "missing", "named"),
    [
        ("auth", "cryptography", "auth"),
        ("auth", "jose", "auth"),
        ("auth", "passlib", "auth"),
        ("auth.redis", "redis", "redis"),
        ("auth.sqlalchemy", "sqlalchemy", "sqlalchemy"),
        ("database", "sqlalchemy", "sqlalchemy"),
        ("database.alembic", "alembic", "alembic"),
        ("listing", "sqlalchemy", "sqlalchemy"),
    ],
)
def test_each_door_names_the_extra_that_opens_it(door: str, missing: str, named: str) -> None:
    """Without its package a module says what to install, and not where Python looked."""
    program = f"import sys; sys.modules[{missing!r}] = None; import brickwork.{door}"

    opened = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    last = opened.stderr.splitlines()[-1]
    assert last.startswith("brickwork._core.extras.MissingExtraError: ")
    assert last.endswith(f'is not installed. Run: pip install "brickwork[{named}]"')
