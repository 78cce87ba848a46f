"""Counting in a cluster: what belongs together lives together, and servers may come, go and hand over slots."""

import asyncio
from collections import defaultdict
from typing import Any

import pytest
from redis.asyncio import Redis, RedisCluster
from redis.crc import key_slot

from brickwork.ratelimit import Limit, RateStoreUnavailableError
from brickwork.ratelimit.redis import RedisRateStore
from tests.ratelimit.conftest import PATIENCE, charge
from tests.ratelimit.servers import Node, three_nodes
from tests.servers import plugin

MINUTE = Limit(5, 60)
NAMES = [f"user {number}" for number in range(30)]


def slot(name: str) -> int:
    """The slot of whatever is counted for somebody."""
    return key_slot(f"{name:_<22}".encode())


async def owners(client: RedisCluster) -> dict[str, list[str]]:
    """Names by the server that counts for them."""
    await client.initialize()
    found = defaultdict(list)
    for name in NAMES:
        found[str(client.nodes_manager.get_node_from_slot(slot(name)).name)].append(name)
    return found


@pytest.mark.promise("ratelimit-87")
async def test_the_limits_of_one_identity_share_a_slot(cluster: RedisCluster) -> None:
    """Several limits on one identity are one step of one server, wherever that is."""
    store = RedisRateStore(cluster, deadline=PATIENCE)
    limits = [Limit(5, 60), Limit(50, 3600, "gcra"), Limit(500, 86_400, "fixed")]

    verdicts = await asyncio.gather(*(store.hit([charge(limit, who=name) for limit in limits]) for name in NAMES))

    assert all([each.remaining for each in some] == [4, 49, 499] for some in verdicts)
    assert len(await owners(cluster)) == 3


@pytest.mark.promise("ratelimit-87")
async def test_each_server_is_asked_once_for_many(cluster: RedisCluster) -> None:
    """What is decided at the same time is one round trip to each server, whatever the number of slots."""
    store = RedisRateStore(cluster, deadline=PATIENCE)
    await asyncio.gather(*(store.hit([charge(MINUTE, who=name)]) for name in NAMES))
    await cluster.config_resetstat(target_nodes=RedisCluster.PRIMARIES)

    verdicts = await asyncio.gather(*(store.hit([charge(MINUTE, who=name)]) for name in NAMES))

    stats = await cluster.info("commandstats", target_nodes=RedisCluster.PRIMARIES)
    assert all(verdict.remaining == 3 for [verdict] in verdicts)
    assert sum(each["cmdstat_evalsha"]["calls"] for each in stats.values()) == len(NAMES)
    assert not any("cmdstat_eval" in each for each in stats.values())


@pytest.mark.parametrize("state", ["moved", "moving"])
async def test_a_slot_that_moves(cluster: RedisCluster, running_cluster: list[Node], state: str) -> None:
    """A slot that has moved or is about to is counted where it is now, once."""
    store = RedisRateStore(cluster, deadline=PATIENCE)
    by_owner = await owners(cluster)
    source, target = list(by_owner)[:2]
    name = by_owner[source][0]
    addresses = {f"127.0.0.1:{node.port}": node.url for node in running_cluster}
    clients = {each: Redis.from_url(url) for each, url in addresses.items()}
    ids = {each: (await order(client, "CLUSTER MYID")).decode() for each, client in clients.items()}

    async def set_slot(where: str, *words: str) -> None:
        await order(clients[where], "CLUSTER SETSLOT", slot(name), *words)

    if state == "moved":
        for each in (target, source):
            await set_slot(each, "NODE", ids[target])
    else:
        await set_slot(target, "IMPORTING", ids[source])
        await set_slot(source, "MIGRATING", ids[target])
    outcomes = [(await store.hit([charge(MINUTE, who=each)]))[0].remaining for each in (name, name, NAMES[-1])]
    there = await clients[target].dbsize()
    await cluster.flushall(target_nodes=RedisCluster.PRIMARIES)
    for each in (source, target):
        await set_slot(each, "STABLE")
        await set_slot(each, "NODE", ids[source])
    for client in clients.values():
        await client.aclose()

    assert outcomes[:2] == [4, 3]
    assert there >= 1


async def order(client: Redis, *words: str | int) -> Any:
    """Tell one server of the cluster something."""
    return await client.execute_command(*words)  # type: ignore[no-untyped-call]


@pytest.mark.slow
@pytest.mark.promise("ratelimit-88")
@pytest.mark.parametrize("fault", ["kill", "freeze"])
async def test_a_server_that_is_away_harms_its_own_alone(pytestconfig: pytest.Config, fault: str) -> None:
    """Whoever is counted by other servers is counted as ever, and the rest again as soon as theirs is back."""
    with three_nodes(plugin._find(pytestconfig, "private_cluster")) as nodes:
        async with RedisCluster.from_url(nodes[0].url) as client:
            store, patient = RedisRateStore(client, deadline=1.0), RedisRateStore(client, deadline=PATIENCE)
            lost = (await owners(client))[f"127.0.0.1:{nodes[2].port}"]
            await asyncio.gather(*(patient.hit([charge(MINUTE, who=name)]) for name in NAMES))
            getattr(nodes[2], fault)()

            answers = [
                await asyncio.gather(*(store.hit([charge(MINUTE, who=name)]) for name in NAMES), return_exceptions=True)
                for _ in range(2)
            ]
            nodes[2].restart() if fault == "kill" else nodes[2].thaw()
            async with asyncio.timeout(PATIENCE):
                while not await is_admitted(store, lost[0]):
                    pass

            for some in answers:
                failed = {name for name, each in zip(NAMES, some, strict=True) if isinstance(each, Exception)}
                assert failed == {*lost}
                assert all(isinstance(each, RateStoreUnavailableError | list) for each in some)


async def is_admitted(store: RedisRateStore, name: str) -> bool:
    """Say whether somebody is counted."""
    try:
        return not (await store.hit([charge(MINUTE, who=name)]))[0].retry_after
    except RateStoreUnavailableError:
        return False


async def test_what_cannot_be_taken_back_is_told_as_it_is(cluster: RedisCluster) -> None:
    """When one of several identities cannot be decided on, that is no decision, and the others are given back."""
    store = RedisRateStore(cluster, deadline=PATIENCE)
    await cluster.lpush(f"rate:{{{NAMES[0]:_<22}}}:{'search':_<11}:{MINUTE.code}", "no counter")

    with pytest.raises(RateStoreUnavailableError):
        await store.hit([charge(MINUTE, who=name) for name in NAMES[:3]])
    [left] = await store.hit([charge(MINUTE, who=NAMES[1])], mode="peek")

    assert left.remaining == 5
