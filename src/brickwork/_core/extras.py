"""Optional packages: a missing one names the extra that brings it."""

from types import TracebackType


class MissingExtraError(ImportError):
    """An optional package is not installed; the message names the extra to install."""


class _Extra:
    """Turns a failed import inside its ``with`` block into the ``pip install`` line."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, ImportError) and not isinstance(error, MissingExtraError):
            raise MissingExtraError(
                f'{error.name or "a package"} is not installed. Run: pip install "brickwork[{self._name}]"',
                name=error.name,
            ) from error


def extra(name: str) -> _Extra:
    """Guard the imports of an optional package.

    Args:
        name: The extra of `brickwork` that brings the package.

    Returns:
        A context manager; an `ImportError` inside it becomes a `MissingExtraError` that says what to install.
    """
    return _Extra(name)
