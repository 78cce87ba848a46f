"""Links to the pages around one: what they point to, and the header that carries them."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, quote_from_bytes, unquote_plus

# RFC 3986, sections 3.3 and 3.4: what needs no escape. A "%" of the query is one of an escape, as the client wrote it.
_IN_PATH: Final = "/:@!$&'()*+,;="
_IN_QUERY: Final = "/:@!$&'()*+,;=?%"


def targets(path: str, query: bytes, relations: Mapping[str, Mapping[str, str | None]]) -> dict[str, str]:
    """Give the target of each relation: the path of this request, its query, and the parameters that differ.

    A target has neither scheme nor host (RFC 3986, section 4.2), so that it is right behind any proxy that keeps
    the path. Every parameter that does not differ stays as the client wrote it, and where it wrote it.

    Args:
        path: Path of the request, decoded and with the root path: what the client asked for.
        query: Query string of the request, as it came.
        relations: For each relation the parameters that differ there; None leaves one out.
    """
    start = _escaped(path)
    parts = [(unquote_plus(part.partition(b"=")[0].decode("latin-1")), part) for part in query.split(b"&") if part]
    given = [(name, quote_from_bytes(part, _IN_QUERY)) for name, part in parts]
    return {relation: _target(start, given, changes) for relation, changes in relations.items()}


def link_header(targets: Mapping[str, str]) -> str:
    """Write the value of the header `Link`; it is empty where there is no target.

    Args:
        targets: Targets by relation, as `targets` gives them.

    Reference: RFC 8288, section 3.
    """
    return ", ".join(f'<{target}>; rel="{relation}"' for relation, target in targets.items())


def _escaped(path: str) -> str:
    # A path that begins with "//" would be read as the name of a host.
    escaped = quote(path, _IN_PATH, errors="replace")
    return f"/.{escaped}" if escaped.startswith("//") else escaped


def _target(start: str, given: list[tuple[str, str]], changes: Mapping[str, str | None]) -> str:
    written: list[str] = []
    left = dict(changes)
    for name, part in given:
        if name not in changes:
            written.append(part)
        elif name in left:
            written += _parameter(name, left.pop(name))
    for name, value in left.items():
        written += _parameter(name, value)
    return f"{start}?{'&'.join(written)}" if written else start


def _parameter(name: str, value: str | None) -> list[str]:
    return [] if value is None else [f"{quote(name, '')}={quote(value, '')}"]
