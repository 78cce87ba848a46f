"""Type checkers see what Brickwork does: right code passes in strict mode, mistakes are found where they are made."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

ROOT = Path(__file__).parent.parent
CORRECT = ROOT / "tests/typing/correct.py"
MISTAKES = ROOT / "tests/typing/mistakes.py"


def refused_by_mypy(path: Path) -> set[int]:
    """Give the lines that mypy refuses."""
    command = [sys.executable, "-m", "mypy", "--strict", "--output", "json", str(path)]
    answer = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    reports = [json.loads(line) for line in answer.stdout.splitlines() if line.startswith("{")]
    assert answer.returncode == bool(reports), answer.stdout + answer.stderr
    assert {report["file"] for report in reports} <= {path.relative_to(ROOT).as_posix()}
    return {report["line"] for report in reports if report["severity"] == "error"}


def refused_by_pyright(path: Path) -> set[int]:
    """Give the lines that pyright refuses, in a project of its own: ours leaves the mistakes out."""
    with TemporaryDirectory() as project:
        shutil.copy(path, project)
        Path(project, "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}', "utf-8")
        command = [
            sys.executable,
            "-m",
            "pyright",
            "--outputjson",
            "--pythonpath",
            sys.executable,
            "--project",
            project,
        ]
        answer = subprocess.run(command, check=False, capture_output=True, text=True)
    report = json.loads(answer.stdout)
    assert report["summary"]["filesAnalyzed"] == 1
    found = report["generalDiagnostics"]
    return {each["range"]["start"]["line"] + 1 for each in found if each["severity"] == "error"}


CHECKERS = pytest.mark.parametrize("refused_by", [refused_by_mypy, refused_by_pyright], ids=["mypy", "pyright"])


@pytest.mark.slow
@CHECKERS
def test_right_code_is_accepted(refused_by: Callable[[Path], set[int]]) -> None:
    """Problems, options and dependencies written as the guides show need no cast and no ignore."""
    refused = refused_by(CORRECT)

    assert refused == set()


@pytest.mark.slow
@CHECKERS
def test_mistakes_are_found_where_they_are_made(refused_by: Callable[[Path], set[int]]) -> None:
    """A wrong member, keyword or type is an error of its own line."""
    marked = {n for n, line in enumerate(MISTAKES.read_text("utf-8").splitlines(), 1) if line.endswith("# refused")}

    refused = refused_by(MISTAKES)

    assert refused == marked
