"""What a run leaves behind: JSON, charts, and the tables that the documentation includes."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .curve import Curve
from .table import Table

WHERE = Path(__file__).parent.parent / "docs" / "benchmarks"
OURS = ("brickwork", "fastapi", "starlette", "pydantic")
PACKAGES = (
    "asgi-correlation-id", "fastapi-problem", "prometheus-fastapi-instrumentator", "secure", "starlette-context",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class About:
    """When, where and with what a run was made."""

    date: str
    machine: str
    python: str
    versions: dict[str, str]

    @classmethod
    def this_run(cls, packages: Sequence[str] = PACKAGES) -> "About":
        """Look around.

        Args:
            packages: Whose versions matter, besides ours and those that we rest on.
        """
        machine = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}"
        found = _versions([*OURS, *packages])
        return cls(datetime.now(UTC).date().isoformat(), machine, platform.python_version(), found)


def _versions(packages: Sequence[str]) -> dict[str, str]:
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def write(
    block: str, parts: Sequence[Table | Curve], where: Path = WHERE, *, packages: Sequence[str] = PACKAGES
) -> None:
    """Write the block's results: ``<block>.json``, one chart a part, and ``<block>.md``."""
    where.mkdir(parents=True, exist_ok=True)
    about = About.this_run(packages)
    tables = [asdict(part) for part in parts if isinstance(part, Table)]
    curves = [asdict(part) for part in parts if isinstance(part, Curve)]
    document = {"about": asdict(about), "tables": tables} | ({"curves": curves} if curves else {})
    (where / f"{block}.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    page = []
    for number, part in enumerate(parts, 1):
        chart = f"{block}-{number}.svg"
        (where / chart).write_text(part.chart(), "utf-8")
        page += [f"### {part.title}", part.note, f"![{part.spoken()}](benchmarks/{chart})", part.markdown()]
    versions = ", ".join(f"{name} {number}" for name, number in about.versions.items())
    page.append(f"*Measured on {about.date}: {about.machine}, Python {about.python}, {versions}.*")
    (where / f"{block}.md").write_text("\n\n".join(page) + "\n", "utf-8")
