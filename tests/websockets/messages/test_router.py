"""Routers: one handler for each type, wherever it was registered."""

from typing import Literal

import pytest
from pydantic import BaseModel

from brickwork.websockets import MessageRouter
from tests.websockets.messages.client import connected


class Say(BaseModel):
    type: Literal["say"] = "say"


class Shout(BaseModel):
    type: Literal["shout"] = "shout"


class Move(BaseModel):
    kind: Literal["move"] = "move"


async def _say(message: Say) -> Say:
    return message


async def _shout(message: Shout) -> Shout:
    return message


async def _move(message: Move) -> Move:
    return message


async def _whisper(message: Say) -> None: ...


@pytest.mark.promise("websockets-77")
def test_one_type_has_one_handler() -> None:
    """A second handler of a type is a ValueError that names both, and changes nothing."""
    messages = MessageRouter()
    messages.on(_say)

    with pytest.raises(ValueError, match="_say and _whisper both handle messages of type 'say'"):
        messages.on(_whisper)

    assert messages.routes()["say"].handler.call is _say


@pytest.mark.promise("websockets-77")
def test_what_is_included_keeps_the_rule() -> None:
    """A type that two routers handle is refused when one includes the other, and when it is added later."""
    inner, outer = MessageRouter(), MessageRouter()
    inner.on(_say)
    outer.on(_whisper)
    other = MessageRouter()
    other.include(inner)

    with pytest.raises(ValueError, match="_whisper and _say both handle"):
        outer.include(inner)
    outer.include(MessageRouter())
    other.on(_shout)
    with pytest.raises(ValueError, match="_shout and _shout both handle"):
        inner.on(_shout)

    assert inner.routes().keys() == {"say"}


@pytest.mark.promise("websockets-77")
async def test_a_router_handles_what_it_includes() -> None:
    """What another router handles is handled, also what is added to that after it was included."""
    inner, middle, outer = MessageRouter(), MessageRouter(), MessageRouter()
    inner.on(_say)
    middle.include(inner)
    outer.include(middle)
    inner.on(_shout)

    async with connected(outer) as client:
        heard = [await client.ask({"type": each}) for each in ("say", "shout")]

    assert heard == [{"type": "say"}, {"type": "shout"}]


def test_a_router_is_no_part_of_itself() -> None:
    """A router that would include itself, also by way of another one, is refused."""
    inner, outer = MessageRouter(), MessageRouter()
    outer.include(inner)

    for first, second in ((inner, inner), (inner, outer)):
        with pytest.raises(ValueError, match="a router cannot be part of itself"):
            first.include(second)


async def test_the_discriminator_may_have_another_name() -> None:
    """The member that names the type is the one that the router says."""
    messages = MessageRouter(discriminator="kind")
    messages.on(_move)

    async with connected(messages) as client:
        heard = await client.ask({"kind": "move"})

    assert heard == {"kind": "move"}


@pytest.mark.parametrize("name", ["id", "re", ""])
def test_a_discriminator_has_a_name_of_its_own(name: str) -> None:
    """Members that have a meaning already cannot name the type."""
    with pytest.raises(ValueError, match="does not name a type"):
        MessageRouter(discriminator=name)


def test_routers_with_different_discriminators_do_not_meet() -> None:
    """A router whose messages name their type elsewhere is refused."""
    with pytest.raises(ValueError, match="write the same for both"):
        MessageRouter().include(MessageRouter(discriminator="kind"))
