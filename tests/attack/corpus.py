"""Requests that every app gets in every run: the classics, and each one that ever found something.

A file in `tests/corpus` lists cases: `name`; `wire`, the bytes as latin-1 text, in parts, where `["[", 100000]` repeats
a text; and `answered`, where a server has no choice but to answer. `{get}` and `{post}` stand for paths of the app.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

from .request import Operation, Request

FOLDER = Path(__file__).parent.parent / "corpus"


def corpus(operations: list[Operation]) -> Iterator[tuple[str, Request]]:
    """Give all requests of the corpus, aimed at an app's own operations."""
    targets = {f"{{{method}}}": _target(operations, method) for method in ("get", "post")}
    for path in sorted(FOLDER.glob("*.json")):
        for case in json.loads(path.read_text("utf-8")):
            wire = "".join(part if isinstance(part, str) else part[0] * part[1] for part in case["wire"])
            for name, target in targets.items():
                wire = wire.replace(name, target)
            request = Request(wire.partition(" ")[0].encode("latin-1"), raw=wire.encode("latin-1"))
            request.complete = case.get("answered", False)
            yield f"corpus/{path.stem}: {case['name']}", request


def _target(operations: list[Operation], method: str) -> str:
    """Find where a method is at home: best where a body or a parameter is read."""
    fitting = [each for each in operations if each.method == method]
    fitting.sort(key=lambda each: (each.body is None, not each.parameters))
    if not fitting:
        return "/"
    return fitting[0].request(Random(0)).target.decode().partition("?")[0]
