"""``limiter.concurrent`` where it is written."""

from typing import Any

import pytest

from brickwork.ratelimit import Limit, RateLimiter, RateStore, Verdict


@pytest.fixture
def limiter() -> RateLimiter:
    """A limiter that counts in memory."""
    return RateLimiter()


def test_what_cannot_be_counted_is_refused_when_it_is_written(limiter: RateLimiter) -> None:
    """A store without leases, nobody at all, and seconds that make no sense."""

    class Counting:
        """A store that keeps no leases."""

        async def hit(self, charges: Any, *, mode: Any = "count") -> list[Verdict]:
            """Count nothing."""
            return [Verdict(1, 0, 0) for _ in charges]

        async def refund(self, charges: Any, *, age: float = 0.0) -> None:
            """Give nothing back."""

        async def reset(self, charges: Any) -> None:
            """Forget nothing."""

    counting: RateStore = Counting()

    with pytest.raises(ValueError, match="the store cannot tell what runs at once"):
        RateLimiter(store=counting).concurrent(1)
    with pytest.raises(ValueError, match="the store cannot tell what runs at once"):
        RateLimiter(store=counting).websocket(open=1)
    with pytest.raises(ValueError, match="lets nothing through"):
        limiter.concurrent(0)
    with pytest.raises(ValueError, match="ttl is the seconds"):
        limiter.concurrent(1, ttl=0)


def test_alike_is_one(limiter: RateLimiter) -> None:
    """Places that were written alike are the same to FastAPI."""
    one, same, other = limiter.concurrent(1), limiter.concurrent(1), limiter.concurrent(1, ttl=5)

    assert one.dependency == same.dependency != other.dependency
    assert len({one.dependency, same.dependency, limiter.depends(Limit(1, 1)).dependency}) == 2
