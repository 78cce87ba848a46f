"""What is shipped: the wheel, its metadata, and the papers that go with a release."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from zipfile import ZipFile

import pytest

import brickwork
from brickwork._core.extras import MissingExtraError, extra

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "brickwork"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_nothing_else(tmp_path: Path) -> None:
    """Every file of the package is in the wheel: code, marker for types, scripts, pages and the agent skill."""
    ours = {
        path.relative_to(PACKAGE.parent).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    build = [sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--out-dir", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True)

    [wheel] = tmp_path.glob("*.whl")
    shipped = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert shipped == ours
    assert "brickwork/py.typed" in shipped


def test_the_version_stands_in_one_place() -> None:
    """The module says the version, and the metadata repeats it."""
    assert PROJECT["dynamic"] == ["version"]
    assert metadata.version("brickwork") == brickwork.__version__


def test_every_extra_that_the_code_names_exists() -> None:
    """Who is told to install `brickwork[x]` finds an extra `x`, and `all` brings every one."""
    calls = [
        node
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "extra"
    ]

    named = {ast.literal_eval(argument) for call in calls for argument in call.args}

    declared = set(PROJECT["optional-dependencies"]) - {"all"}
    assert named <= declared
    assert PROJECT["optional-dependencies"]["all"] == [f"brickwork[{','.join(sorted(declared))}]"]


def test_a_missing_package_names_its_extra() -> None:
    """The error for a package that is not there is the line to type."""
    with pytest.raises(MissingExtraError, match=r'pip install "brickwork\[redis\]"'), extra("redis"):
        import a_package_that_is_not_there  # type: ignore[import-not-found] # noqa: F401


def test_the_core_needs_three_packages() -> None:
    """FastAPI, what it stands on, and nothing else."""
    needed = {re.split(r"[<>=\[]", requirement)[0] for requirement in PROJECT["dependencies"]}

    assert needed == {"fastapi", "pydantic", "starlette"}


def test_the_security_policy_keeps_its_figures() -> None:
    """Two days to acknowledge, two weeks to a fix or a plan, two minor versions supported, and this one among them."""
    policy = (ROOT / "SECURITY.md").read_text("utf-8")
    minor = ".".join(brickwork.__version__.split(".")[:2])

    rows = re.findall(
        r"^\| ([0-9]+\.[0-9]+) \| (not yet|20[0-9]{2}-[0-9]{2}-[0-9]{2}) \| [^|]+ \|$", policy, re.MULTILINE
    )

    assert "**48 hours**" in policy
    assert "**14 days**" in policy
    assert "What does not" in policy
    assert rows[0][0] == minor
    assert len(rows) <= 2


def test_the_changelog_speaks_to_users_block_first() -> None:
    """Versions come newest first with a date, changes under the six usual headings, each with its block."""
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    versions = re.findall(r"^## (.*)$", changelog, re.MULTILINE)
    kinds = set(re.findall(r"^### (.*)$", changelog, re.MULTILINE))
    entries = re.findall(r"^- (.*)$", changelog, re.MULTILINE)

    unnamed = [entry for entry in entries if not re.match(r"\*\*[a-z_, ]+:\*\* \S", entry)]

    assert versions[0] == "[Unreleased]"
    assert [each for each in versions[1:] if not re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", each)] == []
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert unnamed == []


@pytest.mark.parametrize("workflow", sorted((ROOT / ".github/workflows").glob("*.yml")), ids=lambda path: path.name)
def test_a_workflow_may_do_little(workflow: Path) -> None:
    """A workflow reads the repository unless a job of it says more, and takes no secret: publication needs none."""
    text = workflow.read_text("utf-8")

    assert "\npermissions:\n  contents: read\n" in text
    assert "secrets." not in text


def test_python_versions_are_those_declared() -> None:
    """The classifiers name the versions from the lowest that is required."""
    named = [each.rpartition(" ")[2] for each in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", each)]

    assert f">={named[0]}" == PROJECT["requires-python"]
    assert named == sorted(named)


def test_the_package_shows_what_it_offers_before_it_is_loaded() -> None:
    """`dir()` names the lazy names, so that a shell completes them; a name that is none is an AttributeError."""
    unknown = "uninstall"

    offered = set(dir(brickwork))

    assert {*brickwork.__all__, "__version__"} <= offered
    with pytest.raises(AttributeError, match=f"has no attribute '{unknown}'"):
        getattr(brickwork, unknown)
