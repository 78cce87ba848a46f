"""A reader of the lists of RFC 9651 that the draft uses: strings with whole numbers or strings as parameters."""

import re
from typing import Any

_STRING = r'"((?:[ !#-\[\]-~]|\\["\\])*)"'
_MEMBER = re.compile(rf"{_STRING}((?:;[a-z*][a-z0-9_.*-]*=(?:-?\d{{1,15}}|{_STRING}))*)")
_PARAMETER = re.compile(rf";([a-z*][a-z0-9_.*-]*)=(?:(-?\d{{1,15}})|{_STRING})")


def read_list(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Read a list.

    Raises:
        ValueError: It is none.

    Reference: RFC 9651, section 4.2.
    """
    members: list[tuple[str, dict[str, Any]]] = []
    for part in re.split(r"[ \t]*,[ \t]*", text):
        found = _MEMBER.fullmatch(part)
        if found is None:
            raise ValueError(f"{part!r} is no string with parameters")
        given = _PARAMETER.findall(found[2])
        members.append((found[1], {name: int(number) if number else string for name, number, string in given}))
    return members
