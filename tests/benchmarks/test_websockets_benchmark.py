"""Broadcasts are measured: a server in a process of its own, and clients that count what they hear."""

import pytest

from benchmarks import websockets
from benchmarks.websockets_peers import WAYS

HERE = [way for way in WAYS if not way.needs]


@pytest.mark.timeout(180)
def test_a_broadcast_is_measured_by_what_the_server_takes_for_each_socket() -> None:
    """Each way has a row with what it took, when the last client heard, and the memory of a connection."""
    table = websockets.broadcast(2, size=20, ways=HERE)

    assert [row.name for row in table.results] == [way.name for way in HERE]
    assert [row.group for row in table.results][:2] == ["floor", "ours"]
    assert all(row.microseconds > 0 for row in table.results)
    assert all(heard.endswith(" ms") for heard in table.beside["last"])
    assert all(memory.endswith(" KiB") for memory in table.beside["idle"])


@pytest.mark.timeout(180)
def test_one_client_who_reads_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the others heard is told beside what it took."""
    monkeypatch.setattr(websockets, "STALLED_BLOCKS", 2)
    monkeypatch.setattr(websockets, "STALLED_EACH", 2)

    table = websockets.stalled(ways=HERE[:2], size=5)

    assert table.beside["heard"] == ["100.0%", "100.0%"]
    assert len(table.beside["memory"]) == 2
