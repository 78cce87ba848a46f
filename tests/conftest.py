"""What holds in every test: asyncio only, nothing logged as an error unasked, and no task left running."""

import asyncio
import gc
import inspect
import logging
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import settings

# The same examples on every run, and no deadline that a busy machine could miss.
settings.register_profile("brickwork", deadline=None, derandomize=True)
settings.load_profile("brickwork")


@pytest.fixture
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio, the only loop that FastAPI's users meet."""
    return "asyncio"


@pytest.fixture
def expected_errors() -> list[logging.LogRecord]:
    """The ERROR records of this test so far; asking for it allows them."""
    return []


@pytest.fixture(autouse=True)
def no_unexpected_error(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test after which an ERROR record stands that it did not ask for.

    Records are watched where they are made: a handler would not outlive a test that configures logging.
    """
    allowed = "expected_errors" in request.fixturenames
    errors: list[logging.LogRecord] = request.getfixturevalue("expected_errors") if allowed else []
    make = logging.getLogRecordFactory()

    def watch(name: str, level: int, *args: object, **kwargs: object) -> logging.LogRecord:
        record: logging.LogRecord = make(name, level, *args, **kwargs)
        if level is not None and level >= logging.ERROR:
            errors.append(record)
        return record

    logging.setLogRecordFactory(watch)
    yield
    logging.setLogRecordFactory(make)
    if errors and not allowed:
        lines = "\n".join(f"{record.name}: {record.getMessage()}" for record in errors)
        pytest.fail(f"logged as errors, and not expected (ask for `expected_errors`):\n{lines}", pytrace=False)


@pytest.fixture
def restored_logging() -> Iterator[None]:
    """Undo what a test does to the levels, handlers and switches of loggers."""
    manager = logging.getLogger().manager
    loggers = [logging.getLogger(), *(each for each in manager.loggerDict.values() if isinstance(each, logging.Logger))]
    before = [(each, each.level, each.handlers[:], each.propagate, each.disabled) for each in loggers]
    yield
    for logger, level, handlers, propagate, disabled in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers
        logger.propagate, logger.disabled = propagate, disabled


@pytest.fixture
async def no_task_left() -> AsyncIterator[None]:
    """Fail a test that leaves a task running."""
    before = _tasks()
    yield
    for _ in range(10):  # what was cancelled or is about to end gets its turns to do so
        if not _tasks() - before:
            return
        await asyncio.sleep(0)
    left = [repr(task.get_coro()) for task in _tasks() - before]
    pytest.fail(f"{len(left)} left running, such as {left[0]}", pytrace=False)


def _tasks() -> set[asyncio.Task[object]]:
    """Every task except those in which the test runner itself waits for us."""
    return {task for task in asyncio.all_tasks() if "TestRunner" not in repr(task.get_coro())}


def pytest_collection_finish() -> None:
    """Spare the garbage collector what lasts as long as the run: 400,000 objects, on which it would spend its time."""
    gc.collect()
    gc.freeze()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let every asynchronous test clean up after itself, and measure coverage in quick tests only.

    What a slow test alone reaches counts as not tested; and slow tests take twice as long when they are measured.
    """
    if item.get_closest_marker("slow"):
        item.add_marker("no_cover")
    if isinstance(item, pytest.Function):
        property_test = getattr(item.obj, "hypothesis", None)
        function = property_test.inner_test if property_test else item.obj
        if inspect.iscoroutinefunction(function):
            item.fixturenames.insert(0, "no_task_left")
