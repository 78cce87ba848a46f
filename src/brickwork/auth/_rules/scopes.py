"""Scopes: from text to names and back, and whether what is allowed covers what is asked."""

import re
from collections.abc import Collection, Iterable

_NAME = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_TEXT = re.compile(rf"(?:{_NAME.pattern}+(?: {_NAME.pattern}+)*+)?+")


class InvalidScopeError(ValueError):
    """A text is no list of scopes, or asks for more than is allowed."""


def parse(text: str) -> tuple[str, ...]:
    """Give the names in a text of scopes, each once; an empty text has none.

    Raises:
        InvalidScopeError: Names are not separated by single spaces, or hold characters that no name may.

    Reference: RFC 6749, section 3.3.
    """
    if not is_text(text):
        raise InvalidScopeError("scopes are names of visible ASCII, separated by single spaces")
    return tuple(dict.fromkeys(text.split()))


def is_text(text: str) -> bool:
    """Tell whether a text is a list of scopes: names that are separated by single spaces, or nothing at all."""
    return _TEXT.fullmatch(text) is not None


def checked(scopes: str | Iterable[str]) -> tuple[str, ...]:
    """Give the names that an application wrote: ``"orders:read orders:write"``, or a list of such names.

    Raises:
        InvalidScopeError: One of them can be no scope.
    """
    if isinstance(scopes, str):
        return parse(scopes)
    names = tuple(dict.fromkeys(scopes))
    for name in names:
        if type(name) is not str or not _NAME.fullmatch(name):
            raise InvalidScopeError(
                f"{name!r} is no scope: use visible ASCII without spaces, quotes and backslashes, as 'orders:read'"
            )
    return names


def declared(scopes: str | Iterable[str], declarations: Collection[str]) -> tuple[str, ...]:
    """Give the names that an application wrote, all of which it has declared; where it declared none, any will do.

    Raises:
        InvalidScopeError: One of them can be no scope.
        ValueError: One of them is not declared.
    """
    names = checked(scopes)
    unknown = missing(declarations, names) if declarations else ()
    if unknown:
        raise ValueError(f"there is no scope {unknown[0]!r}: add it to Auth(scopes={{…}}), or write one of those")
    return names


def missing(granted: Collection[str], needed: Iterable[str]) -> tuple[str, ...]:
    """Give what is needed and was not granted; names are compared whole, letter by letter."""
    return tuple(name for name in needed if name not in granted)


def narrow(requested: Iterable[str] | None, allowed: Collection[str]) -> tuple[str, ...]:
    """Give what was requested, if all of it is allowed; where nothing was requested, all that is allowed.

    Raises:
        InvalidScopeError: Something is requested that is not allowed.
        TypeError: What is allowed is a text, in which ``"orders:read"`` would be found in ``"orders:readonly"``.

    Reference: RFC 6749, sections 3.3 and 6.
    """
    if isinstance(allowed, str):
        raise TypeError("the scopes of a user are a list of names, not a text: give your class scopes.split()")
    if requested is None:
        return tuple(allowed)
    names = tuple(requested)
    refused = missing(allowed, names)
    if refused:
        among = f"allowed are {', '.join(map(str, allowed))}" if allowed else "none is allowed"
        raise InvalidScopeError(f"the scope {refused[0]!r} was requested, and {among}")
    return names
