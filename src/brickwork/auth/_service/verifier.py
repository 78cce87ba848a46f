"""`Verifier`: from the text of a token to its claims, if they hold."""

from collections import OrderedDict
from collections.abc import Callable
from copy import deepcopy
from typing import Any, NamedTuple

from ..._core.clock import Clock, SystemClock
from .._errors import InvalidTokenError
from .._rules.claims import InvalidClaimsError, check
from .._rules.values import Claims
from .._store import Codec

_MOST_LEEWAY = 120


class _Verified(NamedTuple):
    """A token that was accepted: under which keys, what for, what it says, until when, and how to copy that."""

    version: int
    type: str
    claims: dict[str, Any]
    ends_at: float
    copy: Callable[[dict[str, Any]], dict[str, Any]]


class Verifier:
    """Accepts tokens that are signed by one of ours, for us, for this purpose, and for now.

    Args:
        codec: Checks signatures.
        issuer: Who must have issued a token.
        audience: Who must be among those it is for.
        leeway: Seconds by which the clocks of issuer and receiver may differ, 120 at most.
        clock: Tells the time.
        cache: How many verified access tokens are remembered, so that their signatures are not checked again. Their
            end is, and all are forgotten when a key comes or goes. A token takes about two kilobytes.

    Raises:
        ValueError: An option makes no sense.
    """

    def __init__(
        self,
        codec: Codec,
        *,
        issuer: str,
        audience: str,
        leeway: float = 0.0,
        clock: Clock | None = None,
        cache: int = 0,
    ) -> None:
        if not issuer or not audience:
            raise ValueError("issuer and audience must not be empty: write issuer='https://api.example'")
        if not 0 <= leeway <= _MOST_LEEWAY:
            raise ValueError(f"leeway={leeway} makes no sense: use 0 to {_MOST_LEEWAY} seconds")
        if cache < 0:
            raise ValueError(f"cache={cache} makes no sense: use 0 to remember no tokens")
        self._codec = codec
        self._issuer = issuer
        self._audience = audience
        self._leeway = leeway
        self._clock = clock or SystemClock()
        self._size = cache
        self._verified: OrderedDict[str, _Verified] = OrderedDict()
        self._version = codec.version

    def verify(self, token: str, *, type: str = "at+jwt") -> Claims:  # noqa: A002  # the header says `typ`
        """Give what a token says.

        Args:
            token: The text as it was received.
            type: What it has to be for.

        Raises:
            InvalidTokenError: (401) It is malformed, expired, for others or something else, or was never ours.
        """
        now = self._clock.time()
        try:
            if self._size:
                return Claims(self._verify_once(token, type, now))
            return Claims(self._verify(token, type, now))
        except InvalidClaimsError as error:
            raise InvalidTokenError from error

    def _verify(self, token: str, typ: str, now: float) -> dict[str, Any]:
        claims = self._codec.decode(token, type=typ)
        check(claims, issuer=self._issuer, audience=self._audience, now=now, leeway=self._leeway)
        return claims

    def _verify_once(self, token: str, typ: str, now: float) -> dict[str, Any]:
        version = self._codec.version
        if version != self._version:
            self._version = version
            self._verified.clear()
        # Taking it out and putting it back makes it the most recently used, in steps that no other thread can split.
        known = self._verified.pop(token, None)
        # What one thread verifies while another changes the keys comes in after all was forgotten: hence the version.
        if known is None or known[:2] != (version, typ) or known.ends_at <= now - self._leeway:
            claims = self._verify(token, typ, now)
            copy = deepcopy if _nested(claims) else dict[str, Any].copy
            known = _Verified(version, typ, claims, claims["exp"], copy)
        self._verified[token] = known
        if len(self._verified) > self._size:
            self._verified.popitem(last=False)
        # Whoever is given claims may change them, and must not change them for the next request.
        return known.copy(known.claims)


def _nested(claims: dict[str, Any]) -> bool:
    return any(isinstance(value, dict | list) for value in claims.values())
