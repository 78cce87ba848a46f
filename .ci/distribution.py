"""Builds sdist and wheel twice, compares them byte by byte, and imports every block from the installed wheel.

The wheel is installed bare and with each of its extras, always into a fresh environment.
"""

import subprocess
import sys
from email import message_from_bytes
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from environments import create, run, uv

IMPORTS = ".ci/imports.py"


def build(folder: Path) -> dict[str, bytes]:
    """Build both archives into `folder` and return them by name."""
    uv("build", "--quiet", "--out-dir", folder)
    return {path.name: path.read_bytes() for path in sorted(folder.glob("brickwork-*"))}


def foreign(wheel: Path) -> list[str]:
    """List what the wheel holds beside the package and its metadata."""
    with ZipFile(wheel) as archive:
        return [name for name in archive.namelist() if not name.startswith(("brickwork/", "brickwork-"))]


def extras(wheel: Path) -> list[str]:
    """List the extras that the wheel declares."""
    with ZipFile(wheel) as archive:
        metadata = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(metadata)).get_all("Provides-Extra", [])


def check(folder: Path) -> str | None:
    """Do the whole check in `folder`; a sentence when something is wrong."""
    first, second = build(folder / "first"), build(folder / "second")
    if first != second:
        return "two builds of the same tree differ"
    wheel = next((folder / "first").glob("*.whl"))
    if strangers := foreign(wheel):
        return f"the wheel holds more than the package: {strangers}"
    python = Path(sys.executable)
    run(create(folder / "bare", python, str(wheel)), IMPORTS)
    for extra in extras(wheel):
        run(create(folder / extra, python, f"{wheel}[{extra}]"), IMPORTS, *(["--deep"] if extra == "all" else []))
    return None


def main() -> int:
    """Run the check; 0 when all is well."""
    with TemporaryDirectory(prefix="brickwork-") as folder:
        try:
            wrong = check(Path(folder))
        except subprocess.CalledProcessError as error:
            wrong = f"failed: {error}"
    print(wrong or "two builds are the same, and every block imports from the wheel, bare and with each extra")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
