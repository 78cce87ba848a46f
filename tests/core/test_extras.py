"""`extra`: a missing optional package names what to install."""

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
