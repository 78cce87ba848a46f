"""Entity tags: how they are written, read and compared."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_LONGEST_TEXT: Final = 8_192
_OPAQUE: Final = re.compile(r"[\x21\x23-\x7e\x80-\xff]*+")
_TAG: Final = re.compile(r'(W/)?+"([\x21\x23-\x7e\x80-\xff]*+)"')
# An empty element of a list counts for nothing.
_SEPARATOR: Final = re.compile(r"[\t ]*+(?:,[\t ]*+)++")


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


def has_state(lines: Iterable[str], current: EntityTag) -> bool:
    """Tell whether a client has the current state already.

    Args:
        lines: All lines of ``If-None-Match``; where they cannot be read they count as absent.
        current: Tag of the current state.

    Reference: RFC 9110, section 13.1.2.
    """
    try:
        return EntityTags.parse(lines).match_weakly(current)
    except ValueError:
        return False
