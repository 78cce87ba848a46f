"""Links every promise to the tests that prove it.

```console
$ hatch run promises           # writes the pages under docs/promises/tests/, and the links to them
```

A promise is a line of `docs/promises/<page>.md`; a proof is a test marked with its number. The pages written here name
the tests of each promise, and the built site shows their sentences and their source. `tests/test_promises_page.py` says
when they are out of date.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROMISES = ROOT / "docs" / "promises"
PROMISE = re.compile(r"^- \*\*(?P<number>(?P<page>[a-z]+)-\d+)\*\*(?:\{[^}]*\})? (?P<said>.+(?:\n  .+)*)", re.MULTILINE)
LINK = re.compile(r"\s*\[proof\]\(tests/[^)]*\)$")
SHOWN = """\
    options:
      heading_level: 3
      separate_signature: false
      show_root_heading: true
      show_signature: false
      show_source: true"""


def tests() -> Iterator[tuple[str, ast.stmt, list[ast.stmt]]]:
    """Give the dotted name, the definition and the whole module of every test function."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        body = ast.parse(path.read_text("utf-8")).body
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield f"{module}.{node.name}", node, body


def marks(node: ast.AST) -> Iterator[str]:
    """Give the numbers in the `pytest.mark.promise(...)` calls of a piece of code."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.promise":
            yield from (ast.literal_eval(number) for number in call.args)


def names(node: ast.AST) -> set[str]:
    """Give the names that a piece of code mentions."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def proofs() -> dict[str, list[str]]:
    """Give the tests of each promise, by number: marked themselves, or run on marked cases that stand above them."""
    found: dict[str, list[str]] = {}
    for name, test, body in tests():
        mentioned = names(test) | {"pytestmark"}
        cases = [node for node in body if isinstance(node, ast.Assign | ast.AnnAssign) and names(node) & mentioned]
        for number in dict.fromkeys(mark for node in (test, *cases) for mark in marks(node)):
            found.setdefault(number, []).append(name)
    return found


def linked(text: str) -> str:
    """Put a link to its proof behind every promise of a page."""

    def link(promise: re.Match[str]) -> str:
        return f"{LINK.sub('', promise[0])} [proof](tests/{promise['page']}.md#{promise['number']})"

    return PROMISE.sub(link, text)


def proof_page(page: str, text: str, found: dict[str, list[str]], shown: set[str]) -> str:
    """Write the page that shows the tests of each promise; one that is shown already gets a link."""
    title = text.partition("\n")[0].removeprefix("# ")
    parts = [
        "---\nhide: [toc]\n---",
        f"# {title}: the proof",
        f"Each sentence of [the promises](../{page}.md), and the tests that keep it true.",
    ]
    for promise in PROMISE.finditer(text):
        said = " ".join(LINK.sub("", promise["said"]).split())
        parts += [f"## {promise['number']} {{#{promise['number']}}}", f"> {said}"]
        for test in found.get(promise["number"], []):
            # Two places for one test would leave its links undecided.
            again = f"Also proven by [`{test.rpartition('.')[2]}`][{test}]."
            parts.append(again if test in shown else f"::: {test}\n{SHOWN}")
            shown.add(test)
    return "\n\n".join(parts) + "\n"


def pages() -> dict[Path, str]:
    """Give what every page of promises, and of their proofs, should say."""
    found = proofs()
    shown: set[str] = set()
    wanted: dict[Path, str] = {}
    for path in sorted(PROMISES.glob("*.md")):
        text = path.read_text("utf-8")
        if PROMISE.search(text):
            wanted[path] = linked(text)
            wanted[PROMISES / "tests" / path.name] = proof_page(path.stem, text, found, shown)
    return wanted


if __name__ == "__main__":
    (PROMISES / "tests").mkdir(exist_ok=True)
    for target, said in pages().items():
        target.write_text(said, "utf-8")
