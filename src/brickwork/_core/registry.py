"""The problem types of one application, by name."""

from collections.abc import Iterable, Iterator

from .problem import Problem


class ProblemRegistry:
    """The problem types of one application, each name taken once.

    Args:
        problems: Problem classes to begin with.

    Raises:
        ValueError: Two classes declare the same slug.
    """

    def __init__(self, problems: Iterable[type[Problem]] = ()) -> None:
        self._by_slug: dict[str, type[Problem]] = {}
        for problem in problems:
            self.add(problem)

    def add(self, problem: type[Problem]) -> None:
        """Add a problem class; one without a slug has no type of its own, and a subclass may share its parent's.

        Raises:
            ValueError: Another class declares the same slug.
        """
        if problem.slug is None:
            return
        owner = _owner(problem)
        known = self._by_slug.setdefault(problem.slug, owner)
        if known is not owner:
            raise ValueError(
                f'slug="{problem.slug}" names two problem types, {_path(known)} and {_path(owner)}: '
                "give one of them another slug, or derive it from the other without one"
            )

    def get(self, slug: str) -> type[Problem] | None:
        """Give the class that declares a slug, or None."""
        return self._by_slug.get(slug)

    def __iter__(self) -> Iterator[type[Problem]]:
        return iter(self._by_slug[slug] for slug in sorted(self._by_slug))

    def __len__(self) -> int:
        return len(self._by_slug)


def _owner(problem: type[Problem]) -> type[Problem]:
    """Give the class that declares the slug which ``problem`` has."""
    return next(each for each in problem.__mro__ if issubclass(each, Problem) and "slug" in vars(each))


def _path(problem: type[Problem]) -> str:
    return f"{problem.__module__}.{problem.__qualname__}"
