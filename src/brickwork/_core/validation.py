"""What a failed validation says to the client: where, by a pointer that resolves, and why, but never the input.

The location that pydantic gives is no path in the document: between the names of members stand the tags of unions and
the names of their branches. So the document is walked along it, and only what exists there is kept.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args
from urllib.parse import quote

from pydantic_core.core_schema import ErrorType

from .shapes import is_collection, is_list, is_mapping

Entry = dict[str, Any]
_Path = tuple[str | int, ...]

_PLACES: Final = frozenset({"query", "path", "header", "cookie"})
# What of an error's context comes from the schema, and never from the input.
_BOUNDS: Final = frozenset(
    {
        "gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "max_digits", "decimal_places",
        "whole_digits", "pattern", "expected", "expected_tags", "expected_schemes", "expected_version", "discriminator",
    }
)  # fmt: skip
# In place of pydantic's own words where those repeat the input, or name classes of the application.
_TEXTS: Final = {
    "missing": "Field required",
    "model_type": "Input should be an object",
    "model_attributes_type": "Input should be an object",
    "dataclass_type": "Input should be an object",
    "union_tag_invalid": "Input should have one of {expected_tags} as {discriminator}",
    "uuid_parsing": "Input should be a valid UUID",
    "timezone_offset": "Input has the wrong timezone offset",
    "bytes_invalid_encoding": "Input should be valid text",
    "iteration_error": "Input cannot be read",
    "mapping_type": "Input should be an object",
    "get_attribute_error": "Input cannot be read",
    "byte_size_unit": "Input should be a size in bytes, with a known unit",
    "import_error": "Input should be the name of something that can be imported",
    "too_long": "Input should have at most {max_length} items",
    "too_short": "Input should have at least {min_length} items",
}
_UNSAID: Final = {"expected_tags": "the known tags", "discriminator": "its tag", "max_length": "N", "min_length": "N"}
_ASSERTED: Final = frozenset({"value_error", "assertion_error"})
_PYDANTIC: Final = frozenset(get_args(ErrorType)) - _ASSERTED
_REFUSED: Final = "Input is not valid"
_MISMATCH: Final = re.compile(r".*_type|literal_error|is_instance_of|none_required")
_NOTHING: Final = object()
_LONGEST_TOKEN: Final = 200
_LONGEST_SEARCH: Final = 100
_MOST_SCALARS: Final = 1000


@dataclass(slots=True)
class _Located:
    """An error with its place in the document; ``forks`` are the union branches that it comes from."""

    error: Mapping[str, Any]
    tokens: _Path
    forks: tuple[tuple[_Path, str], ...]


def describe(errors: Sequence[Any], body: object, most: int) -> tuple[list[Entry], bool]:
    """Turn the errors of a failed validation into entries for the client.

    Args:
        errors: As pydantic and FastAPI report them.
        body: The parsed body: what JSON gave, or a form as a dict.
        most: Entries to give at most.

    Returns:
        The entries, and whether some were left out.

    Reference: RFC 9457, section 3; RFC 6901, section 6.
    """
    examined = errors[: 4 * most]
    located = _without_union_noise([_locate(error, body) for error in examined if is_mapping(error)])
    entries = [_entry(each) for each in located[:most]]
    return entries, len(errors) > len(examined) or len(located) > most


def pointer(tokens: Sequence[str | int]) -> str:
    """Write a JSON Pointer as a URI fragment: ``#/items/0/a~1b``.

    Reference: RFC 6901, sections 3, 4 and 6.
    """
    escaped = (str(token).replace("~", "~0").replace("/", "~1") for token in tokens)
    return "#" + "".join("/" + quote(token, safe="!$&'()*+,;=:@?~", errors="surrogatepass") for token in escaped)


def _entry(located: _Located) -> Entry:
    error = located.error
    location: Sequence[Any] = error.get("loc") or ()
    code = str(error.get("type", "invalid"))
    context = error.get("ctx")
    bounds = {key: value for key, value in context.items() if key in _BOUNDS} if is_mapping(context) else {}
    entry: Entry = {"detail": _text(error, code, bounds), "code": code}
    place = location[0] if location else None
    if place in _PLACES:
        entry["in"] = place
        name = str(location[1]) if len(location) > 1 else ""
        if 0 < len(name) <= _LONGEST_TOKEN:
            entry["parameter"] = name
    elif place == "body":
        entry["pointer"] = pointer(located.tokens)
    if bounds:
        entry["params"] = bounds
    return entry


def _text(error: Mapping[str, Any], code: str, bounds: Mapping[str, Any]) -> str:
    """Say what is wrong, in words that come from the application and not from the client."""
    own = _TEXTS.get(code)
    if own is not None:
        return own.format_map({**_UNSAID, **bounds})
    text = str(error.get("msg") or _REFUSED)
    if code in _PYDANTIC:
        return text
    if code in _ASSERTED:
        text = text.partition(", ")[2] or text
    # The words of the application's own validator: its author may have quoted the input.
    return _REFUSED if _repeats(text, error.get("input")) else text


def _repeats(text: str, value: object) -> bool:
    for scalar in _scalars(value):
        # Looked for as it stands first: to make a pattern of a text as long as a body takes seconds.
        if scalar and scalar in text and (len(scalar) > 3 or re.search(rf"(?<!\w){re.escape(scalar)}(?!\w)", text)):
            return True
    return False


def _scalars(value: object) -> Iterator[str]:
    """Give the text of everything simple inside a value; nothing where there is too much to look at."""
    waiting, seen = [value], 0
    while waiting and seen < _MOST_SCALARS:
        seen += 1
        each = waiting.pop()
        if is_mapping(each):
            waiting += [*each.keys(), *each.values()]
        elif is_collection(each):
            waiting += each
        elif isinstance(each, bytes):
            yield each.decode("utf-8", "replace")
        elif isinstance(each, str):
            yield each.strip()
        elif isinstance(each, float) or (isinstance(each, int) and each.bit_length() < 2048):
            yield str(each)


def _locate(error: Mapping[str, Any], body: object) -> _Located:
    location: Sequence[Any] = error.get("loc") or ()
    if not location or location[0] != "body":
        return _Located(error, (), ())
    segments = list(location[1:])
    target = error.get("input", _NOTHING)
    last: _Path = ()
    if segments and error.get("type") == "missing":
        # The input of a missing member is the object that should have it.
        last = (segments.pop(),)
    elif segments and segments[-1] == "[key]":
        segments.pop()
        target = _NOTHING
    kept = _search(body, segments, 0, target, set()) if len(segments) <= _LONGEST_SEARCH else None
    if kept is None:
        kept = _greedy(body, segments)
    tokens: _Path = ()
    forks: list[tuple[_Path, str]] = []
    for index, segment in enumerate(segments):
        if index in kept:
            tokens = (*tokens, segment)
        else:
            forks.append((tokens, str(segment)))
    return _Located(error, _shortened((*tokens, *last)), tuple(forks))


def _shortened(tokens: _Path) -> _Path:
    """Cut a path before a name so long that it is an attack: what is left still resolves."""
    for index, token in enumerate(tokens):
        if isinstance(token, str) and len(token) > _LONGEST_TOKEN:
            return tokens[:index]
    return tokens


def _step(node: object, segment: str | int) -> object:
    if is_mapping(node):
        return node.get(segment, _NOTHING)
    if is_list(node) and isinstance(segment, int) and 0 <= segment < len(node):
        return node[segment]
    return _NOTHING


def _search(
    node: object, segments: Sequence[str | int], start: int, target: object, failed: set[tuple[int, int]]
) -> tuple[int, ...] | None:
    """Find the segments that lead to the very object that was refused.

    A tag may also be the name of a member beside it; only the object at the end tells which was meant.
    """
    if start == len(segments):
        return () if node is target else None
    if (id(node), start) in failed:
        return None
    inner = _step(node, segments[start])
    if inner is not _NOTHING:
        rest = _search(inner, segments, start + 1, target, failed)
        if rest is not None:
            return (start, *rest)
    rest = _search(node, segments, start + 1, target, failed)
    if rest is None:
        failed.add((id(node), start))
    return rest


def _greedy(node: object, segments: Sequence[str | int]) -> tuple[int, ...]:
    kept: list[int] = []
    for index, segment in enumerate(segments):
        inner = _step(node, segment)
        if inner is not _NOTHING:
            kept.append(index)
            node = inner
    return tuple(kept)


def _without_union_noise(located: list[_Located]) -> list[_Located]:
    """Keep of each union only the branch that the input came closest to.

    Where no branch fits, pydantic reports the errors of every one.
    """
    level = 0
    while any(len(each.forks) > level for each in located):
        branches: dict[_Path, dict[str, list[_Located]]] = {}
        for each in located:
            for where, branch in each.forks[level : level + 1]:
                branches.setdefault(where, {}).setdefault(branch, []).append(each)
        closest = {(where, _closest(where, found)) for where, found in branches.items()}
        located = [each for each in located if len(each.forks) <= level or each.forks[level] in closest]
        level += 1
    return located


def _closest(where: _Path, branches: Mapping[str, list[_Located]]) -> str:
    """Name the branch with the fewest errors; one that wants another kind of input altogether comes last."""

    def distance(branch: str) -> tuple[bool, int]:
        errors = branches[branch]
        mismatch = any(each.tokens == where and _MISMATCH.fullmatch(str(each.error.get("type"))) for each in errors)
        return mismatch, len(errors)

    return min(branches, key=distance)
