"""Many questions in one round trip."""

from asyncio import AbstractEventLoop, Future, Task, get_running_loop
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Final, Generic, TypeVar
from weakref import WeakKeyDictionary

Question = TypeVar("Question")
Answer = TypeVar("Answer")

_LATE: Final = TimeoutError()


class Batcher(Generic[Question, Answer]):
    """Asks at once when nothing is under way, and otherwise gathers until the answer is there.

    So whoever asks alone waits for nothing but the answer, and the more ask at once, the less each of them costs. Each
    event loop has lines of its own.

    Args:
        ask: Asks questions together, and gives to each its answer or the error that it met.
        deadline: Seconds after which whoever asks hears a `TimeoutError`, waiting in line included.
    """

    def __init__(
        self, ask: Callable[[Sequence[Question]], Awaitable[Sequence[Answer | Exception]]], *, deadline: float
    ) -> None:
        self._ask = ask
        self._deadline = deadline
        self._lines: WeakKeyDictionary[AbstractEventLoop, dict[str, _Line[Question, Answer]]] = WeakKeyDictionary()

    async def ask(self, question: Question, *, line: str) -> Answer | Exception:
        """Give the answer to a question, or the error that it met.

        Whoever is cancelled leaves the line: what was not asked yet is not asked any more.

        Args:
            question: What is asked.
            line: With which others: those of one line wait for one another, and share what they ask.
        """
        loop = get_running_loop()
        waiting = self._line(loop, line)
        answer: Future[Answer | Exception] = loop.create_future()
        waiting.questions.append((question, answer))
        if waiting.runner is None:
            # It asks for many, so it must not carry the context of the one who happens to be first.
            waiting.runner = loop.create_task(self._run(waiting), context=Context())
        timer = loop.call_later(self._deadline, _settle, answer, _LATE)
        try:
            return await answer
        finally:
            timer.cancel()

    @property
    def running(self) -> list["Task[None]"]:
        """The tasks of this event loop that ask at the moment; whoever closes what they ask by ends them before."""
        lines = self._lines.get(get_running_loop(), {})
        return [line.runner for line in lines.values() if line.runner is not None]

    def _line(self, loop: AbstractEventLoop, name: str) -> "_Line[Question, Answer]":
        lines = self._lines.get(loop)
        if lines is None:
            lines = self._lines[loop] = {}
        if name not in lines:
            lines[name] = _Line()
        return lines[name]

    async def _run(self, line: "_Line[Question, Answer]") -> None:
        try:
            while line.questions:
                asked = [each for each in line.questions if not each[1].done()]
                line.questions = []
                if asked:
                    answers = await self._ask([question for question, _ in asked])
                    for (_, future), answer in zip(asked, answers, strict=True):
                        _settle(future, answer)
        finally:
            line.runner = None


class _Line(Generic[Question, Answer]):
    """Those who wait together, and the task that asks for them."""

    def __init__(self) -> None:
        self.questions: list[tuple[Question, Future[Answer | Exception]]] = []
        self.runner: Task[None] | None = None


def _settle(future: Future[Answer | Exception], answer: Answer | Exception) -> None:
    if not future.done():
        future.set_result(answer)
