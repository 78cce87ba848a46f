"""The house rules that a machine can keep: places, doors, sizes, imports and promises."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from inspect import isroutine
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "brickwork"
DOORS = sorted(door.parent.name for door in PACKAGE.glob("[a-z]*/__init__.py"))
BLOCKS = sorted({*DOORS, "stack"})
# SQLAlchemy brings greenlet along; drivers come with the first connection.
ABOUT = {block: {"greenlet", "sqlalchemy"} for block in ("database", "listing")}
ABOUT["auth"] = {"_cffi_backend", "_openssl", "bcrypt", "cryptography", "jose", "passlib"}
PLACES = (
    "tests/{}",
    "examples/{}.py",
    "benchmarks/{}.py",
    "docs/blocks/{}.md",
    "docs/reference/{}.md",
    "docs/promises/{}.md",
    "src/brickwork/.agents/skills/brickwork/references/{}.md",
)
SOURCES = sorted(
    path for folder in ("src", "tests", "examples", "benchmarks", ".ci") for path in (ROOT / folder).rglob("*.py")
)
SHIPPED = [path for path in SOURCES if path.is_relative_to(PACKAGE)]
PROMISES = ROOT / "docs" / "promises"
PAGES = sorted({*BLOCKS, *(page.stem for page in PROMISES.glob("*.md") if page.stem != "index")})
PROMISE = re.compile(r"^- \*\*([a-z]+-[0-9]+)\*\*(?:\{[^}]*\})? [\w`]", re.MULTILINE)


def relative(path: Path) -> str:
    """Name a file from the top of the repository."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    """Read a file once for all tests."""
    return ast.parse(path.read_text("utf-8"), str(path))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Give every function of a file, nested ones too."""
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function without its signature, which is a list of options, and its docstring."""
    first, *others = function.body
    documented = ast.get_docstring(function, clean=False) is not None
    begin = others[0] if documented and others else first
    return (function.end_lineno or 0) - begin.lineno + 1


def in_fresh_interpreter(code: str) -> list[str]:
    """Run code in a new interpreter and give the list that it prints as JSON."""
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    return list(json.loads(answer.stdout))


@cache
def modules_after(statement: str) -> frozenset[str]:
    """List the modules that a new interpreter holds after a statement."""
    return frozenset(in_fresh_interpreter(f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"))


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_has_all_its_places(block: str) -> None:
    """Whoever knows where one block keeps its tests, example, guide and promises knows it of all."""
    places = [place.format(block) for place in PLACES]

    missing = [place for place in places if not (ROOT / place).exists()]

    assert missing == []


@pytest.mark.parametrize("block", DOORS)
def test_a_door_offers_what_it_imports(block: str) -> None:
    """A door holds imports and `__all__`, and `__all__` is complete and sorted: constants, classes, functions."""
    _docstring, *statements = tree(PACKAGE / block / "__init__.py").body
    *imports, offer = statements

    names = [alias.asname or alias.name for line in imports if isinstance(line, ast.ImportFrom) for alias in line.names]

    assert all(isinstance(line, ast.ImportFrom) for line in imports)
    assert ast.unparse(offer) == f"__all__ = {sorted(names, key=lambda name: (not name.isupper(), name))}"


@pytest.mark.parametrize("block", BLOCKS)
def test_every_public_name_is_documented(block: str) -> None:
    """A door and each name behind it have a docstring of their own; names for values are described in the guide."""
    module = import_module(f"brickwork.{block}")
    values = {name: getattr(module, name) for name in module.__all__}
    described = (ROOT / f"docs/reference/{block}.md").read_text("utf-8")

    written = {name: value for name, value in values.items() if isinstance(value, type) or isroutine(value)}
    silent = [name for name, value in written.items() if not (value.__doc__ or "").strip()]

    assert module.__doc__
    assert silent == []
    assert f"::: brickwork.{block}" in described


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_files_and_functions_stay_small(path: Path) -> None:
    """A module has 400 lines at most, and a function 40."""
    lines = len(path.read_text("utf-8").splitlines())

    long = {function.name: length(function) for function in functions(path) if length(function) > 40}

    assert lines <= 400
    assert long == {}


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_annotations_are_not_postponed(path: Path) -> None:
    """FastAPI resolves annotations with module globals only, so no file asks for them to become strings."""
    imports = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom)]

    assert [node.lineno for node in imports if node.module == "__future__"] == []


@pytest.mark.parametrize("path", SHIPPED, ids=relative)
def test_middleware_is_pure_asgi(path: Path) -> None:
    """Nothing in the package builds on `BaseHTTPMiddleware`."""
    classes = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)]
    bases = {ast.unparse(base).rpartition(".")[2]: node.lineno for node in classes for base in node.bases}

    assert "BaseHTTPMiddleware" not in bases


@pytest.mark.parametrize("block", BLOCKS)
def test_a_door_opens_alone(block: str) -> None:
    """One block loads no other, unless it is the stack, and no package but FastAPI's and the one that it is about."""
    before = modules_after("import fastapi")

    loaded = modules_after(f"import fastapi, brickwork.{block}") - before

    others = set() if block == "stack" else {f"brickwork.{other}" for other in BLOCKS if other != block}
    assert loaded & others == set()
    assert packages(loaded) - packages(before) - ABOUT.get(block, set()) == {"brickwork"}


