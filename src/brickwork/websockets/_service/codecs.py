"""`JSONCodec`, and which codec and subprotocol a client gets."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from pydantic_core import from_json

from .._rules.frames import Codec, Entry

BEARER: Final = "bearer"
"""The subprotocol in front of a token, which is how a page sends one: ``new WebSocket(url, ["bearer", token])``."""


class JSONCodec:
    """Sends JSON as text, and reads what is sent as JSON.

    Reference: RFC 8259.
    """

    name = "json"

    def encode(self, entry: Entry) -> tuple[dict[str, Any], int]:
        """Give the ASGI message that carries an entry, and its size in bytes."""
        told = entry.told()
        if told.kind == "bytes":
            return {"type": "websocket.send", "bytes": told.data}, len(told.data)
        return {"type": "websocket.send", "text": told.data.decode()}, len(told.data)

    def decode(self, data: str | bytes) -> object:
        """Read a text; numbers that JSON does not have, such as ``NaN``, are refused.

        Raises:
            ValueError: It is not JSON, is nested more than some 200 deep, or is no text.
        """
        try:
            if isinstance(data, str):
                # Only the names of members are kept for the next message: values may be secret.
                return from_json(data, allow_inf_nan=False, cache_strings="keys")
        except (TypeError, ValueError):  # the former for what is no Unicode
            raise ValueError("The message is not JSON.") from None
        raise ValueError("Send JSON, as a text message.")


class Spoken(NamedTuple):
    """How a client is spoken to.

    Attributes:
        codec: What its messages are written in.
        subprotocol: What the handshake is answered with; None for nothing.
    """

    codec: Codec
    subprotocol: str | None


def choose(offered: Sequence[str], codecs: Sequence[Codec], subprotocols: Sequence[str] = ()) -> Spoken:
    """Choose how to speak to a client.

    The app's own subprotocols come first, in its order; then the names of the codecs, in the client's; then
    ``bearer``, in front of a token. Where there is nothing in common, nothing is answered: whether to go on is the
    client's choice. The token is never answered, whatever it looks like.

    Args:
        offered: The subprotocols that the client offers, as in ``scope["subprotocols"]``.
        codecs: What the app can speak; the first is for those who ask for none.
        subprotocols: What the app speaks besides, with the first codec.

    Reference: RFC 6455, sections 4.1 and 4.2.2.
    """
    names = [name for position, name in enumerate(offered) if position == 0 or offered[position - 1] != BEARER]
    for own in subprotocols:
        if own in names:
            return Spoken(codecs[0], own)
    known = {codec.name: codec for codec in codecs}
    for name in names:
        if name in known:
            return Spoken(known[name], name)
    return Spoken(codecs[0], BEARER if BEARER in names else None)


def token_of(offered: Sequence[str]) -> str | None:
    """Give the token that a client offers behind ``bearer``; None where there is none, or more than one."""
    behind = [offered[position + 1] for position, name in enumerate(offered[:-1]) if name == BEARER]
    return behind[0] if len(behind) == 1 else None
