"""What the client would rather read: a page or JSON, and in which language."""

import re
from collections.abc import Iterator, Sequence

from .headers import find_all

_ELEMENT = re.compile(r"\s*([a-z0-9*][a-z0-9*!#$&^_.+/-]*)\s*(?:;.*?\bq\s*=\s*(\d(?:\.\d{0,3})?))?", re.IGNORECASE)
# More than any browser sends; what a stranger writes beyond that costs nothing.
_MOST_CHARACTERS = 1000
_MOST_LANGUAGES = 10


def wants_page(headers: Sequence[Sequence[bytes]]) -> bool:
    """Tell whether ``Accept`` names HTML, as a browser's does, and does not prefer JSON.

    Reference: RFC 9110, section 12.5.1.
    """
    # Clients of an API name JSON or nothing at all: only what mentions HTML is worth reading closely.
    for name, value in headers:
        if name == b"accept" and b"text/html" in value.lower():
            break
    else:
        return False
    quality = dict(_weighed(find_all(headers, b"accept")))
    json = max(quality.get("application/json", 0.0), quality.get("application/problem+json", 0.0))
    return quality.get("text/html", 0.0) > json


def languages(headers: Sequence[Sequence[bytes]]) -> list[str]:
    """List the languages of ``Accept-Language``, best first, each followed by its own shorter forms.

    ``de-AT, en;q=0.8`` gives ``de-AT``, ``de``, ``en``.

    Reference: RFC 9110, section 12.5.4; RFC 4647, section 3.4.
    """
    weighed = sorted(_weighed(find_all(headers, b"accept-language")), key=lambda pair: -pair[1])
    found: dict[str, None] = {}
    for tag, quality in weighed:
        if quality > 0 and "*" not in tag:
            parts = tag.split("-")[:4]
            found.update(dict.fromkeys("-".join(parts[:length]) for length in range(len(parts), 0, -1)))
    return [_cased(tag) for tag in list(found)[:_MOST_LANGUAGES]]


def _weighed(values: Sequence[bytes]) -> Iterator[tuple[str, float]]:
    """Read ``name;q=0.5, …``: each name in lower case with its weight; what makes no sense is passed over."""
    for element in b",".join(values).decode("latin-1")[:_MOST_CHARACTERS].split(","):
        found = _ELEMENT.match(element)
        if found is not None:
            yield found[1].lower(), min(float(found[2] or 1), 1.0)


def _cased(tag: str) -> str:
    """Write a language tag as people do: ``de``, ``pt-BR``, ``zh-Hant``."""
    language, *rest = tag.split("-")
    return "-".join([language, *(part.upper() if len(part) == 2 else part.capitalize() for part in rest)])
