"""The lease keeper of a Cluster: a node that is away costs nobody else a lease."""

from __future__ import annotations

from collections.abc import Sequence

import redis

from dxflow.actors.broker.keeper import Keeper
from dxflow.actors.broker.leases import Holdings
from dxflow.actors.broker.scripts import Lease, Leased, Settlement

AWAY, WELL = 0, 1
LEASE_MS = 9_000


class OneShardAway:
    """Scripts whose first shard doesn't answer."""

    def __init__(self) -> None:
        self.renewed: list[str] = []

    def settle(self, shard: int, settlements: Sequence[Settlement]) -> None:
        if shard == AWAY:
            raise redis.ConnectionError

    def renew(self, shard: int, leases: Sequence[Lease], lease_ms: int) -> set[str]:
        if shard == AWAY:
            raise redis.ConnectionError
        self.renewed += [lease.token for lease in leases]
        return set()


def test_what_a_node_that_is_away_cant_be_told_costs_no_lease_on_the_others(eventually):
    now, scripts = [100.0], OneShardAway()
    holdings = Holdings(lambda: now[0])
    holdings.take(
        [Leased("m1", "lost", "q", b"", 0, AWAY), Leased("m2", "kept", "q", b"", 0, WELL)], now[0] + 9.0
    )
    holdings.settle([Settlement("m0", "done", "ack", shard=AWAY)])
    keeper = Keeper(scripts, holdings, LEASE_MS, lambda: now[0])  # type: ignore[arg-type]  # two calls will do
    keeper.start()
    try:
        eventually(lambda: scripts.renewed)
        now[0] += 8.0
        scripts.renewed.clear()
        eventually(lambda: scripts.renewed)
        now[0] += 8.0
        assert holdings.is_valid("kept")
        assert not holdings.is_valid("lost")
    finally:
        keeper.stop()
    assert [one.token for one in holdings.drain(AWAY)] == ["done"]  # kept for when the node is back
