"""Whatever remembers, it counts the same."""

import asyncio

import pytest

from brickwork.ratelimit import Limit
from tests.ratelimit.conftest import Store, charge

TEN = [
    Limit(10, 60, "sliding"),
    Limit(10, 60, "fixed"),
    Limit(10, 60, "gcra"),
    Limit(10, 60, "log"),
]
NEVER = -1
SECOND = 1_000_000


@pytest.mark.parametrize("limit", TEN, ids=lambda limit: limit.algorithm)
async def test_what_is_allowed_passes_and_no_more(store: Store, limit: Limit) -> None:
    """As much as a limit allows passes at once, and what is left is told each time."""
    admitted = [await store.hit([charge(limit)]) for _ in range(10)]
    refused = await store.hit([charge(limit)])

    assert [verdict.remaining for [verdict] in admitted] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert all(verdict.retry_after == 0 for [verdict] in admitted)
    assert refused[0].remaining == 0
    assert 0 < refused[0].retry_after <= 60 * SECOND


@pytest.mark.promise("ratelimit-58")
@pytest.mark.parametrize("limit", TEN, ids=lambda limit: limit.algorithm)
async def test_many_at_once_pass_as_one_after_the_other(store: Store, limit: Limit) -> None:
    """Of fifty at the same moment as many pass as are allowed, exactly."""
    verdicts = await asyncio.gather(*(store.hit([charge(limit)]) for _ in range(50)))

    assert sum(verdict.retry_after == 0 for [verdict] in verdicts) == 10


@pytest.mark.promise("ratelimit-9")
async def test_a_refusal_by_one_limit_costs_nothing_of_the_others(store: Store) -> None:
    """All limits of a decision count it, or none does."""
    both = [charge(Limit(2, 1)), charge(Limit(1000, 3600))]

    for _ in range(50):
        await store.hit(both)
    [_, hour] = await store.hit(both, mode="peek")

    assert hour.remaining == 998


@pytest.mark.promise("ratelimit-10")
@pytest.mark.parametrize("limit", TEN, ids=lambda limit: limit.algorithm)
async def test_a_refused_cost_is_not_spent(store: Store, limit: Limit) -> None:
    """What does not fit is refused as a whole, and what fits passes afterwards."""
    await store.hit([charge(limit, 5)])

    [six] = await store.hit([charge(limit, 6)])
    [five] = await store.hit([charge(limit, 5)])

    assert six.retry_after > 0
    assert five.retry_after == 0


@pytest.mark.parametrize("limit", TEN, ids=lambda limit: limit.algorithm)
async def test_costs_at_the_edge(store: Store, limit: Limit) -> None:
    """What costs nothing always passes, what costs more than is ever allowed never does, and less than 0 is wrong."""
    [never] = await store.hit([charge(limit, 11)])
    [all_of_it] = await store.hit([charge(limit, 10)])
    [nothing] = await store.hit([charge(limit, 0)])

    assert never.retry_after == NEVER
    assert all_of_it.retry_after == nothing.retry_after == 0
    with pytest.raises(ValueError, match="use 0 or more"):
        await store.hit([charge(limit, -1)])


async def test_whoever_and_whatever_is_counted_is_counted_apart(store: Store) -> None:
    """Neither identities nor scopes nor limits share a count."""
    one = Limit(1, 60)
    await store.hit([charge(one)])

    [other_identity] = await store.hit([charge(one, who="grace")])
    [other_scope] = await store.hit([charge(one, what="upload")])
    [other_limit] = await store.hit([charge(Limit(1, 61))])
    [same] = await store.hit([charge(one)])

    assert other_identity.retry_after == other_scope.retry_after == other_limit.retry_after == 0
    assert same.retry_after > 0


