"""What the documentation site must be, and a strict build does not notice."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
STYLE = ROOT / "docs" / "assets" / "brickwork.css"
FENCED = re.compile(r'^ *(`{3,})[^`\n]*\n *--8<-- "([^":]+)[^"]*"$', re.MULTILINE)


def relative(path: Path) -> str:
    """Name a file from the top of the repository."""
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_an_included_file_does_not_close_its_fence(page: Path) -> None:
    """A fence around a file has more backticks than any fence inside the file."""
    short = [
        path
        for ticks, path in FENCED.findall(page.read_text("utf-8"))
        if ticks in re.findall(r"^ *(`{3,})", (ROOT / path).read_text("utf-8"), re.MULTILINE)
    ]

    assert short == [], "open these with ````python"


def test_nothing_is_fetched_from_elsewhere() -> None:
    """Fonts are the system's, and the style sheet loads nothing."""
    configuration = (ROOT / "mkdocs.yml").read_text("utf-8")

    assert "  font: false\n" in configuration
    assert re.findall(r"url\(|@import", STYLE.read_text("utf-8")) == []
