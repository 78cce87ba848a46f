"""How a listing is cut into pages: by number, by what to skip, by cursor."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from .cursors import Cursors
from .totals import Total

ParameterName = Literal["page", "size", "skip", "limit", "cursor", "sort", "order", "fields"]
"""A parameter of a listing that is not a filter, by the name that `names=` can change."""

# Databases count rows in 64 bits.
MOST_ROWS: Final = 2**62


@dataclass(frozen=True, slots=True)
class Offset:
    """Pages by number: ``page=3&size=20``.

    Args:
        size: Rows of a page where the client does not say.
        max_size: Rows of a page at most; more is 422.
        max_offset: Rows that may come before a page at most; deeper is 422, since a database reads all that it skips.
        total: Whether and how rows are counted.
        clamp: Take a size beyond `max_size` for `max_size` rather than refuse it.

    Raises:
        ValueError: The sizes make no sense.
    """

    size: int = 20
    max_size: int = field(default=100, kw_only=True)
    max_offset: int = field(default=10_000, kw_only=True)
    total: Total = field(default_factory=Total.exact, kw_only=True)
    clamp: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        _check_sizes(self.size, self.max_size, "max_size")
        _check_depth(self.max_offset)


@dataclass(frozen=True, slots=True)
class LimitOffset:
    """Stretches of rows: ``skip=40&limit=20``.

    Args:
        limit: Rows given where the client does not say.
        max_limit: Rows given at most; more is 422.
        max_offset: Rows that may be skipped at most; more is 422, since a database reads all that it skips.
        total: Whether and how rows are counted.
        clamp: Take a limit beyond `max_limit` for `max_limit` rather than refuse it.

    Raises:
        ValueError: The sizes make no sense.
    """

    limit: int = 20
    max_limit: int = field(default=100, kw_only=True)
    max_offset: int = field(default=10_000, kw_only=True)
    total: Total = field(default_factory=Total.exact, kw_only=True)
    clamp: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        _check_sizes(self.limit, self.max_limit, "max_limit")
        _check_depth(self.max_offset)


@dataclass(frozen=True, slots=True)
class Keyset:
    """Pages by cursor: ``cursor=…&size=20``; as fast at the end of a million rows as at the beginning.

    Args:
        size: Rows of a page where the client does not say.
        max_size: Rows of a page at most; more is 422.
        secret: What cursors are sealed with, 32 bytes or more; of several, the first seals and all open, so that a
            secret can be replaced.
        expires: Seconds that a cursor is good for; it does not expire where left out.
        clamp: Take a size beyond `max_size` for `max_size` rather than refuse it.

    Raises:
        ValueError: The sizes make no sense, or a secret is missing or short.
    """

    size: int = 20
    max_size: int = field(default=100, kw_only=True)
    secret: str | bytes | Sequence[str | bytes] = field(kw_only=True, repr=False)
    expires: float | None = field(default=None, kw_only=True)
    clamp: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        _check_sizes(self.size, self.max_size, "max_size")
        self.cursors()

    def cursors(self) -> Cursors:
        """Make what seals and opens the cursors."""
        given = (self.secret,) if isinstance(self.secret, str | bytes) else self.secret
        secrets = [each.encode() if isinstance(each, str) else each for each in given]
        return Cursors(secrets, expires=self.expires)


Style = Offset | LimitOffset | Keyset


def _check_sizes(size: int, most: int, name: str) -> None:
    if not 1 <= size <= most:
        raise ValueError(f"a page of {size} rows must lie between 1 and {name}={most}")


def _check_depth(most: int) -> None:
    if not 0 <= most <= MOST_ROWS:
        raise ValueError(f"max_offset={most} must lie between 0 and 2**62")
