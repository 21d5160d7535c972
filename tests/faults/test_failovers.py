"""Redis as a master with a replica under Sentinels, and as a Cluster: a server of it dies under load, another
takes its place or it comes back. Nobody is refused, nothing is lost, nothing happens twice."""

from __future__ import annotations

import shutil

import pytest
from clusters import start_cluster, start_sentinels
from traffic import Crowd, shipments

from dxflow.actors.broker.shards import CLUSTER
from dxflow.engine.machine import WORKFLOW, queue_name
from waiting import wait_until

pytestmark = pytest.mark.fault

LEASES = {"lease_ms": 2000, "dispatch_lease_ms": 4000, "lock_ttl_ms": 1000}


@pytest.fixture
def watched(tmp_path):
    with start_sentinels(tmp_path / "redis") as found:
        yield found


@pytest.fixture
def cluster(tmp_path):
    with start_cluster(tmp_path / "redis") as found:
        yield found


def test_a_master_killed_under_load_is_replaced_by_its_replica(installation, books, make_server, watched):
    server = make_server(installation.directory, redis_url=watched.url, **LEASES).start().ready()
    crowd = Crowd(server.port, installation.doors)
    crowd.send(shipments(400), lambda: (crowd.wait_for(100), watched.master.kill()))
    assert crowd.statuses() == {(200, "accepted")}
    assert books.under_way() > 0, "the test is void: all was done before the master went away"
    wait_until(watched.has_failed_over, timeout=20, what="the failover")
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    assert "cmdstat_evalsha" in watched.replica.client.info("commandstats"), "the replica's work is void"
    assert server.stop() == 0
    installation.verify_log()


def test_a_master_that_comes_back_as_a_replica_changes_nothing(installation, books, make_server, watched):
    workers = [
        make_server(installation.directory, "worker", redis_url=watched.url, **LEASES) for _ in range(2)
    ]
    edge = make_server(installation.directory, "web", redis_url=watched.url).start().ready()
    for worker in workers:
        worker.start().ready()
    crowd = Crowd(edge.port, installation.doors)

    def fail_over() -> None:
        crowd.wait_for(80)
        watched.master.kill()
        wait_until(watched.has_failed_over, timeout=20, what="the failover")
        watched.master.start()

    crowd.send(shipments(200), fail_over)
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    assert [worker.stop() for worker in workers] == [0, 0]
    installation.verify_log()


@pytest.mark.parametrize("memory", ["kept", "lost"])
def test_a_node_of_a_cluster_killed_under_load_and_started_again_loses_nothing(
    installation, books, make_server, cluster, memory
):
    node = cluster.holder_of(CLUSTER.key(queue_name(WORKFLOW, installation.tenant["did"])))
    server = make_server(installation.directory, redis_url=cluster.url, **LEASES).start().ready()
    crowd = Crowd(server.port, installation.doors)
    crowd.send(shipments(300), lambda: (crowd.wait_for(80), node.kill()))
    assert crowd.statuses() == {(200, "accepted")}
    assert books.under_way() > 0, "the test is void: all was done before the node went away"
    if memory == "lost":
        shutil.rmtree(node.directory / "appendonlydir")
    node.start()
    wait_until(cluster.is_whole, timeout=20, what="the Cluster to be whole again")
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    assert server.stop() == 0
    installation.verify_log()


def test_tenants_on_the_other_nodes_of_a_cluster_go_on_while_one_is_away(
    installation, books, make_server, cluster
):
    own = cluster.holder_of(CLUSTER.key(queue_name(WORKFLOW, installation.tenant["did"])))
    other = next(node for node in cluster.nodes if node is not own)
    server = make_server(installation.directory, redis_url=cluster.url, **LEASES).start().ready()
    crowd = Crowd(server.port, installation.doors)
    crowd.send(shipments(150), lambda: (crowd.wait_for(30), other.kill()))
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    assert not other.answers()
