"""What waits for a slow client, within bounds."""

from random import Random

import pytest

from brickwork.websockets import ConnectionLimits
from brickwork.websockets._rules.values import Policy
from brickwork.websockets._service.backlog import Backlog


def _backlog(policy: Policy, queue: int = 3, queue_bytes: int = 1_000) -> Backlog:
    return Backlog(ConnectionLimits(queue=queue, queue_bytes=queue_bytes), policy)


def _fill(backlog: Backlog, *names: str, size: int = 10) -> list[bool]:
    return [backlog.add({"text": name}, size) for name in names]


def _taken(backlog: Backlog) -> list[str]:
    return [backlog.take()["text"] for _ in range(len(backlog))]


@pytest.mark.promise("websockets-44")
def test_the_newest_are_kept() -> None:
    """`drop_oldest` leaves out what has waited longest."""
    backlog = _backlog("drop_oldest")

    kept = _fill(backlog, *"abcde")

    assert all(kept)
    assert backlog.dropped == 2
    assert _taken(backlog) == ["c", "d", "e"]


@pytest.mark.promise("websockets-45")
def test_the_first_are_kept() -> None:
    """`drop_newest` leaves out what comes when the queue is full."""
    backlog = _backlog("drop_newest")

    kept = _fill(backlog, *"abcde")

    assert all(kept)
    assert backlog.dropped == 2
    assert _taken(backlog) == ["a", "b", "c"]


@pytest.mark.promise("websockets-46")
def test_there_is_no_place_for_one_too_many() -> None:
    """`disconnect` has no place for a message when the queue is full."""
    backlog = _backlog("disconnect")

    kept = _fill(backlog, *"abcd")

    assert kept == [True, True, True, False]


@pytest.mark.promise("websockets-47")
def test_the_latest_of_a_key_is_kept() -> None:
    """`coalesce` keeps the last message of each key, in the place of the last, and all that have none."""
    backlog = _backlog("coalesce", queue=4)

    for name, key in [("a1", "a"), ("b1", "b"), ("x", None), ("a2", "a"), ("y", None), ("a3", "a")]:
        assert backlog.add({"text": name}, 10, key)

    assert backlog.dropped == 2
    assert _taken(backlog) == ["b1", "x", "y", "a3"]


@pytest.mark.promise("websockets-47")
def test_too_many_keys_have_no_place() -> None:
    """Where the last of each key are too many, the client is parted with."""
    backlog = _backlog("coalesce", queue=2)

    kept = [backlog.add({}, 10, key) for key in "abc"]

    assert kept == [True, True, False]


def test_a_key_counts_only_where_messages_are_coalesced() -> None:
    """With other policies, messages of one key all wait."""
    backlog = _backlog("drop_oldest")

    for name in "ab":
        backlog.add({"text": name}, 10, "key")

    assert _taken(backlog) == ["a", "b"]


@pytest.mark.promise("websockets-43")
def test_bytes_count_as_well() -> None:
    """A queue is full when its bytes are, and what is larger than all of it never waits."""
    backlog = _backlog("drop_oldest", queue=100, queue_bytes=100)

    _fill(backlog, *"abc", size=40)
    _fill(backlog, "huge", size=101)

    assert _taken(backlog) == ["b", "c"]
    assert backlog.dropped == 2


def test_a_queue_is_crowded_when_it_is_half_full() -> None:
    """Those who can wait leave half of the place to those who cannot."""
    by_number, by_bytes = _backlog("disconnect", queue=4), _backlog("disconnect", queue=100, queue_bytes=100)
    _fill(by_number, "a")
    _fill(by_bytes, "a", size=49)
    before = by_number.crowded(), by_bytes.crowded()

    _fill(by_number, "b")
    _fill(by_bytes, "b", size=1)

    assert before == (False, False)
    assert by_number.crowded()
    assert by_bytes.crowded()


def test_nothing_is_left_after_clearing() -> None:
    """A cleared queue is empty, and has room for all."""
    backlog = _backlog("disconnect")
    _fill(backlog, *"abc")

    backlog.clear()

    assert (len(backlog), backlog.size) == (0, 0)
    assert all(_fill(backlog, *"abc"))


@pytest.mark.promise("websockets-43")
@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest", "coalesce", "disconnect"])
def test_no_sequence_exceeds_the_bounds(policy: Policy) -> None:
    """Whatever is added and taken in whatever order, neither bound is exceeded, and what waits is counted right."""
    random = Random(policy)
    for _ in range(200):
        backlog = _backlog(policy, queue=5, queue_bytes=200)
        taken: list[int] = []
        for number in range(40):
            if random.random() < 0.3 and len(backlog):
                taken.append(backlog.take()["number"])
            else:
                backlog.add({"number": number}, random.randrange(1, 120), random.choice([None, "a", "b"]))

            assert len(backlog) <= 5
            assert backlog.size <= 200
        taken += [backlog.take()["number"] for _ in range(len(backlog))]
        assert taken == sorted(taken)
        assert backlog.size == 0
