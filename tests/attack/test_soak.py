"""What is left after many requests: nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REQUESTS = os.environ.get("BRICKWORK_SOAK_REQUESTS", "10000")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_requests_leave_nothing_behind() -> None:
    """From a tenth of the requests on, memory grows by less than 2 %; no task, file or context is left."""
    command = [sys.executable, "-m", "tests.attack.soak", REQUESTS]

    answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)

    told = json.loads(answer.stdout)
    before, warm, after = told["states"]
    assert after["peak"] < warm["peak"] * 1.02
    assert (after["tasks"], after["files"]) == (before["tasks"], before["files"])
    assert not told["context"]
