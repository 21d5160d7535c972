"""``/api/v1/queues`` and the gauges of ``/metrics``: what waits, wherever it waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from callers import Around, Caller
from flow import HandClock, Sender, customer
from prometheus_client.parser import text_string_to_metric_families

from dxflow.engine import moments
from dxflow.engine.core import Core
from dxflow.engine.outbox import Outbox
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models
from dxflow.http import gauges
from dxflow.http.gauges import QueueGauges

BIRTH = 1
"""The event of the tenant's own row, which a trigger wrote."""


def depth(**given: int | None) -> SimpleNamespace:
    """What Redis says of a queue."""
    return SimpleNamespace(**{"ready": 0, "in_flight": 0, "delayed": 0, "parked_ms": None, **given})


def workflow_queue(tenant: NewTenant) -> str:
    return f"workflow_queue_{tenant.controller.did}"


def send(shop: Sender, number: int) -> list[str]:
    return [shop.send("customers/create", customer(one)).event_id for one in range(number)]


def put(event_id: str, **changes: object) -> None:
    models.Event.update(**changes).where(models.Event.id == event_id).execute()


def hand_over(core: Core) -> None:
    """What a relay does with everything due."""
    outbox = Outbox(core)
    outbox.claim(outbox.due(1000), lambda _: set())


def queue(api: Caller) -> dict[str, Any]:
    """The tenant's workflow queue."""
    found: dict[str, Any] = api.listed("/api/v1/queues")[0]
    return found


def scraped(caller: Caller) -> dict[tuple[str, ...], float]:
    """Samples of ``/metrics``: (name, label values in the order of their names) → value. Every family parses
    and has a help text."""
    families = list(text_string_to_metric_families(caller.get("/metrics").text))
    assert all(family.documentation for family in families)
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    samples = [sample for family in families for sample in family.samples]
    return {(one.name, *(one.labels[name] for name in sorted(one.labels))): one.value for one in samples}


def of_tenant(found: Mapping[tuple[str, ...], float], did: str) -> dict[str, float]:
    """The samples of a tenant's workflow queue, by the end of their names."""
    return {
        name.removeprefix("dxflow_queue_"): value
        for (name, *labels), value in found.items()
        if labels == ["workflow", did]
    }


def test_events_that_wait_in_the_table_are_ready_while_redis_is_empty(
    api: Caller, core: Core, shop: Sender, clock: HandClock
) -> None:
    send(shop, 3)
    first = models.Event.select().order_by(models.Event.received_at).first()
    put(first.id, received_at=moments.after(clock.now, -3600))
    found = queue(api)
    assert (found["ready"], found["in_flight"], found["messages"]) == (3 + BIRTH, 0, 0)
    assert found["events"] == 3 + BIRTH
    assert 3600 <= found["oldest_age"] < 3610


def test_a_message_with_a_worker_has_all_handed_over_events_in_flight(
    api: Caller, around: Around, core: Core, shop: Sender, tenant: NewTenant
) -> None:
    send(shop, 5)
    hand_over(core)
    around.depths[workflow_queue(tenant)] = depth(in_flight=1)
    send(shop, 2)
    found = queue(api)
    assert (found["ready"], found["in_flight"], found["messages"]) == (2, 5 + BIRTH, 1)


def test_of_several_messages_each_has_an_even_share_and_the_sum_is_exact(
    api: Caller, around: Around, core: Core, shop: Sender, tenant: NewTenant
) -> None:
    send(shop, 9)
    hand_over(core)
    around.depths[workflow_queue(tenant)] = depth(ready=1, in_flight=1, delayed=1)
    found = queue(api)
    assert {found["ready"], found["in_flight"], found["delayed"]} <= {3, 4}
    assert found["events"] == found["ready"] + found["in_flight"] + found["delayed"] == 9 + BIRTH
    assert found["messages"] == 3


