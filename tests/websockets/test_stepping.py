"""Coroutines that are run as far as they go without a task."""

import asyncio
from contextvars import ContextVar, copy_context

import pytest

from brickwork.websockets._service.stepping import step

_PLACE: ContextVar[str] = ContextVar("place", default="outside")


async def _finish(rest: object) -> None:
    await rest  # type: ignore[misc]  # what `step` gave


async def test_what_does_not_wait_is_done_at_once() -> None:
    """A coroutine that waits for nothing needs no task."""
    done: list[bool] = []

    async def work() -> None:
        await asyncio.Event().wait() if done else done.append(True)

    rest = step(work(), copy_context())

    assert rest is None
    assert done == [True]


async def test_what_waits_is_finished_by_a_task() -> None:
    """A coroutine goes on in a task where it had to wait, however often."""
    gate, steps = asyncio.Event(), []

    async def work() -> None:
        steps.append("begun")
        await gate.wait()
        await asyncio.sleep(0)
        steps.append("done")

    context = copy_context()
    rest = step(work(), context)
    assert rest is not None
    task = asyncio.get_running_loop().create_task(_finish(rest), context=context)
    gate.set()
    await task

    assert steps == ["begun", "done"]


async def test_all_steps_share_a_context() -> None:
    """What the first step has set, the last one can undo; the caller sees nothing of it."""
    gate = asyncio.Event()

    async def work() -> None:
        token = _PLACE.set("inside")
        await gate.wait()
        _PLACE.reset(token)

    context = copy_context()
    rest = step(work(), context)
    assert rest is not None
    seen = _PLACE.get()
    task = asyncio.get_running_loop().create_task(_finish(rest), context=context)
    gate.set()
    await task

    assert seen == "outside"
    assert context.get(_PLACE) is None


async def test_an_error_of_the_first_step_is_raised_at_once() -> None:
    """What goes wrong before a coroutine waits is the caller's to hear."""

    async def work() -> None:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        step(work(), copy_context())


async def test_an_error_of_a_later_step_is_raised_in_the_task() -> None:
    """What goes wrong afterwards is raised where the rest is awaited."""
    gate = asyncio.Event()

    async def work() -> None:
        await gate.wait()
        raise OSError("gone")

    rest = step(work(), copy_context())
    gate.set()

    with pytest.raises(OSError, match="gone"):
        await _finish(rest)


@pytest.mark.parametrize("afterwards", ["ends", "raises", "waits"])
async def test_cancelling_the_task_reaches_the_coroutine(afterwards: str) -> None:
    """A coroutine hears of its cancellation where it waits, and may end, raise, or wait for something else."""
    heard = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            heard.append("cancelled")
            if afterwards == "raises":
                raise
            if afterwards == "waits":
                await asyncio.sleep(0)
                heard.append("waited")

    rest = step(work(), copy_context())
    task = asyncio.ensure_future(_finish(rest))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])

    assert heard == ["cancelled", "waited"][: 2 if afterwards == "waits" else 1]
    assert task.cancelled() is (afterwards == "raises")
