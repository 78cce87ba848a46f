"""Checks that the built documentation describes every public name: each entry of each `__all__` has its anchor."""

import importlib
import sys
import zlib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "brickwork"


def described(inventory: Path) -> set[str]:
    """Read the names in a Sphinx inventory, which is what mkdocstrings writes."""
    compressed = inventory.read_bytes().split(b"\n", 4)[4]
    return {line.split(" ", 1)[0] for line in zlib.decompress(compressed).decode().splitlines()}


def public() -> set[str]:
    """Gather the names that the doors offer."""
    doors = ["brickwork", *(f"brickwork.{door.parent.name}" for door in PACKAGE.glob("[a-z]*/__init__.py"))]
    doors += [f"brickwork.{module.stem}" for module in PACKAGE.glob("[a-z]*.py")]
    return {f"{door}.{name}" for door in doors for name in importlib.import_module(door).__all__ if name[0] != "_"}


def main() -> int:
    """Name what is missing; 0 when nothing is."""
    inventory = ROOT / "site" / "objects.inv"
    if not inventory.exists():
        print("there is no built documentation: run `mkdocs build --strict` first")
        return 1
    wanted = public()
    missing = sorted(wanted - described(inventory))
    print(
        "\n".join(f"not in the reference: {name}" for name in missing)
        or f"all {len(wanted)} public names are described"
    )
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