def test_what_waits_for_its_next_attempt_is_delayed_and_does_not_count_as_old(
    api: Caller, core: Core, shop: Sender, clock: HandClock
) -> None:
    models.Event.update(received_at=clock.now).execute()
    later, over, gone = send(shop, 3)
    for event_id in (later, over, gone):
        put(event_id, received_at=moments.after(clock.now, -9999))
    put(later, state="retrying", due_at=moments.after(clock.now, 600))
    put(over, state="failed", due_at=None)
    put(gone, state="done", due_at=None)
    found = queue(api)
    assert (found["ready"], found["delayed"], found["failed"]) == (BIRTH, 1, 1)
    assert found["oldest_age"] < 9999
    clock.forward(601)
    found = queue(api)
    assert (found["ready"], found["delayed"]) == (BIRTH + 1, 0)
    assert found["oldest_age"] > 9999


def test_a_queue_whose_lock_is_held_elsewhere_is_parked_until_a_time(
    api: Caller, around: Around, tenant: NewTenant, clock: HandClock
) -> None:
    until = datetime(2099, 3, 2, 10, 0, tzinfo=UTC)
    name = f"audit_register_queue_{tenant.controller.did}"
    around.depths[name] = depth(ready=1, parked_ms=int(until.timestamp() * 1000))
    workflow, register, *_ = api.listed("/api/v1/queues")
    assert (workflow["parked"], workflow["parked_until"]) == (False, None)
    assert (register["parked"], register["parked_until"]) == (True, "2099-03-02T10:00:00.000Z")
    clock.forward(3601)
    assert api.listed("/api/v1/queues")[1]["parked"] is False


def test_an_empty_queue_is_all_zeroes_and_has_no_age(api: Caller, core: Core) -> None:
    models.Event.update(state="done", due_at=None).execute()
    for found in api.listed("/api/v1/queues"):
        assert {found[key] for key in ("ready", "in_flight", "delayed", "failed", "events", "messages")} == {
            0
        }
        assert found["oldest_age"] is None


def test_another_tenants_events_do_not_count(
    api: Caller, stranger: Caller, shop: Sender, other_tenant: NewTenant
) -> None:
    send(shop, 4)
    assert queue(api)["ready"] == 4 + BIRTH
    assert queue(stranger)["ready"] == BIRTH


def test_the_documentation_says_what_each_number_counts(api: Caller) -> None:
    schema = api.get("/openapi.json").json()["components"]["schemas"]["Queue"]["properties"]
    assert all(described.get("description") for described in schema.values()), schema
    assert "seconds" in schema["oldest_age"]["description"]


def test_a_tenants_gauges_agree_with_its_queues(
    api: Caller, around: Around, core: Core, shop: Sender, tenant: NewTenant, clock: HandClock
) -> None:
    failed, later, *_ = send(shop, 6)
    put(failed, state="failed", due_at=None)
    put(later, state="retrying", due_at=moments.after(clock.now, 600))
    hand_over(core)
    send(shop, 2)
    parked = int(moments.after(clock.now, 60).timestamp() * 1000)
    around.depths[workflow_queue(tenant)] = depth(in_flight=1, parked_ms=parked)
    found = of_tenant(scraped(api), tenant.controller.did)
    told = queue(api)
    assert found.pop("oldest_age_seconds") == pytest.approx(told["oldest_age"], abs=0.1)
    assert found == {"ready": 2, "in_flight": 4 + BIRTH, "delayed": 1, "failed": 1, "parked": 1}
    assert all(told[name] == value for name, value in found.items())


def test_the_installation_is_told_by_state(api: Caller, shop: Sender, clock: HandClock) -> None:
    failed, later, running, done = send(shop, 4)
    put(failed, state="failed", due_at=None)
    put(later, state="retrying", due_at=moments.after(clock.now, 600))
    put(running, state="running")
    put(done, state="done", due_at=None)
    found = scraped(api)
    states = {labels[0]: value for (name, *labels), value in found.items() if name == "dxflow_events"}
    assert states == {"received": BIRTH, "running": 1, "retrying": 1, "failed": 1}
    assert found["dxflow_tenants_busy",] == 1
    assert (found["dxflow_database_up",], found["dxflow_redis_up",]) == (1, 1)


def test_a_tenant_without_work_has_no_series(
    api: Caller, shop: Sender, tenant: NewTenant, other_tenant: NewTenant
) -> None:
    models.Event.update(state="done", due_at=None).where(
        models.Event.tenant_id == other_tenant.controller.id
    ).execute()
    found = scraped(api)
    assert of_tenant(found, tenant.controller.did)
    assert not of_tenant(found, other_tenant.controller.did)


