"""How a socket is closed because of an error that has an HTTP answer: once it is open, no response can be sent."""

from typing import Final

_CLOSE_CODES: Final = {413: 1009, 429: 1013, 503: 1013}
_LONGEST_REASON: Final = 123


def close_code(status: int) -> int:
    """Give the close code that says what an HTTP status says.

    Reference: RFC 6455, section 7.4.1, and IANA's registry of close codes.
    """
    return _CLOSE_CODES.get(status, 1011 if status >= 500 else 1008)


def close_reason(text: str) -> str:
    """Cut a text to what a close frame holds, between two characters.

    Reference: RFC 6455, section 5.5.
    """
    return text.encode("utf-8", "replace")[:_LONGEST_REASON].decode("utf-8", "ignore")
