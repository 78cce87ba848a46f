"""What goes into an access record, and which requests have one."""

import re
from collections.abc import Iterable, Mapping
from fnmatch import translate
from urllib.parse import unquote_plus

from ..._core.logs import printable

HIDDEN = "***"
LONGEST = 2048

# Query names whose values are secrets: these as they stand, and any name with one of the words in it.
_SECRET_NAMES = frozenset({
    "auth", "authorization", "code", "jwt", "key", "nonce", "otp", "pass", "pin", "pw", "pwd", "session", "sessionid",
    "sid", "sig", "state", "ticket",
})  # fmt: skip
_SECRET_WORDS = re.compile("apikey|accesskey|credential|passphrase|passwd|password|secret|signature|token")
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization", "set-cookie", "x-api-key"})
_NO_WORD = re.compile(r"[\W_]+")


def shown(text: str) -> str:
    """Make a client's text fit for a log line: no control characters, and cut where it is endless."""
    if len(text) <= LONGEST:
        return text if text.isprintable() else printable(text)
    return printable(text[:LONGEST] + "…")


class Redaction:
    """Hides the values of query parameters that are secrets by their names.

    Args:
        names: Further names; case, hyphens and underscores make no difference.

    Raises:
        TypeError: ``names`` is a bare string.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        if isinstance(names, str):
            raise TypeError(f"redact= takes a set of names: write {{{names!r}}}")
        self._names = _SECRET_NAMES | {_word(name) for name in names}

    def query(self, raw: bytes) -> str:
        """Give a query string as it may be logged."""
        if not raw:
            return ""
        # Cut first: no more work for an endless query than for its shown part. The last value is then incomplete.
        text = raw[: LONGEST + 1].decode("latin-1")
        return shown("&".join(self._pair(pair) for pair in text.split("&")))

    def _pair(self, pair: str) -> str:
        name, equals, _ = pair.partition("=")
        return f"{name}={HIDDEN}" if equals and self._hides(name) else pair

    def _hides(self, name: str) -> bool:
        # A server decodes names before it looks at them, so `%74oken` is `token`.
        word = _word(unquote_plus(name))
        return word in self._names or _SECRET_WORDS.search(word) is not None


def _word(name: str) -> str:
    return _NO_WORD.sub("", name).lower()


class Selection:
    """Decides which requests are logged.

    Server errors and slow requests always are.

    Args:
        exclude: Paths, in which ``*`` stands for any characters.
        sample: Share of the responses of a status class that is logged, such as ``{"2xx": 0.1}``.
        slow: Seconds from which a request is logged whatever the other two say.

    Raises:
        TypeError: ``exclude`` is a bare string.
        ValueError: A path does not begin with ``/`` or ``*``, or a share, class or time makes no sense.
    """

    def __init__(
        self, exclude: Iterable[str] = (), sample: Mapping[str, float] | None = None, slow: float | None = None
    ) -> None:
        if isinstance(exclude, str):
            raise TypeError(f"exclude= takes a set of paths: write {{{exclude!r}}}")
        paths = sorted(set(exclude))
        for path in paths:
            if not path.startswith(("/", "*")):
                raise ValueError(f'exclude={path!r} can match no path: begin it with a slash, as "/health/*"')
        if slow is not None and not slow > 0:
            raise ValueError(f"slow={slow!r} is no duration: give seconds above 0, or None")
        self._excluded = re.compile("|".join(map(translate, paths))).match if paths else None
        self._shares = {_status_class(name): _share(name, share) for name, share in (sample or {}).items()}
        self._slow = slow
        self.takes_all = not paths and not self._shares

    def takes(self, path: str, status: int, duration: float, chance: float) -> bool:
        """Tell whether a request is logged.

        Args:
            path: The request's path.
            status: Its response's status.
            duration: Seconds it took.
            chance: A random number, at least 0 and below 1.
        """
        if self.takes_all or status >= 500 or (self._slow is not None and duration >= self._slow):
            return True
        if self._excluded is not None and self._excluded(path):
            return False
        return chance < self._shares.get(status // 100, 1)


def _status_class(name: str) -> int:
    if name not in ("1xx", "2xx", "3xx", "4xx"):
        raise ValueError(f'sample: {name!r} must be "1xx", "2xx", "3xx" or "4xx"; server errors are always logged')
    return int(name[0])


def _share(name: str, share: float) -> float:
    if not 0 <= share <= 1:
        raise ValueError(f"sample: {name} has the share {share!r}: give a number from 0 to 1")
    return share


def header_names(names: Iterable[str]) -> frozenset[bytes]:
    """Give the allowed header names as ASGI writes them.

    Raises:
        TypeError: ``names`` is a bare string.
        ValueError: One of them carries credentials.
    """
    if isinstance(names, str):
        raise TypeError(f"headers= takes a set of names: write {{{names!r}}}")
    lower = {name.lower() for name in names}
    if lower & _CREDENTIALS:
        raise ValueError(f"headers: {min(lower & _CREDENTIALS)} would write credentials into the log; leave it out")
    return frozenset(name.encode("latin-1") for name in lower)