def test_without_redis_the_gauges_say_so_and_what_the_table_knows(
    api: Caller, around: Around, core: Core, shop: Sender, tenant: NewTenant
) -> None:
    send(shop, 3)
    hand_over(core)
    around.redis_is_up = False
    found = scraped(api)
    assert found["dxflow_redis_up",] == 0
    told = of_tenant(found, tenant.controller.did)
    assert told["ready"] == 3 + BIRTH
    assert not {"in_flight", "parked"} & set(told), "nobody knows"


def test_beyond_the_limit_tenants_are_summed_up(
    api: Caller, shop: Sender, tenant: NewTenant, other_tenant: NewTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(shop, 3)
    monkeypatch.setattr(gauges, "LIMIT", 1)
    found = scraped(api)
    assert of_tenant(found, tenant.controller.did)["ready"] == 3 + BIRTH
    assert not of_tenant(found, other_tenant.controller.did)
    assert of_tenant(found, "other")["ready"] == BIRTH


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_tenant_that_plain_sql_gave_an_odd_id_does_not_end_the_scrape(anybody: Caller, core: Core) -> None:
    core.store.database.execute_sql(
        "INSERT INTO data_controllers (id, name, jurisdiction) VALUES ('shop number 7', 'Seven', 'EU')"
    )
    assert of_tenant(scraped(anybody), "shop%20number%207")["ready"] == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_without_a_database_the_process_still_tells_its_counters(anybody: Caller, core: Core) -> None:
    anybody.get("/healthz")
    core.store.database.execute_sql("ALTER TABLE events RENAME TO away")
    found = scraped(anybody)
    assert found["dxflow_database_up",] == 0
    assert ("dxflow_redis_up",) not in found
    assert found["dxflow_http_requests_total", "GET", "/healthz", "200"] == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_dear_look_is_shown_again_until_looking_took_a_tenth_of_the_time(
    core: Core, around: Around
) -> None:
    now = 0.0

    def slow(names: Any) -> Any:
        nonlocal now
        now += 2.0
        return around.read(names)

    collector = QueueGauges(core, slow, lambda: now)
    for moment, looks in ((0.0, 1), (19.9, 1), (20.1, 2)):
        now = max(now, moment)
        list(collector.collect())
        assert len(around.seen) == looks, moment


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_scrape_is_one_statement_and_one_question_to_redis(
    core: Core, around: Around, shop: Sender, other_tenant: NewTenant, statements: list[str]
) -> None:
    send(shop, 5)
    hand_over(core)
    statements.clear()
    list(QueueGauges(core, around.read).collect())
    assert (len(statements), len(around.seen)) == (1, 1)
    plan = core.store.database.execute_sql(f"EXPLAIN QUERY PLAN {statements[0]}", ("x",) * 3)
    steps = [row[3] for row in plan.fetchall()]
    assert any("events_due" in step for step in steps), steps


def test_a_pause_is_told_with_the_queues_and_ends(api: Caller, stranger: Caller, shop: Sender) -> None:
    assert api.get("/api/v1/queues").json()["paused_at"] is None
    paused = api.post("/api/v1/queues/pause").json()
    assert paused["paused"] is True
    assert paused["paused_by"].startswith("key:")
    assert api.post("/api/v1/queues/pause").json() == paused, "twice is once"
    assert api.get("/api/v1/queues").json()["paused_at"] == paused["paused_at"]
    assert stranger.get("/api/v1/queues").json()["paused_at"] is None
    assert shop.send("customers/create", customer()).status == "accepted"
    assert api.post("/api/v1/queues/resume").json() == {
        "paused": False,
        "paused_at": None,
        "paused_by": None,
    }
    assert api.get("/api/v1/queues").json()["paused_at"] is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_pausing_takes_the_admin_scope(with_scopes: Callable[..., Caller]) -> None:
    for path in ("/api/v1/queues/pause", "/api/v1/queues/resume"):
        assert with_scopes("read", "write").post(path).status_code == 403
        assert with_scopes("admin").post(path).status_code == 200
