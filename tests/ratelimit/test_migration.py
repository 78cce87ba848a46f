"""The middleware of the tutorials that counts in Redis, and what takes its place: both against a real Redis."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from brickwork.ratelimit.redis import RedisRateStore
from tests.ratelimit.conftest import PATIENCE
from tests.ratelimit.slowapi_apps import statuses

PAGE = Path(__file__).parents[2] / "docs" / "from-the-tutorial.md"
SECTION = PAGE.read_text("utf-8").split("## A middleware with `INCR` and `EXPIRE`")[1].split("\n## ")[0]
SIDES: Sequence[str] = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)


@pytest.mark.promise("ratelimit-100")
@pytest.mark.parametrize("code", SIDES, ids=["before", "after"])
async def test_a_client_need_not_change(code: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three calls pass and the fourth does not, before and after."""
    client = Redis.from_url(redis_url)
    monkeypatch.setattr("redis.asyncio.Redis", lambda: client)
    # The page does not speak of deadlines, and whoever is counted in this process for once has one call more.
    monkeypatch.setitem(vars(RedisRateStore)["__init__"].__kwdefaults__, "deadline", PATIENCE)
    module: dict[str, Any] = {}
    exec(code, module)

    async with client:
        found = await statuses(module["app"], *["/books"] * 4)

    assert found == [200, 200, 200, 429]
