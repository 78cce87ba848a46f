"""Runs the suite, without slow tests, on every other Python that is here and once with the lowest versions allowed."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from environments import create, interpreter, run

LOWEST = "3.11"
VERSIONS = ("3.11", "3.12", "3.13", "3.14", "3.15")
INSTALL = ("--group", "test", "--editable", ".[all]")


def suite(title: str, python: Path, *options: str) -> str:
    """Run the suite in a fresh environment and say how it went."""
    print(f"\n--- {title}", flush=True)
    with TemporaryDirectory(prefix="brickwork-") as folder:
        try:
            inside = create(Path(folder), python, *options, *INSTALL)
            run(inside, "-m", "pytest", "-q", "-n", "auto", "--dist", "worksteal", "-m", "not slow")
        except subprocess.CalledProcessError:
            return "FAILED"
    return "passed"


def main() -> int:
    """Run them all; 0 when none failed. An interpreter that is not here is named, not counted."""
    found = {version: python for version in VERSIONS if (python := interpreter(version))}
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    results = {f"Python {v}": suite(f"Python {v}", python) for v, python in found.items() if v != here}
    if LOWEST in found:
        title = f"Python {LOWEST}, lowest versions"
        results[title] = suite(title, found[LOWEST], "--resolution", "lowest-direct")
    results |= {f"Python {version}": "not installed here" for version in VERSIONS if version not in found}
    print()
    for title, result in results.items():
        print(f"{title}: {result}")
    return 1 if "FAILED" in results.values() else 0


if __name__ == "__main__":
    sys.exit(main())
