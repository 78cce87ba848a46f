"""Options: what makes no sense is refused where it is written."""

from collections.abc import Callable

import pytest

from brickwork.websockets import ConnectionLimits, History, Presence


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (lambda: ConnectionLimits(queue=0), "queue=0 lets nothing through"),
        (lambda: ConnectionLimits(per_user=-1), "per_user=-1 lets nothing through"),
        (lambda: History(size=0), "at least one message"),
        (lambda: History(ttl=0), "more than 0 seconds"),
        (lambda: Presence(ttl=10, refresh=10), "a refresh below the ttl"),
        (lambda: Presence(refresh=0), "above 0"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(write: Callable[[], object], reason: str) -> None:
    """The error says what was written, and what to write instead."""
    with pytest.raises(ValueError, match=reason):
        write()
