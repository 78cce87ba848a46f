"""Code from guides, and what takes its place: what a client sees of the one it sees of the other.

A topic is a folder of `docs/from-the-tutorial/` with `before.py`, `after.py` and the `calls.py` of a client.
"""

import runpy
from pathlib import Path

import pytest
from starlette.testclient import TestClient

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "from-the-tutorial"
TOPICS = sorted({path.parent.name for path in FOLDER.glob("*/*.py")})
PAGE = (ROOT / "docs" / "from-the-tutorial.md").read_text("utf-8")


@pytest.mark.usefixtures("restored_logging")
@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("topic", TOPICS)
def test_a_client_need_not_change(topic: str, side: str) -> None:
    """The calls of a client written for the guide's code pass against it, and against ours."""
    app = runpy.run_path(str(FOLDER / topic / f"{side}.py"))["app"]
    calls = runpy.run_path(str(FOLDER / topic / "calls.py"))["calls"]

    with TestClient(app, raise_server_exceptions=False) as client:
        calls(client)


@pytest.mark.parametrize("topic", TOPICS)
def test_the_page_shows_what_is_tested(topic: str) -> None:
    """Both sides and the client's calls stand on the page, from the same files."""
    shown = [f'--8<-- "docs/from-the-tutorial/{topic}/{part}.py"' for part in ("before", "after", "calls")]

    missing = [line for line in shown if line not in PAGE]

    assert missing == []
