"""Imports every block of the Brickwork installed here; with --deep every module."""

import importlib
import pkgutil
import sys

import brickwork

TEST_KIT = "brickwork.testing"  # opens a test client, which an app in production does not have


def main(arguments: list[str]) -> None:
    """Import, and say what was imported and where from."""
    walk = pkgutil.walk_packages if "--deep" in arguments else pkgutil.iter_modules
    names = [module.name for module in walk(brickwork.__path__, "brickwork.") if module.name != TEST_KIT]
    for name in names:
        importlib.import_module(name)
    print(f"imported {', '.join(names)} from {brickwork.__path__[0]}")


if __name__ == "__main__":
    main(sys.argv[1:])
