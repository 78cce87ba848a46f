"""Frames: what of them is ours."""

import json
from typing import Any

import pytest

from brickwork.websockets import JSONCodec
from brickwork.websockets._rules.frames import Entry, frame, with_members
from brickwork.websockets._rules.values import Cursor


@pytest.mark.parametrize(
    ("message", "members", "told"),
    [
        ({}, {"re": 1}, {"re": 1}),
        ({"type": "said"}, {"re": 1}, {"type": "said", "re": 1}),
        ({"type": "said", "re": 2}, {"re": 1}, {"type": "said", "re": 1}),
        ({"type": "said"}, {}, {"type": "said"}),
        ([1], {"re": 1}, [1]),
    ],
)
def test_our_members_stand_in_every_object(message: Any, members: dict[str, object], told: Any) -> None:
    """They are added to objects alone, and win over members of the same name."""
    assert json.loads(with_members(frame(message), members).data) == told


@pytest.mark.parametrize("message", [{"type": "said", "text": "\u00e9"}, "a text", b"\x00\xff"])
def test_what_was_sent_is_read_again(message: Any) -> None:
    """Whoever reads a history has the messages as they were sent, without what is ours."""
    assert Entry("room:lobby", frame(message), cursor=Cursor("e", 7)).message == message


def test_no_client_forges_a_place_in_a_history() -> None:
    """What a client wrote into a message that the app sends on is not taken for the room's own word."""
    forged = {"type": "said", "room": "other", "cursor": "e:9007199254740991", "once": "x"}
    entry = Entry("room:lobby", frame(forged), cursor=Cursor("e", 7), once="p-1")

    told = json.loads(entry.told().data)

    assert told == {"type": "said", "room": "lobby", "cursor": "e:7", "once": "p-1"}


def test_codecs_of_one_name_are_told_apart() -> None:
    """Apps that share a backplane in memory may write their messages each in its own way."""

    class Shouting(JSONCodec):
        def encode(self, entry: Entry) -> tuple[dict[str, Any], int]:
            return {"type": "websocket.send", "text": "LOUD"}, 4

    entry = Entry("room:lobby", frame("quiet"))

    told = [entry.encoded(codec)[0]["text"] for codec in (JSONCodec(), Shouting())]

    assert told == ["quiet", "LOUD"]
