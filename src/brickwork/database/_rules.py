"""Identifiers that sort by their age, and entity tags: how they are written, read and compared."""

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from secrets import randbits
from threading import Lock
from typing import Final
from uuid import UUID

_RANDOM_BITS: Final = 74
_LONGEST_TEXT: Final = 8_192
_OPAQUE: Final = re.compile(r"[\x21\x23-\x7e\x80-\xff]*+")
_TAG: Final = re.compile(r'(W/)?+"([\x21\x23-\x7e\x80-\xff]*+)"')
# An empty element of a list counts for nothing.
_SEPARATOR: Final = re.compile(r"[\t ]*+(?:,[\t ]*+)++")


class _Ascending:
    """Makes UUIDs of version 7, each greater than all before it.

    Reference: RFC 9562, section 6.2, method 2.
    """

    def __init__(self, milliseconds: Callable[[], int], random: Callable[[int], int]) -> None:
        self._milliseconds = milliseconds
        self._random = random
        self._lock = Lock()
        self._last = -1
        self._tail = 0

    def __call__(self) -> UUID:
        with self._lock:
            now = self._milliseconds()
            if now > self._last:
                self._last, self._tail = now, self._random(_RANDOM_BITS)
            else:
                # The same millisecond, or a clock that was set back: greater by a number that nobody can guess.
                self._tail += self._random(32) + 1
                if self._tail >> _RANDOM_BITS:
                    self._last, self._tail = self._last + 1, self._random(_RANDOM_BITS)
            instant, tail = self._last, self._tail
        high, low = tail >> 62, tail & (1 << 62) - 1
        return UUID(int=instant << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)


# The one thing here that remembers: identifiers of a process ascend only if one object makes them all.
_ascending = _Ascending(lambda: time.time_ns() // 1_000_000, randbits)


def uuid7() -> UUID:
    """Make a UUID of version 7: made of the time in milliseconds and 74 random bits.

    Those of one process ascend strictly, also within a millisecond and when the clock is set back, so that an index
    over them grows at its end.

    Reference: RFC 9562, sections 5.7 and 6.2.
    """
    return _ascending()


@dataclass(frozen=True, slots=True)
class EntityTag:
    """A name for one state of one resource.

    ```python
    from brickwork.database import EntityTag

    print(EntityTag("v7"), EntityTag("v7", weak=True))
    #> "v7" W/"v7"
    ```

    Args:
        value: What stands between the quotes: visible characters of latin-1, none of them a quote.
        weak: Whether it names only what the content means, and not its bytes.

    Raises:
        ValueError: The value holds a character that cannot stand in a tag.

    Reference: RFC 9110, section 8.8.3.
    """

    value: str
    weak: bool = False

    def __post_init__(self) -> None:
        if not _OPAQUE.fullmatch(self.value):
            raise ValueError(f"{self.value!r} is no entity tag: use visible latin-1 characters without quotes")

    def __str__(self) -> str:
        return f'W/"{self.value}"' if self.weak else f'"{self.value}"'


@dataclass(frozen=True, slots=True)
class EntityTags:
    """The entity tags of one ``If-Match`` or ``If-None-Match``.

    Args:
        listed: The tags, where it lists some.
        any: Whether it says ``*``: whatever there is.
    """

    listed: tuple[EntityTag, ...] = ()
    any: bool = False

    @classmethod
    def parse(cls, lines: Iterable[str]) -> "EntityTags":
        """Read the value of the header, from all lines of it.

        Raises:
            ValueError: It is neither ``*`` nor a list of entity tags.

        Reference: RFC 9110, sections 5.6.1, 8.8.3 and 13.1.1.
        """
        text = ",".join(lines).strip("\t ,")
        if text == "*":
            return cls(any=True)
        if not text or len(text) > _LONGEST_TEXT:
            raise ValueError("no entity tags, or too many")
        found: list[EntityTag] = []
        place = 0
        while place < len(text):
            tag = _TAG.match(text, place)
            if tag is None:
                raise ValueError('entity tags stand in quotes and are separated by commas, as "a", W/"b"')
            found.append(EntityTag(tag[2], weak=tag[1] is not None))
            place = tag.end()
            separator = _SEPARATOR.match(text, place)
            if separator is None and place < len(text):
                raise ValueError("entity tags are separated by commas")
            place = separator.end() if separator else place
        return cls(tuple(found))

    def match_strongly(self, current: EntityTag | None) -> bool:
        """Tell whether the current state is one of these, byte for byte.

        Args:
            current: Tag of the current state; None where there is nothing.

        Reference: RFC 9110, sections 8.8.3.2 and 13.1.1.
        """
        if current is None or self.any:
            return current is not None
        return not current.weak and current in self.listed

    def match_weakly(self, current: EntityTag | None) -> bool:
        """Tell whether the current state means the same as one of these.

        Args:
            current: Tag of the current state; None where there is nothing.

        Reference: RFC 9110, sections 8.8.3.2 and 13.1.2.
        """
        if current is None or self.any:
            return current is not None
        return any(tag.value == current.value for tag in self.listed)
