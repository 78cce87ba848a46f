"""The tour of the shop: quick, readable, and true."""

import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from examples.shop import tour
from examples.shop.guide import Guide

ROOT = Path(tour.__file__).parents[2]
BLOCKS = [
    "auth", "ratelimit", "problems", "listing", "database", "websockets", "requestid", "headers", "stack", "accesslog",
]  # fmt: skip


@pytest.fixture
async def said(capsys: pytest.CaptureFixture[str], expected_errors: list[object]) -> str:
    """What the tour prints to a file."""
    broken = await tour.tour(colour=False)

    assert broken == []
    return capsys.readouterr().out


async def test_every_claim_holds(said: str) -> None:
    """Each claim has its mark, and no mark is missing."""
    assert said.count("✓") >= 15
    assert "✗" not in said


async def test_every_block_is_visited(said: str) -> None:
    """The tour leads through all blocks."""
    assert re.findall(r"^(\w+) ", said, flags=re.MULTILINE) == BLOCKS


async def test_the_sights_are_seen(said: str) -> None:
    """What people come for is on the screen."""
    sights = [
        'www-authenticate: Bearer realm="api"',
        '"password": "…"',
        "by: warehouse",
        'ratelimit: "catalogue";r=1194;t=',
        '"account"',
        '"pointer": "#/lines/0/quantity"',
        "There is no such parameter; did you mean 'category'?",
        "Persuasion, Jane Austen",
        '"reason": "malformed"',
        "304 Not Modified",
        "101 Switching Protocols",
        '"type": "order_shipped"',
        "x-request-id: checkout-4711",
        "content-security-policy: default-src 'none'",
        "400 Bad Request",
        "413 Content Too Large",
        "504 Gateway Timeout",
        "500 Internal Server Error",
        "access-control-allow-origin: http://localhost:3000",
        "GET /books/64?token=*** 200",
        "error: ConnectionError",
    ]

    assert [sight for sight in sights if sight not in said] == []


async def test_it_fits_a_terminal_and_tells_no_secret(said: str) -> None:
    """No line is longer than a hundred columns, and what an answer must not tell is told by none."""
    answers = [line for line in said.splitlines() if not line.startswith("  GET ")]

    assert max(map(len, said.splitlines())) <= 100
    assert not [line for line in answers if "hunter2" in line]


async def test_a_claim_that_does_not_hold_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    """The tour would say so if the shop did something else."""
    guide = Guide(None, colour=False)  # type: ignore[arg-type]

    guide.shows("Pigs fly.", proven=False)

    assert guide.broken == ["Pigs fly."]
    assert "✗ Pigs fly." in capsys.readouterr().out


def test_the_command_runs_in_a_few_seconds() -> None:
    """``hatch run tour`` ends well within five seconds, without colour where nobody looks."""
    done = subprocess.run(
        [sys.executable, "-m", "examples.shop.tour"], cwd=ROOT, capture_output=True, text=True, timeout=15, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout


async def test_colour_is_only_colour(said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In colour the tour says the same, apart from IDs and times."""
    await tour.tour(colour=True)

    coloured = capsys.readouterr().out
    plain = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert coloured != plain
    assert len(plain.splitlines()) == len(said.splitlines())


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colour_is_for_terminals_that_want_it(no_color: str, coloured: bool) -> None:
    """On a terminal the tour is in colour, unless NO_COLOR is set."""
    terminal, stdout = pty.openpty()
    command = [sys.executable, "-m", "examples.shop.tour"]

    with subprocess.Popen(command, cwd=ROOT, stdout=stdout, env={**os.environ, "NO_COLOR": no_color}) as process:
        os.close(stdout)
        begun = os.read(terminal, 1000)
        with suppress(OSError):  # the terminal ends with the process
            while os.read(terminal, 65_536):
                pass
    os.close(terminal)

    assert process.returncode == 0
    assert (b"\x1b[" in begun) is coloured
