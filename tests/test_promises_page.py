"""The pages that link promises to tests are those that `.ci/promises.py` would write now."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parent.parent
SCRIPT = runpy.run_path(str(ROOT / ".ci" / "promises.py"))


def test_every_promise_links_to_its_proof() -> None:
    """No page lags behind the tests; `hatch run promises` brings them up to date."""
    wanted = SCRIPT["pages"]()

    behind = [str(path.relative_to(ROOT)) for path, text in wanted.items() if not same(path, text)]

    assert behind == [], "run: hatch run promises"


def test_no_proof_is_left_without_promises() -> None:
    """A page of proofs whose promises are gone goes too."""
    wanted = SCRIPT["pages"]()

    left = {path for path in (ROOT / "docs" / "promises" / "tests").glob("*.md") if path not in wanted}

    assert left == set()


def same(path: Path, text: str) -> bool:
    """Tell whether a file exists and says this."""
    return path.exists() and path.read_text("utf-8") == text
