"""Imports every block of the Brickwork installed here; with --deep every module, and no extra may be missing."""

import importlib
import importlib.util
import pkgutil
import sys

import brickwork
from brickwork._core.extras import MissingExtraError

TEST_KIT = "brickwork.testing"  # opens a test client, which an app in production does not have


def main(arguments: list[str]) -> None:
    """Import, and say what was imported and where from."""
    walk = pkgutil.walk_packages if "--deep" in arguments else pkgutil.iter_modules
    names = [module.name for module in walk(brickwork.__path__, "brickwork.") if module.name != TEST_KIT]
    refused = {name: answer for name in names if (answer := refusal(name)) is not None}
    if refused and "--deep" in arguments:
        raise SystemExit(f"an extra is missing: {refused}")
    print(f"imported {', '.join(name for name in names if name not in refused)} from {brickwork.__path__[0]}")
    print("".join(f"{name} says: {answer}\n" for name, answer in refused.items()), end="")


def refusal(name: str) -> str | None:
    """Import a module; give what it says where the package that it is about is not installed."""
    try:
        importlib.import_module(name)
    except MissingExtraError as error:
        if error.name is None or importlib.util.find_spec(error.name.partition(".")[0]) is not None:
            raise
        return str(error)
    return None


if __name__ == "__main__":
    main(sys.argv[1:])
