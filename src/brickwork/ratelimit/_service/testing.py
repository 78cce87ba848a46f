"""Moving time, starting anew and switching off, in tests."""

from collections.abc import Generator
from contextlib import contextmanager
from secrets import token_hex
from types import TracebackType

from .engine import Engine


class RateLimitTesting:
    """What a test can do to a limiter, inside of ``with limiter.testing() as …``.

    Args:
        engine: Counts for the limiter.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._moved = 0.0
        self.reset()

    def advance(self, seconds: float) -> None:
        """Let time pass for what is counted, and for nothing else.

        Args:
            seconds: How much of it; not negative.

        Raises:
            ValueError: They are negative.
            TypeError: The time of the store cannot be moved.
        """
        if seconds < 0:
            raise ValueError(f"time only goes forward, got {seconds} s")
        self._engine.move(seconds)
        self._moved += seconds

    def reset(self) -> None:
        """Start anew, as if nothing had been counted."""
        self._engine.generation = token_hex(4)

    def disabled(self) -> "Disabled":
        """Switch the limiter off, until the end of the block that this begins, or else of the test's."""
        return Disabled(self._engine)

    def end(self) -> None:
        """Put the time back."""
        if self._moved:
            self._engine.move(-self._moved)


class Disabled:
    """Switches a limiter off, and on again at the end of a block.

    Args:
        engine: Counts for the limiter.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._former = engine.enabled
        engine.enabled = False

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Switch on again."""
        self._engine.enabled = self._former


@contextmanager
def testing(engine: Engine) -> Generator[RateLimitTesting]:
    """Count what happens inside of the block by itself, in time that can be moved, and be strict about keys.

    A limiter that is switched off is on inside of the block.
    """
    former = engine.generation, engine.enabled, engine.identities.strict
    engine.identities.strict = True
    engine.enabled = True
    control = RateLimitTesting(engine)
    try:
        yield control
    finally:
        control.end()
        engine.generation, engine.enabled, engine.identities.strict = former
