"""What the processes of an app tell each other besides messages."""

from pydantic_core import from_json

from .frames import Entry, Frame, frame
from .values import CloseCode, checked_code


def write_control(code: int, reason: str) -> Frame:
    """Write what a control entry tells: with what to part.

    Raises:
        ValueError: No socket can be closed with that code.
    """
    return frame({"code": checked_code(code), "reason": reason})


def read_control(entry: Entry) -> tuple[int, str]:
    """Read what `write_control` wrote, or something else: nothing is taken on trust that comes from outside."""
    try:
        told = from_json(entry.frame.data)
        return checked_code(int(told["code"])), str(told["reason"])
    except (ValueError, TypeError, KeyError, OverflowError):
        return CloseCode.NORMAL, ""
