"""Whom a rule counts, as a digest that tells nothing of them."""

import logging
from binascii import b2a_base64
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from starlette.requests import HTTPConnection

from .counters import RateLimitCounters
from .keys import Identity, Key, KeyFailedError, stated

_SHORTEST_SECRET: Final = 16
_LONGEST_KNOWN: Final = 64  # characters
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_NO_ADDRESS: Final = (
    "The server tells no client's address: behind a proxy on a Unix socket, write "
    'by_ip(trusted_proxies=["unix"]). Until then on_error decides.'
)
_NO_IDENTITY: Final = "A key gave nobody to count; all such requests are counted together."

_logger = logging.getLogger("brickwork.ratelimit")


class Identities:
    """Finds whom to count, and makes digests of it, which are all that stores and logs ever see.

    Args:
        secret: Makes it impossible to find out who is behind a digest by trying; processes that share a store share it.
        counters: Where requests of nobody are counted.

    Attributes:
        strict: Whether a key that gives nothing is an error, as in tests.

    Raises:
        ValueError: The secret is too short.
    """

    def __init__(self, secret: str | None, counters: RateLimitCounters) -> None:
        if secret is not None and len(secret) < _SHORTEST_SECRET:
            raise ValueError(f"a secret has {_SHORTEST_SECRET} characters or more: use secrets.token_urlsafe()")
        key = b"" if secret is None else blake2b(secret.encode()).digest()
        self.strict = False
        self._counters = counters
        self._who = blake2b(digest_size=16, key=key, person=b"identity")
        self._what = blake2b(digest_size=8, key=key, person=b"scope")
        self._told: set[str] = set()
        # The same few routes are asked for over and over, and many callers come more than once.
        self._routes = lru_cache(maxsize=1024)(self._scope)
        self._known = lru_cache(maxsize=4096)(self.digest)

    async def find(self, key: Key, connection: HTTPConnection) -> str:
        """Give the digest of whom a key finds; empty where nobody can tell, so that ``on_error`` decides.

        Raises:
            RuntimeError: The key needs to be asked later; or, in tests, it gave nothing.
            HTTPException: It is what the application's own key raised.
        """
        try:
            found = key.find(connection)
            if not isinstance(found, Identity):
                found = await found
        except KeyFailedError as error:
            return self.failed("A key", error.__cause__)
        return self.of(found)

    def of(self, found: Identity) -> str:
        """Give the digest of whom a key has found; empty where nobody can tell.

        Raises:
            RuntimeError: In tests, the key gave nothing.
        """
        if found.missing:
            return self._without(found)
        parts = found.parts
        # Addresses and users are kept; what is long, and secrets such as the keys that headers bring, are not.
        return self._known(parts) if len(parts) == 2 and len(parts[1]) <= _LONGEST_KNOWN else self.digest(parts)

    def failed(self, what: str, error: BaseException | None) -> str:
        """Give the digest of nobody, since a function of the application failed; only the error's kind is logged."""
        self._unidentified(f"{what} failed ({type(error).__name__}): on_error decides.")
        return ""

    def stated(self, value: object) -> str:
        """Give the digest of whom the application states: a text, a number, a UUID, or somebody with such an ``id``.

        Raises:
            TypeError: It is none of these.
            RuntimeError: In tests, it is nobody.
        """
        return self.of(stated(value))

    def digest(self, parts: Sequence[str]) -> str:
        """Give a digest of 22 characters, another one for other parts."""
        # With their lengths before them, no parts read like others.
        text = "".join([f"{len(part)}:{part}" for part in parts])
        made = self._who.copy()
        made.update(text.encode("utf-8", "surrogatepass"))
        return b2a_base64(made.digest()).translate(_URL_SAFE)[:22].decode()

    def scope(self, text: str) -> str:
        """Give a digest of what is counted, of 11 characters."""
        # A path may stand in it, which clients make as long as they like: that is not kept.
        return self._routes(text) if len(text) <= _LONGEST_KNOWN else self._scope(text)

    def _scope(self, text: str) -> str:
        made = self._what.copy()
        made.update(text.encode("utf-8", "surrogatepass"))
        return b2a_base64(made.digest()).translate(_URL_SAFE)[:11].decode()

    def _without(self, found: Identity) -> str:
        if found.missing == "address":
            self._unidentified(_NO_ADDRESS)
            return ""
        if found.missing == "nothing":
            if self.strict:
                raise RuntimeError("a key gave nobody to count: give a text, or join it with another key by |")
            self._unidentified(_NO_IDENTITY)
        return self.digest(found.parts)

    def _unidentified(self, sentence: str) -> None:
        self._counters.unidentified += 1
        # Each sentence once: clients could fill the log otherwise. None of them names a client.
        if sentence not in self._told:
            self._told.add(sentence)
            _logger.warning(sentence)