@pytest.mark.parametrize("limit", TEN, ids=lambda limit: limit.algorithm)
async def test_what_is_told_of_the_future_comes_true(store: Store, limit: Limit) -> None:
    """After ``retry_after`` the same passes, and after ``reset_after`` nothing counts any more."""
    for _ in range(10):
        await store.hit([charge(limit)])
    [refused] = await store.hit([charge(limit)])

    store.offset += refused.retry_after
    [later] = await store.hit([charge(limit)])
    store.offset += later.reset_after
    [at_last] = await store.hit([charge(limit)], mode="peek")

    assert later.retry_after == 0
    assert at_last == (10, 0, 0)


@pytest.mark.parametrize("limit", TEN, ids=lambda limit: limit.algorithm)
async def test_to_look_is_not_to_count(store: Store, limit: Limit) -> None:
    """A peek says what a hit would hear, as often as one likes."""
    await store.hit([charge(limit, 9)])

    peeks = [await store.hit([charge(limit)], mode="peek") for _ in range(3)]
    [hit] = await store.hit([charge(limit)])

    assert all((verdict.remaining, verdict.retry_after) == (1, 0) for [verdict] in peeks)
    assert (hit.remaining, hit.retry_after) == (0, 0)


@pytest.mark.parametrize("limit", TEN, ids=lambda limit: limit.algorithm)
async def test_debt(store: Store, limit: Limit) -> None:
    """What is counted in any case may lead into debt, of one limit at most, which has to be waited off."""
    [beyond] = await store.hit([charge(limit, 1000)], mode="force")
    [refused] = await store.hit([charge(limit)])
    store.offset += 120 * SECOND

    [paid] = await store.hit([charge(limit)])

    assert beyond.remaining == 0
    assert refused.retry_after > 0
    assert paid.retry_after == 0


@pytest.mark.parametrize("limit", TEN, ids=lambda limit: limit.algorithm)
async def test_a_refund(store: Store, limit: Limit) -> None:
    """What was counted can be taken back, whoever was refused meanwhile, and never more than that."""
    await store.hit([charge(limit, 10)])
    await store.hit([charge(limit)])
    store.offset += SECOND

    await store.refund([charge(limit, 4)], age=1.0)
    [four_left] = await store.hit([charge(limit, 4)])
    await store.refund([charge(limit, 1000)])
    await store.refund([charge(limit, 1000)])
    [full] = await store.hit([charge(limit, 10)])
    [empty] = await store.hit([charge(limit)])

    assert four_left.retry_after == full.retry_after == 0
    assert empty.retry_after > 0


async def test_a_refund_counts_at_once(store: Store) -> None:
    """Whoever was refused while it was under way passes as soon as it is done."""
    limit = TEN[0]
    await store.hit([charge(limit, 10)])

    [refused], _ = await asyncio.gather(store.hit([charge(limit, 10)]), store.refund([charge(limit, 10)]))
    [again] = await store.hit([charge(limit, 10)])

    assert refused.retry_after > 0
    assert again.retry_after == 0


@pytest.mark.parametrize("limit", TEN, ids=lambda limit: limit.algorithm)
async def test_a_reset(store: Store, limit: Limit) -> None:
    """What is forgotten is forgotten at once, for the counters that are named alone."""
    both = [charge(limit, 10), charge(limit, 10, what="upload")]
    await store.hit(both)
    await store.hit(both)

    await store.reset([charge(limit)])
    [search] = await store.hit([both[0]])
    [upload] = await store.hit([both[1]])

    assert search.retry_after == 0
    assert upload.retry_after > 0


async def test_charges_on_one_counter_add_up(store: Store) -> None:
    """Whatever names the same counter twice is charged for both, or for neither."""
    twice = [charge(TEN[0], 3), charge(TEN[0], 3)]

    first = await store.hit(twice)
    second = await store.hit(twice)

    assert [verdict.remaining for verdict in first] == [4, 4]
    assert all(verdict.retry_after > 0 for verdict in second)


