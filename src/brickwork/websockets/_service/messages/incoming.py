"""A message as it came, before any model has seen it."""

from typing import Any, Final, NamedTuple, TypeGuard

from ...._core.shapes import is_dict
from ..._rules.frames import Codec, Frame
from .error_frames import MessageId, error_frame, invalid_member

_LONGEST_ID: Final = 64
_LARGEST_ID: Final = 2**63


class Refused(Exception):  # noqa: N818 - never leaves this folder
    """A message cannot be handled.

    Attributes:
        frame: What the client is told.
    """

    def __init__(self, frame: Frame) -> None:
        super().__init__()
        self.frame = frame


class Incoming(NamedTuple):
    """A message whose form is right.

    Attributes:
        id: The ID under which the client wants the answer; None where it wants none.
        body: All members.
    """

    id: MessageId | None
    body: dict[str, Any]


def read(codec: Codec, data: str | bytes) -> Incoming:
    """Read what a client sent.

    Raises:
        Refused: It is not an object of the codec, or its ID is none.
    """
    try:
        body = codec.decode(data)
    except ValueError as error:
        # The text of an exact `ValueError` is a codec's own; that of one derived from it may quote the message.
        said = str(error) if type(error) is ValueError else f"It cannot be read as {codec.name}."
        raise Refused(error_frame(400, title="Malformed message", detail=said)) from None
    except RecursionError:
        raise Refused(error_frame(400, title="Malformed message", detail="It is nested too deeply.")) from None
    if not is_dict(body):
        raise Refused(invalid_member("", "model_type", "Input should be an object"))
    message_id: object = body.get("id")
    if message_id is None or is_message_id(message_id):
        return Incoming(message_id, body)
    said = f"Input should be a text of at most {_LONGEST_ID} characters, or a whole number of at most 64 bits"
    raise Refused(invalid_member("id", "message_id", said))


def is_message_id(value: object) -> TypeGuard[MessageId]:
    """Tell whether something can name a message: a short text, or a whole number of 64 bits."""
    if isinstance(value, str):
        return len(value) <= _LONGEST_ID
    return isinstance(value, int) and not isinstance(value, bool) and -_LARGEST_ID <= value < _LARGEST_ID
