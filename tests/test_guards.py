"""The checks after every test do catch what they are there for."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

CARELESS = """
import asyncio, logging, socket
from hypothesis import given, strategies

async def nothing(): ...
def test_error_record(): logging.getLogger("x").error("told nobody")
def test_error_record_after_new_configuration():
    import logging.config
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False, "root": {"handlers": []}})
    logging.getLogger("x").error("told nobody")
def test_coroutine(): nothing()
def test_socket(): socket.socket()
def test_warning(): __import__("warnings").warn("old", DeprecationWarning)
async def test_task():
    global task
    task = asyncio.create_task(asyncio.sleep(60))
@given(strategies.just(1))
async def test_task_of_a_property(one):
    global task
    task = asyncio.create_task(asyncio.sleep(60))
"""

CAREFUL = """
import asyncio, logging

async def test_task_that_ends(): await asyncio.create_task(asyncio.sleep(0))
async def test_task_that_is_cancelled(): asyncio.create_task(asyncio.sleep(60)).cancel()
def test_expected_error(expected_errors):
    logging.getLogger("x").error("as it should")
    assert [record.getMessage() for record in expected_errors] == ["as it should"]
"""


def outcomes(folder: Path, tests: str) -> tuple[set[str], set[str]]:
    """Run tests in a process of their own, under our configuration.

    Returns:
        The tests that were started, and those that failed or left something behind.
    """
    file = folder / "test_written.py"
    file.write_text(tests, "utf-8")
    command = [sys.executable, "-m", "pytest", "-c", "pyproject.toml", "--rootdir", ".", "-p", "tests.conftest"]
    answer = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-v", "-rA", file], cwd=ROOT, check=False, capture_output=True, text=True
    )
    started = set(re.findall(r"^\S*::(test_\w+)\S* (?:PASSED|FAILED)", answer.stdout, re.MULTILINE))
    caught = set(re.findall(r"^(?:FAILED|ERROR) \S*::(test_\w+)", answer.stdout, re.MULTILINE))
    return started, caught


@pytest.mark.slow
def test_careless_tests_are_caught(tmp_path: Path) -> None:
    """An ERROR record, a coroutine, a socket, a warning or a task left behind fails the test that left it."""
    started, caught = outcomes(tmp_path, CARELESS)

    assert len(started) == CARELESS.count("def test_")
    assert caught == started


@pytest.mark.slow
def test_careful_tests_pass(tmp_path: Path) -> None:
    """What was waited for, cancelled or expected is no fault."""
    started, caught = outcomes(tmp_path, CAREFUL)

    assert len(started) == CAREFUL.count("def test_")
    assert caught == set()
