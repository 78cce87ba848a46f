"""Raw ASGI headers: lists of ``(name, value)`` pairs of bytes, read and changed without losing what is not ours."""

from collections.abc import Container, Iterable, Sequence

RawHeaders = list[tuple[bytes, bytes]]


def find(headers: Iterable[Sequence[bytes]], name: bytes) -> bytes | None:
    """Give the first value of ``name`` (lower case), or None."""
    for key, value in headers:
        if key == name or key.lower() == name:
            return value
    return None


def find_all(headers: Iterable[Sequence[bytes]], name: bytes) -> list[bytes]:
    """Give every value of ``name`` (lower case), in order."""
    return [value for key, value in headers if key.lower() == name]


def replace(headers: RawHeaders, name: bytes, value: bytes) -> None:
    """Leave exactly one ``name`` (lower case) in ``headers``: at the place of the first, or at the end."""
    for index, (key, _) in enumerate(headers):
        if key.lower() == name:
            headers[index:] = [(name, value), *(pair for pair in headers[index + 1 :] if pair[0].lower() != name)]
            return
    headers.append((name, value))


def merge(headers: RawHeaders, pairs: Iterable[tuple[bytes, bytes]], wins: Container[bytes] = ()) -> None:
    """Add each pair whose name ``headers`` does not have yet; one named in ``wins`` replaces what is there."""
    present = {name.lower() for name, _ in headers}
    for name, value in pairs:
        if name not in present:
            headers.append((name, value))
            present.add(name)
        elif name in wins:
            replace(headers, name, value)


def remove(headers: RawHeaders, *names: bytes) -> None:
    """Take every header of these ``names`` (lower case) out of ``headers``."""
    headers[:] = [pair for pair in headers if pair[0].lower() not in names]


def add_vary(headers: RawHeaders, *fields: bytes) -> None:
    """Name ``fields`` in ``Vary``, keeping what it names already; ``*`` covers everything.

    Reference: RFC 9110, section 12.5.5.
    """
    listed = [part.strip() for value in find_all(headers, b"vary") for part in value.split(b",") if part.strip()]
    known = {part.lower() for part in listed}
    missing = [field for field in fields if field.lower() not in known]
    if missing and b"*" not in known:
        replace(headers, b"vary", b", ".join([*listed, *missing]))


def encode(name: str, value: str) -> tuple[bytes, bytes]:
    """Check a configured header and give its raw pair.

    Raises:
        ValueError: The name is no token, or the value holds a control character or anything outside latin-1.

    Reference: RFC 9110, sections 5.1 and 5.5.
    """
    if not name or not all(char.isascii() and (char.isalnum() or char in "!#$%&'*+-.^_`|~") for char in name):
        raise ValueError(f"{name!r} is no header name: use letters, digits and hyphens")
    if any((ord(char) < 32 and char != "\t") or ord(char) == 127 or ord(char) > 255 for char in value):
        raise ValueError(f"the value of {name} must be latin-1 text without line breaks or control characters")
    return name.lower().encode("ascii"), value.strip().encode("latin-1")
