"""Sets of paths, as options name them."""

from collections.abc import Iterable


class Paths:
    """Paths, and everything below those that end in ``/*``.

    Args:
        name: What the option is called.
        patterns: Such as ``"/health"`` and ``"/docs/*"``.

    Raises:
        TypeError: A bare text was passed instead of a list.
        ValueError: One of them is no path.
    """

    def __init__(self, name: str, patterns: Iterable[str]) -> None:
        patterns = listed(name, patterns)
        for pattern in patterns:
            if not pattern.startswith("/") or "*" in pattern.removesuffix("/*"):
                raise ValueError(f'{pattern!r} is no path: write "/health", or "/health/*" for everything below')
        self._exact = frozenset(pattern for pattern in patterns if not pattern.endswith("/*"))
        self._below = tuple(pattern[:-1] for pattern in patterns if pattern.endswith("/*"))

    def __bool__(self) -> bool:
        return bool(self._exact or self._below)

    def __contains__(self, path: str) -> bool:
        # What serves files reads ".." as a step up, out of what is exempt.
        return path in self._exact or (path.startswith(self._below) and "/../" not in f"{path}/")


def listed(name: str, values: Iterable[str]) -> list[str]:
    """Give the values of an option that takes several.

    Raises:
        TypeError: It was given a bare text.
    """
    if isinstance(values, str):
        raise TypeError(f"{name} takes a list: write [{values!r}]")
    return list(values)
