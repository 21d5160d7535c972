"""Statements that are made at once, and what both databases make of them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from flow import Sender, at_once, drain

from dxflow.engine.core import Core
from dxflow.engine.platforms.base import Person
from dxflow.engine.recipients import credentials
from dxflow.engine.rights import consent_sync
from dxflow.engine.services.subjects import consents, subjects
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MARKETING = ("direct marketing", "email")


def test_of_two_statements_of_one_moment_made_at_once_the_more_private_holds(
    core: Core, tenant: NewTenant
) -> None:
    owner = tenant.controller.id
    for number in range(5):
        person, _ = subjects.enter(core, owner, Person(email=f"person{number}@shop.example"), "system")
        say = partial(consents.state, core, owner, person.id, *MARKETING, actor="system", occurred_at=NOON)
        said = ("granted", "withdrawn", "granted", "denied")
        ended = at_once(core, [partial(say, state) for state in said])
        assert not [one for one in ended if isinstance(one, BaseException)]
        held = consent_sync.holding(owner, person.id, *MARKETING)
        assert held is not None
        assert held.state == "withdrawn"
        rows = models.Consent.select().where(models.Consent.subject_id == person.id)
        assert "granted" not in [row.state for row in rows.order_by(models.Consent.seq)][1:]


def test_a_push_that_leads_inside_fails_and_is_replayed_as_things_stand_then(
    core: Core, tenant: NewTenant
) -> None:
    shop = Sender(core, tenant.controller.id)
    credentials.keep(core, shop.connector, "https://127.0.0.1:1", {"access_token": "shpat_x"})
    shop.send("customers/create", {"id": 7_064_055_069_303_701, "email": "person1@shop.example"})
    drain(core)
    subject = models.Event.get(models.Event.workflow == "webhook").subject_id
    consents.state(core, tenant.controller.id, subject, *MARKETING, "withdrawn", actor="system")
    drain(core)
    (row,) = models.ConsentPush.select()
    event = models.Event.get(models.Event.entity_id == row.id)
    assert (row.state, event.state) == ("pending", "failed")  # nothing outside may be reached from here
    assert "DXFLOW_ALLOWED_NETWORKS" in event.error
    assert len(row.calls) == 1
    models.Connector.update(disabled_at=core.clock()).execute()
    models.Event.update(state="received", due_at=core.clock()).where(models.Event.id == event.id).execute()
    drain(core)
    (row,) = models.ConsentPush.select()
    assert (row.state, row.reason) == ("dropped", "no_api")
