"""What rooms are called, and what clients say of where they were."""

import pytest

from brickwork.websockets import Cursor
from brickwork.websockets._rules.rooms import cursors, room_channel


@pytest.mark.promise("websockets-102")
@pytest.mark.parametrize("room", ["lobby", "a:b:c", "Küche 🍳", "x" * 256, " ", "*", "vip-[1]"])
def test_a_room_has_any_readable_name(room: str) -> None:
    """A room's name is any text of 1 to 256 characters."""
    assert room_channel(room) == f"room:{room}"


@pytest.mark.promise("websockets-102")
@pytest.mark.parametrize("room", ["", "x" * 257, "a\nb", "\x00", "\x7f", "\x85", "\ud800"])
def test_a_room_has_no_unreadable_name(room: str) -> None:
    """Nothing, too much, control characters and halves of characters are no name."""
    with pytest.raises(ValueError, match="1 to 256 characters"):
        room_channel(room)


@pytest.mark.promise("websockets-103")
@pytest.mark.parametrize(
    ("text", "room"),
    [
        ("lobby:abc:7", "lobby"),
        ("a:b::abc:7", "a:b:"),
        ("Küche:abc:7", "Küche"),
        ("abc:7:abc:7", "abc:7"),
    ],
)
def test_a_cursor_is_read_from_the_right(text: str, room: str) -> None:
    """Where a client was is read whatever its room is called, colons and all."""
    assert cursors([text], None) == {room: Cursor("abc", 7)}


@pytest.mark.promise("websockets-103")
@pytest.mark.parametrize(
    "text", ["", "lobby", "lobby:7", "abc:7", "lobby:abc:", "lobby:abc:-1", "lobby:a b:1", "l:e:1e3"]
)
def test_what_is_no_cursor_is_left_out(text: str) -> None:
    """Clients send anything; it is no error."""
    assert cursors([text, "good:abc:1"], None) == {"good": Cursor("abc", 1)}


def test_of_several_cursors_the_last_counts() -> None:
    """A room has one cursor."""
    assert cursors(["a:e:1", "a:e:2"], None) == {"a": Cursor("e", 2)}


@pytest.mark.promise("websockets-103")
def test_no_more_cursors_are_read_than_rooms_can_be_joined() -> None:
    """A client that sends thousands costs no more than one that sends as many as it can use."""
    assert len(cursors((f"{number}:e:1" for number in range(100_000)), 3)) == 3
