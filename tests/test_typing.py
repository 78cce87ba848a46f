"""Type checkers see what Brickwork does: right code passes in strict mode, mistakes are found where they are made."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

ROOT = Path(__file__).parent.parent
CORRECT = ROOT / "tests/typing/correct.py"
MISTAKES = ROOT / "tests/typing/mistakes.py"
FILES = (CORRECT, MISTAKES)
Refused = set[tuple[str, int]]  # name of the file, number of the line


@cache
def refused_by_mypy() -> Refused:
    """Give the lines that mypy refuses."""
    command = [sys.executable, "-m", "mypy", "--strict", "--output", "json", *map(str, FILES)]
    answer = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    reports = [json.loads(line) for line in answer.stdout.splitlines() if line.startswith("{")]
    assert answer.returncode == bool(reports), answer.stdout + answer.stderr
    assert {report["file"] for report in reports} <= {path.relative_to(ROOT).as_posix() for path in FILES}
    return {(Path(each["file"]).name, each["line"]) for each in reports if each["severity"] == "error"}


@cache
def refused_by_pyright() -> Refused:
    """Give the lines that pyright refuses, in a project of its own: ours leaves the mistakes out."""
    with TemporaryDirectory() as project:
        for path in FILES:
            shutil.copy(path, project)
        Path(project, "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}', "utf-8")
        command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
        answer = subprocess.run([*command, "--project", project], check=False, capture_output=True, text=True)
    report = json.loads(answer.stdout)
    assert report["summary"]["filesAnalyzed"] == len(FILES)
    found = [each for each in report["generalDiagnostics"] if each["severity"] == "error"]
    return {(Path(each["file"]).name, each["range"]["start"]["line"] + 1) for each in found}


# A checker takes seconds to begin, and so looks at both files at once.
CHECKERS = pytest.mark.parametrize("refused_by", [refused_by_mypy, refused_by_pyright], ids=["mypy", "pyright"])


@pytest.mark.slow
@CHECKERS
def test_right_code_is_accepted(refused_by: Callable[[], Refused]) -> None:
    """Problems, options and dependencies written as the guides show need no cast and no ignore."""
    refused = {line for name, line in refused_by() if name == CORRECT.name}

    assert refused == set()


@pytest.mark.slow
@CHECKERS
def test_mistakes_are_found_where_they_are_made(refused_by: Callable[[], Refused]) -> None:
    """A wrong member, keyword or type is an error of its own line."""
    marked = {n for n, line in enumerate(MISTAKES.read_text("utf-8").splitlines(), 1) if line.endswith("# refused")}

    refused = {line for name, line in refused_by() if name == MISTAKES.name}

    assert refused == marked