@pytest.mark.promise("ratelimit-67")
async def test_several_identities_in_one_decision(store: Store) -> None:
    """A decision on several identities counts for all of them or for none, wherever their counts live."""
    names = [f"user {number}" for number in range(6)]
    await store.hit([charge(Limit(1, 60), who=names[3])])

    refused = await store.hit([charge(Limit(1, 60), who=name) for name in names])
    others = [await store.hit([charge(Limit(1, 60), who=name)]) for name in names if name != names[3]]

    assert [verdict.retry_after > 0 for verdict in refused] == [False, False, False, True, False, False]
    assert all(verdict.remaining == 1 for verdict in refused if not verdict.retry_after)
    assert all(verdict.retry_after == 0 for [verdict] in others)


async def test_several_identities_in_other_modes(store: Store) -> None:
    """Looking, counting in any case, taking back and forgetting do not care where counts live, either."""
    both = [charge(Limit(5, 60), 2, who="ada"), charge(Limit(7, 60), 2, who="grace")]

    seen = await store.hit(both, mode="peek")
    forced = await store.hit(both, mode="force")
    counted = await store.hit(both)
    await store.refund(both)
    refunded = await store.hit(both, mode="peek")
    await store.reset(both)
    forgotten = await store.hit(both, mode="peek")

    assert [verdict.remaining for verdict in [*seen, *forced, *counted]] == [5, 7, 3, 5, 1, 3]
    assert [verdict.remaining for verdict in [*refunded, *forgotten]] == [3, 5, 5, 7]


@pytest.mark.promise("ratelimit-12")
@pytest.mark.parametrize("after", [Limit(10, 60), Limit(5, 60, "gcra"), Limit(5, 60, "fixed"), Limit(5, 60, "log")])
async def test_a_limit_that_is_changed_begins_anew(store: Store, after: Limit) -> None:
    """Another amount, period or algorithm holds at once, and nothing of the old one is in its way."""
    for _ in range(6):
        await store.hit([charge(Limit(5, 60))])

    [verdict] = await store.hit([charge(after)])

    assert (verdict.remaining, verdict.retry_after) == (after.amount - 1, 0)


async def test_leases(store: Store) -> None:
    """As many leases are given as are allowed, and one that is given back is free again."""
    given = [await store.acquire("ada", "render", str(number), amount=3, ttl=60.0) for number in range(3)]
    refused = await store.acquire("ada", "render", "3", amount=3, ttl=60.0)
    other = await store.acquire("grace", "render", "3", amount=3, ttl=60.0)

    await store.release("ada", "render", "1")
    await store.release("ada", "render", "unknown")
    again = await store.acquire("ada", "render", "3", amount=3, ttl=60.0)

    assert [verdict.remaining for verdict in given] == [2, 1, 0]
    assert all(verdict.retry_after == 0 for verdict in [*given, other, again])
    assert 59 * SECOND < refused.retry_after <= 60 * SECOND
    assert 59 * SECOND < refused.reset_after <= 60 * SECOND
    assert refused.remaining == 0


async def test_a_lease_that_nobody_renews_ends(store: Store) -> None:
    """A lease lives as long as it is renewed; taking it twice is taking it once."""
    for _ in range(2):
        await store.acquire("ada", "render", "renewed", amount=2, ttl=60.0)
    await store.acquire("ada", "render", "lost", amount=2, ttl=60.0)
    store.offset += 40 * SECOND
    await store.renew("ada", "render", "renewed", ttl=60.0)
    store.offset += 40 * SECOND

    free = await store.acquire("ada", "render", "new", amount=2, ttl=60.0)
    taken = await store.acquire("ada", "render", "newer", amount=2, ttl=60.0)

    assert free.retry_after == 0
    assert 19 * SECOND < taken.retry_after <= 20 * SECOND
    assert 59 * SECOND < taken.reset_after <= 60 * SECOND


async def test_leases_that_are_too_many_by_now(store: Store) -> None:
    """Whoever may hold fewer than are held waits until enough of them have ended."""
    for number in range(3):
        await store.acquire("ada", "render", str(number), amount=3, ttl=60.0)
        store.offset += 10 * SECOND

    refused = await store.acquire("ada", "render", "3", amount=2, ttl=60.0)

    assert 39 * SECOND < refused.retry_after <= 40 * SECOND
    assert refused.remaining == 0
