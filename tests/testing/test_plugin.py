"""The test kit as other people meet it: as a plugin of their own test run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = """
import pytest
from fastapi import FastAPI

pytest_plugins = ["brickwork.testing"]

@pytest.fixture
def anyio_backend():
    return "asyncio"
"""
APP = """
@pytest.fixture
def app():
    return FastAPI()
"""
TEST = """
import pytest

@pytest.mark.anyio
async def test_documentation(client, clock, logs):
    assert (await client.get("/docs")).status_code == 200
"""


def run(folder: Path, conftest: str) -> subprocess.CompletedProcess[str]:
    """Run a newcomer's tests, apart from ours and from our settings."""
    (folder / "conftest.py").write_text(conftest)
    (folder / "test_app.py").write_text(TEST)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "anyio.pytest_plugin"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.promise("testing-7")
def test_one_line_and_an_app_are_enough(tmp_path: Path) -> None:
    """Whoever opts in and names the app gets all fixtures."""
    result = run(tmp_path, CONFTEST + APP)

    assert result.returncode == 0, result.stdout


@pytest.mark.promise("testing-7")
def test_a_forgotten_app_is_explained(request: pytest.FixtureRequest) -> None:
    """Without a fixture `app` the run says what to write."""
    with pytest.raises(pytest.UsageError, match="define a fixture named `app`"):
        request.getfixturevalue("app")