def packages(modules: frozenset[str]) -> set[str]:
    """Name the installed packages to which modules belong; what Cython puts beside compiled ones is none."""
    names = {module.partition(".")[0] for module in modules} - sys.stdlib_module_names
    return {name for name in names if not name.startswith(("_cython_", "cython_runtime"))}


def test_the_package_opens_no_block() -> None:
    """`import brickwork` alone loads neither a block nor FastAPI."""
    loaded = modules_after("import brickwork")

    assert loaded & {f"brickwork.{block}" for block in BLOCKS} == set()
    assert "fastapi" not in loaded


def test_opening_every_door_is_cheap() -> None:
    """All blocks cost little beyond what they are about: some 60 ms of processor time, and tenfold slack."""
    doors = ", ".join(f"brickwork.{block}" for block in BLOCKS)
    theirs = (
        "import cryptography.x509, fastapi, gc, jose.jwk, passlib.context, sqlalchemy.dialects.postgresql, "
        "sqlalchemy.dialects.sqlite, sqlalchemy.ext.asyncio, sqlalchemy.orm, time"
    )
    # When the collector runs is chance, and what it walks through is theirs.
    code = f"{theirs}\ngc.disable()\nbegan = time.process_time()\nimport {doors}\nprint([time.process_time() - began])"

    [spent] = in_fresh_interpreter(code)

    assert float(spent) < 0.6


@cache
def promised() -> frozenset[str]:
    """List the promises of all pages."""
    return frozenset(promise for page in PROMISES.glob("*.md") for promise in PROMISE.findall(page.read_text("utf-8")))


@cache
def proven() -> dict[str, list[str]]:
    """List the promises that tests say they prove, with the files that do.

    Files are read, not imported, so that the answer is the same whatever part of the suite runs.
    """
    proofs: dict[str, list[str]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.promise":
                for promise in node.args:
                    proofs.setdefault(ast.literal_eval(promise), []).append(f"{relative(path)}:{node.lineno}")
    return proofs


@pytest.mark.parametrize("page", PAGES)
def test_promises_are_numbered_in_order(page: str) -> None:
    """A page holds `- **<page>-1** Sentence.` and so on, without a gap, and nothing that only looks like it."""
    text = (PROMISES / f"{page}.md").read_text("utf-8")

    numbers = PROMISE.findall(text)

    assert numbers == [f"{page}-{number}" for number in range(1, len(numbers) + 1)]
    assert numbers == re.findall(r"\*\*([a-z]+-[0-9]+)\*\*", text)


@pytest.mark.parametrize("page", PAGES)
def test_every_promise_has_a_proof(page: str) -> None:
    """For each promise there is a test that names it."""
    promises = PROMISE.findall((PROMISES / f"{page}.md").read_text("utf-8"))

    unproven = [promise for promise in promises if promise not in proven()]

    assert promises
    assert unproven == []


def test_every_proof_has_a_promise() -> None:
    """No test claims to prove what nobody promised."""
    strays = {promise: files for promise, files in proven().items() if promise not in promised()}

    assert strays == {}
