"""The gate: everything that must hold before a change goes in, step by step.

```console
$ hatch run check            # the whole gate
$ hatch run check --tested   # all but the suite, whose coverage data is there already
```

Every step runs, whatever the ones before it said; one that fails makes the gate fail.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from shutil import which

ROOT = Path(__file__).parent.parent
SUITE = ("tests", "pytest -n auto --dist worksteal --cov --cov-report= --cov-fail-under=0")
STEPS = (
    ("coverage", "coverage report"),
    ("lint", "ruff check ."),
    ("format", "ruff format --check ."),
    ("imports", "lint-imports --no-logo"),
    ("spelling", "codespell"),
    ("types, mypy", "mypy"),
    ("types, pyright", "pyright"),
    ("types, public names", "pyright --verifytypes brickwork --ignoreexternal"),
    ("documentation", "mkdocs build --strict"),
    ("reference", "python .ci/reference.py"),
    ("distribution", "python .ci/distribution.py"),
    ("interpreters", "python .ci/interpreters.py"),
)
BROWSER = ("browser", "pytest tests/browser -n 0 --timeout 180")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def run(title: str, command: str) -> tuple[bool, float]:
    """Run one step.

    Returns:
        Whether it passed, and the seconds it took.
    """
    print(f"\n=== {title}: {command}", flush=True)
    began = time.monotonic()
    passed = subprocess.run(command.split(), cwd=ROOT, check=False).returncode == 0
    took = time.monotonic() - began
    print(f"=== {title}: {'passed' if passed else 'FAILED'} in {took:.1f} s", flush=True)
    return passed, took


def main(arguments: list[str]) -> int:
    """Run the steps and sum them up; 0 when all passed."""
    if arguments not in ([], ["--tested"]):
        print(f"unknown: {' '.join(arguments)}. The only option is --tested.", file=sys.stderr)
        return 2
    os.environ["NO_MKDOCS_2_WARNING"] = "1"
    steps = STEPS if arguments else (SUITE, *STEPS)
    if any(map(which, BROWSERS)):
        steps = (*steps, BROWSER)
    else:
        print("No Chromium is installed, so the JavaScript client is not tested: apt-get install chromium")
    results = {title: run(title, command) for title, command in steps}
    print("\n=== summary")
    for title, (passed, took) in results.items():
        print(f"{'passed' if passed else 'FAILED'}  {took:7.1f} s  {title}")
    return 0 if all(passed for passed, _ in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
