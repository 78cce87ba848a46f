"""Signed tokens with python-jose and cryptography: keys that know their use, and a codec that takes no other."""

from .codec import JoseCodec
from .key import Key
from .keys import Keys
from .material import Algorithm

__all__ = ["Algorithm", "JoseCodec", "Key", "Keys"]
