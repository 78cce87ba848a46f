"""Fresh environments, made with uv from interpreters that are already here: Python itself is never downloaded."""

import os
import subprocess
import sys
from pathlib import Path
from shutil import which

ROOT = Path(__file__).parent.parent


def run(*command: str | Path) -> None:
    """Run a command at the top of the repository; a failure ends the step."""
    print("$", *command, flush=True)
    # A virtual environment that happens to be active must not receive what is meant for a fresh one.
    # Bytecode is written in any case: what is not compiled once is compiled in every process that a test starts.
    left_out = {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    subprocess.run(command, cwd=ROOT, check=True, env=environment | {"UV_PYTHON_DOWNLOADS": "never"})


def uv(*arguments: str | Path) -> None:
    """Run the uv that lives in this environment."""
    run(sys.executable, "-m", "uv", *arguments)


def create(folder: Path, python: Path, *install: str) -> Path:
    """Make an environment in `folder` and install into it.

    Args:
        folder: Where it goes.
        python: Interpreter it is made from.
        *install: What to install, with uv's options.

    Returns:
        Its interpreter.
    """
    uv("venv", "--quiet", "--python", python, folder)
    inside = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    uv("pip", "install", "--quiet", "--python", inside, *install)
    return inside


def interpreter(version: str) -> Path | None:
    """Find a Python of this version, such as "3.12": this one, by name on PATH, or in pyenv."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return Path(sys.executable)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    named = which(f"python{version}")
    for candidate in [*([Path(named)] if named else []), *sorted(pyenv.glob(f"versions/{version}.*/bin/python"))]:
        # A pyenv shim lies on PATH even where the version behind it is not switched on: only asking tells.
        answer = subprocess.run([candidate, "--version"], check=False, capture_output=True, text=True)
        if answer.returncode == 0 and answer.stdout.startswith(f"Python {version}."):
            return candidate
    return None
