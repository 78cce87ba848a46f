"""Every Python block that a reader may copy is run as it stands, and prints what the page says it prints.

The blocks come from the pages at the top and in `docs`, the agent skill, and the docstrings of package and examples:

- a fence opened by ```` ```python ```` stands alone, in a module of its own; `await` is allowed at its top level;
- ```` ```python {.continues} ```` starts with what the block before it on the same page or docstring left behind;
- ```` ```python {reason="needs a browser"} ```` is not run. `NOT_RUN` counts these, so that none comes in unnoticed;
- a fence that includes a file, `--8<-- "examples/shop.py"` or one `:section` of it, runs what it includes;
- what the block prints equals, in order, its lines `#> …`.
"""

import ast
import asyncio
import gc
import inspect
import io
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType

import pytest

from brickwork.database import Database

# A page does not close every connection to SQLite that it opens, and the drivers warn of that.
pytestmark = pytest.mark.filterwarnings(
    "ignore:unclosed database:ResourceWarning", "ignore:.* was deleted before being closed:ResourceWarning"
)

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    [
        *(ROOT / page for page in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "src").rglob("*.md"),
    ]
)
MODULES = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "examples").rglob("*.py")])
NOT_RUN: dict[str, int] = {
    "docs/blocks/database.md": 1,
    "src/brickwork/websockets/_service/connection.py": 1,
    "src/brickwork/websockets/_service/stepping.py": 1,
}

FENCE = re.compile(r"^(?P<indent>[ >]*)(?P<ticks>`{3,}|~{3,}) *(?P<info>[^`\n]*)$")
PYTHON = re.compile(r"\{? *\.?(i?py|doctest)", re.IGNORECASE)
INCLUDE = re.compile(r'^\s*--8<-- "(?P<path>[^":]+)(?::(?P<section>\w+))?"\s*$')
OUTPUT = re.compile(r"^ *#>(?: (.*))?$", re.MULTILINE)


@dataclass(frozen=True)
class Snippet:
    """One fenced block of Python.

    Attributes:
        path: File it stands in.
        line: Line of its opening fence.
        info: What follows the backticks.
        code: What stands between the fences.
        before: The block that it continues.
    """

    path: Path
    line: int
    info: str
    code: str
    before: "Snippet | None" = None

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT).as_posix()}:{self.line}"

    @property
    def runs(self) -> bool:
        """Whether the block is run."""
        return "reason=" not in self.info


def included(line: str) -> list[str]:
    """Replace a line that includes a file, or a section of it, by what it includes."""
    wanted = INCLUDE.match(line)
    if wanted is None:
        return [line]
    lines = (ROOT / wanted["path"]).read_text("utf-8").splitlines()
    if wanted["section"]:
        start, end = (
            next(i for i, text in enumerate(lines) if f"--8<-- [{edge}:{wanted['section']}]" in text)
            for edge in ("start", "end")
        )
        lines = lines[start + 1 : end]
    return lines


def fences(text: str) -> Iterator[tuple[int, str, list[str]]]:
    """Give line number, info string and lines of each outermost fenced block."""
    opened: re.Match[str] | None = None
    start, inside = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if opened is None:
            if opened := FENCE.match(line):
                start, inside = number, []
        elif line.strip(" >") == opened["ticks"]:
            yield start, opened["info"], inside
            opened = None
        else:
            inside.append(line.removeprefix(opened["indent"]) if line.strip(" >") else "")
    assert opened is None, f"the fence opened in line {start} is not closed"


def snippets(path: Path, text: str, offset: int = 0) -> Iterator[Snippet]:
    """Give the Python blocks of one page or docstring."""
    last = None
    for line, info, inside in fences(text):
        if PYTHON.match(info):
            before = last if ".continues" in info else None
            code = "\n".join(part for each in inside for part in included(each))
            last = Snippet(path, line + offset, info, code, before)
            yield last


def docstrings(path: Path) -> Iterator[Snippet]:
    """Give the Python blocks in the docstrings of a module."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=False)
            if text and "```" in text:
                yield from snippets(path, inspect.cleandoc(text), offset=node.body[0].lineno - 1)


SNIPPETS = [
    *(snippet for path in PAGES if path.exists() for snippet in snippets(path, path.read_text("utf-8"))),
    *(snippet for path in MODULES for snippet in docstrings(path)),
]


def compiled(snippet: Snippet) -> CodeType:
    """Compile a block so that a traceback shows the page and its line."""
    code = "\n" * snippet.line + snippet.code
    done: CodeType = compile(code, str(snippet.path), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    return done


def execute(snippet: Snippet, module: ModuleType) -> str:
    """Run a block, after those that it continues, and give what it printed."""
    if snippet.before is not None:
        execute(snippet.before, module)
    code = compiled(snippet)
    with redirect_stdout(io.StringIO()) as printed:
        if code.co_flags & inspect.CO_COROUTINE:
            asyncio.run(eval(code, module.__dict__))
        else:
            exec(code, module.__dict__)
    return printed.getvalue()


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module that a page's blocks are, and nothing left open of it.

    A page that goes on does not close its databases, and caches of typing and FastAPI may keep them until a test runs
    that would be blamed for what they leave open.
    """
    made = ModuleType("snippet")
    monkeypatch.setitem(sys.modules, "snippet", made)
    yield made
    for value in vars(made).values():
        if isinstance(value, Database):
            asyncio.run(value.dispose())
    gc.collect()


@pytest.mark.usefixtures("restored_logging")
@pytest.mark.parametrize("snippet", [snippet for snippet in SNIPPETS if snippet.runs], ids=str)
def test_a_snippet_runs_as_shown(
    snippet: Snippet, module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The block runs, and prints exactly its `#>` lines."""
    monkeypatch.chdir(tmp_path)

    printed = execute(snippet, module)

    assert [line.rstrip() for line in printed.splitlines()] == [line.rstrip() for line in OUTPUT.findall(snippet.code)]


def test_no_snippet_is_left_out_unnoticed() -> None:
    """Blocks that are not run are few, known, and say why."""
    left_out: dict[str, int] = {}
    for snippet in SNIPPETS:
        if not snippet.runs:
            assert re.search(r'\{.*reason="[^"]{8,}".*\}', snippet.info), f"{snippet}: say why"
            page = str(snippet).rpartition(":")[0]
            left_out[page] = left_out.get(page, 0) + 1

    assert left_out == NOT_RUN


def test_python_fences_have_one_form() -> None:
    """A fence says `python`, then options in braces or a title: sites render and highlight nothing else."""
    form = re.compile(r'python(?: \{.*\})?(?: title="[^"]+")?')

    odd = {str(snippet): snippet.info for snippet in SNIPPETS if not form.fullmatch(snippet.info.strip())}

    assert odd == {}
