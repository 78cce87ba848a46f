"""Limits as people write them: ``"10/second; 1000 per hour"``."""

import re
from typing import Final, cast

from .values import Algorithm, Limit

_LONGEST: Final = 500
_SECONDS: Final = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3_600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("w", "week", "weeks"), 7 * 86_400),
    **dict.fromkeys(("month", "months"), 30 * 86_400),
    **dict.fromkeys(("year", "years"), 360 * 86_400),  # twelve months, as in the package limits
}
_PERIODS: Final = {_SECONDS[unit]: unit for unit in ("second", "minute", "hour", "day")}
_NUMBER: Final = "[0-9]+(?:_[0-9]+)*"
_LIMIT: Final = re.compile(
    rf" ?({_NUMBER}) ?(?:/|per) ?({_NUMBER})? ?({'|'.join(_SECONDS)})"
    rf"(?: (sliding|gcra|fixed|log))?(?: burst ({_NUMBER}))? ?"
)
_GRAMMAR: Final = (
    'write a limit like "10/second", "10 per 2 hours", "10/30s", "5/minute burst 2" or "100/day fixed", with second, '
    'minute, hour, day, week, month or year, and sliding, gcra, fixed or log; several with ";" between them'
)


def parse(text: str) -> tuple[Limit, ...]:
    """Read limits; what the package limits reads means the same here.

    Args:
        text: Limits with ``;``, ``,`` or ``|`` between them. Case and spaces do not matter, and ``_`` may group digits.
            A month has 30 days and a year twelve months. A limit that is written twice is one.

    Raises:
        ValueError: It is not that, lets nothing through, or is too much to be counted exactly.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"{len(text)} characters are too long for limits, use {_LONGEST} at most: {_GRAMMAR}")
    plain = " ".join(text.lower().split())
    return tuple(dict.fromkeys(_read(part) for part in re.split("[;,|]", plain)))


def write(limit: Limit) -> str:
    """Write a limit as `parse` reads it."""
    how = f" burst {limit.burst}" if limit.algorithm == "gcra" else f" {limit.algorithm}"
    return f"{limit.amount}/{write_period(limit.period)}{'' if limit.algorithm == 'sliding' else how}"


def write_period(seconds: int) -> str:
    """Write a period: ``minute``, or ``30s`` where no unit is as long."""
    return _PERIODS.get(seconds, f"{seconds}s")


def _read(part: str) -> Limit:
    match = _LIMIT.fullmatch(part)
    if match is None:
        raise ValueError(f"{part.strip()[:60]!r} is no rate limit: {_GRAMMAR}")
    amount, multiple, unit, algorithm, burst = match.groups()
    try:
        return Limit(
            int(amount),
            int(multiple or 1) * _SECONDS[unit],
            cast(Algorithm, algorithm or ("gcra" if burst else "sliding")),
            _at_least_one(burst),
        )
    except ValueError as error:
        raise ValueError(f"{part.strip()[:60]!r} is no rate limit, {error}: {_GRAMMAR}") from error


def _at_least_one(burst: str | None) -> int:
    if burst is None:
        return 0
    if not int(burst):
        raise ValueError("a burst of 0 lets nothing through")
    return int(burst)
