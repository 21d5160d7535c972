"""The overview's figures, and the notices as an inbox."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flow import SECRET, HandClock, Sender, customer, delivered
from visitors import BOTH, Visitor

from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.services import tenants
from dxflow.engine.services.connectors import connectors
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models, quick

MINUTE = timedelta(minutes=1)


def each_minute(core: Core, tenant_id: str, name: str, until: datetime, count: int = 20) -> str:
    """A connector that received something each minute until then; returns its id."""
    return delivered(core, tenant_id, [until - MINUTE * back for back in range(count)], name)


def notify(tenant_id: str, created_at: datetime, **changes: object) -> str:
    """A notice; returns its id."""
    row = {
        "id": str(uuid.uuid4()),
        "tenant_id": tenant_id,
        "kind": "event.failed",
        "severity": "error",
        "title": "shopify customers/create failed",
        "body": "the printer is on fire.",
        "created_at": created_at,
        **changes,
    }
    quick.insert(models.Notification, row)
    return str(row["id"])


@BOTH
def test_connectors_that_fell_silent_are_told_by_name_with_a_door_to_each(
    dpo: Visitor, core: Core, tenant: NewTenant, clock: HandClock, drain: Callable[[], int]
) -> None:
    drain()
    mine = tenant.controller.id
    silent = each_minute(core, mine, "Berlin shop", clock.now - 120 * MINUTE)
    each_minute(core, mine, "Paris shop", clock.now)
    each_minute(core, tenants.create(core, "Other", "FR").controller.id, "Not mine", clock.now - 120 * MINUTE)
    dpo.get("/dashboard/")
    assert (
        "Berlin shop fell silent: its last delivery came 2 hours ago , and usually one comes within 1 minute"
        in (dpo.text)
    )
    assert f'href="/dashboard/connectors/{silent}"' in dpo.page.text
    assert "1 silent connector of 2" in dpo.text
    assert "Paris shop" not in dpo.text
    assert "Not mine" not in dpo.text


def test_of_many_silent_connectors_three_are_named_and_the_others_counted(
    dpo: Visitor, core: Core, tenant: NewTenant, clock: HandClock
) -> None:
    for number in range(5):
        each_minute(core, tenant.controller.id, f"Shop {number}", clock.now - 120 * MINUTE)
    dpo.get("/dashboard/")
    assert dpo.text.count("fell silent: its last") == 3
    assert "2 more connectors fell silent." in dpo.text


@BOTH
def test_the_last_hour_is_drawn_and_told_in_words(
    sign_in_as: Callable[[Role], Visitor], core: Core, tenant: NewTenant, clock: HandClock
) -> None:
    models.Event.delete().execute()
    event = models.Event
    each_minute(core, tenant.controller.id, "Berlin shop", clock.now, count=12)
    each_minute(core, tenant.controller.id, "Paris shop", clock.now, count=1)
    event.update(state="failed").where(event.received_at < clock.now - 10.5 * MINUTE).execute()
    dpo = sign_in_as(Role.DPO)  # who sees the overview at once: minutes that are over are counted once
    assert "13 received, 2 at most in a minute" in dpo.text
    assert "12 done, 2 at most in a minute" in dpo.text
    assert "1 failed, 1 at most in a minute" in dpo.text
    assert "Failed in the last 60 minutes: 1 events, 1 at most in one minute" in dpo.page.text
    assert dpo.page.text.count('<svg class="bars"') == 3


def test_what_waits_for_its_next_attempt_is_not_late(
    dpo: Visitor, core: Core, tenant: NewTenant, clock: HandClock, drain: Callable[[], int]
) -> None:
    drain()
    Sender(core, tenant.controller.id).send("customers/create", customer())
    models.Event.update(state="retrying", due_at=clock.now + 600 * MINUTE).where(
        models.Event.workflow == "webhook"
    ).execute()
    clock.forward(3600)
    dpo.get("/dashboard/")
    assert "1 events under way each waits for its next attempt" in dpo.text
    assert "If no worker runs" not in dpo.text


@pytest.mark.parametrize(
    ("role", "door"), [(Role.OWNER, True), (Role.DEVELOPER, True), (Role.DPO, False), (Role.MEMBER, False)]
)
def test_the_first_steps_lead_whoever_may_connect_to_the_page_for_it(
    sign_in_as: Callable[[Role], Visitor], role: Role, door: bool
) -> None:
    visitor = sign_in_as(role)
    visitor.get("/dashboard/")
    assert ('href="/dashboard/connectors/new"' in visitor.page.text) is door
    assert ("An owner, administrator or developer does that." in visitor.text) is not door


@BOTH
def test_notices_stand_under_their_day(dpo: Visitor, tenant: NewTenant, clock: HandClock) -> None:
    for days in (0, 1, 5):
        notify(tenant.controller.id, clock.now - timedelta(days=days, minutes=1), title=f"{days} days ago")
    dpo.get("/dashboard/notices")
    told = [dpo.text.index(words) for words in ("Today 0 days", "Yesterday 1 days", "2099 5 days ago")]
    assert told == sorted(told)
    assert "Wednesday, 25 February 2099" in dpo.text


ABOUT = str(uuid.uuid4())


@pytest.mark.parametrize(
    ("kind", "entity", "paths"),
    [
        ("event.failed", "event", [f"events/{ABOUT}"]),
        ("rights_request.received", "rights_request", [f"requests/{ABOUT}"]),
        ("link.conflict", "event", ["subjects/conflicts", f"events/{ABOUT}"]),
        ("link.conflict", "data_subject", ["subjects/conflicts", f"subjects/{ABOUT}"]),
        ("limit.disregarded", "processing_activity", [f"activities/{ABOUT}"]),
        ("obligation.manual", "obligation", [f"obligations/{ABOUT}"]),
        ("connector.refused", "connector", [f"connectors/{ABOUT}"]),
        ("agent.not_believed", "data_controller", ["audit"]),
        ("webhook_endpoint.disabled", "webhook_endpoint", []),
        ("something.new", "something", []),
        ("something.new", None, []),
    ],
)
def test_a_notice_has_a_door_to_what_it_is_about(
    dpo: Visitor, tenant: NewTenant, clock: HandClock, kind: str, entity: str | None, paths: list[str]
) -> None:
    notify(tenant.controller.id, clock.now, kind=kind, entity_kind=entity, entity_id=ABOUT)
    dpo.get("/dashboard/notices")
    inbox = dpo.page.text.partition('id="inbox"')[2]
    assert [path for path in paths if f'href="/dashboard/{path}"' in inbox] == paths
    assert inbox.count('<p class="leads">') == bool(paths)


def test_a_door_is_shown_to_whom_it_opens(
    sign_in_as: Callable[[Role], Visitor], tenant: NewTenant, clock: HandClock
) -> None:
    about = {"kind": "webhook_endpoint.disabled", "entity_kind": "webhook_endpoint", "entity_id": ABOUT}
    notify(tenant.controller.id, clock.now, **about)
    owner = sign_in_as(Role.OWNER)
    owner.get("/dashboard/notices")
    assert f'href="/dashboard/webhooks/{ABOUT}"' in owner.page.text


def test_notices_say_days_and_platforms_as_people_write_them(
    dpo: Visitor, tenant: NewTenant, clock: HandClock
) -> None:
    mine, now = tenant.controller.id, clock.now
    notify(mine, now, title="shopify customers/create failed at step extract")
    notify(mine, now, title="database data_subjects.INSERT failed at step derive")
    notify(mine, now, body="Received through form. Answer by 2026-12-30.")
    notify(mine, now, title="Tell mailchimp by hand", body="See mailchimp.com, and no day like 2026-13-45.")
    dpo.get("/dashboard/notices")
    assert "“customers/create” from Shopify failed" in dpo.text
    assert "“Data subject added” from the database failed" in dpo.text
    assert "Received through the hosted form. Answer by Wednesday, 30 December 2026." in dpo.text
    assert "Tell Mailchimp by hand" in dpo.text
    assert "See mailchimp.com, and no day like 2026-13-45." in dpo.text


def refuse(tenant_id: str, connector_id: str, at: datetime, count: int = 1) -> None:
    """Deliveries through a connector weren't authentic."""
    quick.insert(
        models.RefusedDeliveries,
        {
            "connector_id": connector_id,
            "day": at.date().isoformat(),
            "tenant_id": tenant_id,
            "count": count,
            "reason": "the signature fits no secret",
            "first_at": at,
            "last_at": at,
        },
    )


def test_a_connector_that_takes_nothing_needs_somebody_and_one_that_refused_some_is_told(
    dpo: Visitor, core: Core, tenant: NewTenant, clock: HandClock
) -> None:
    mine, now = tenant.controller.id, clock.now
    working = each_minute(core, mine, "Working", now)
    locked = connectors.add(core, mine, "shopify", [SECRET], name="Locked out")
    over = connectors.add(core, mine, "shopify", [SECRET], name="Over")
    refuse(mine, working, now - MINUTE * 3, count=2)
    refuse(mine, str(locked.id), now - MINUTE)
    refuse(mine, str(over.id), now - timedelta(days=3))
    dpo.get("/dashboard/")
    assert "This needs you" in dpo.text
    assert "What arrives at Locked out is refused" in dpo.text
    assert f'href="/dashboard/connectors/{locked.id}"' in dpo.page.text
    assert "Working refused 2 deliveries" in dpo.text
    assert "Over" not in dpo.text.replace("Overview", "")


def test_older_notices_are_paged_by_key_and_only_the_first_page_is_live(
    dpo: Visitor, tenant: NewTenant, clock: HandClock
) -> None:
    for number in range(70):
        notify(tenant.controller.id, clock.now - number * MINUTE, title=f"Notice {number:02}")
    first = dpo.get("/dashboard/notices").text
    assert '<div id="inbox" data-live>' in first
    assert "Notice 49" in first
    assert "Notice 50" not in first
    cursor = first.partition("cursor=")[2].partition('"')[0]
    second = dpo.get(f"/dashboard/notices?cursor={cursor}").text
    assert '<div id="inbox">' in second
    assert "Notice 50" in second
    assert "Notice 49" not in second
    assert "Mark all read" not in dpo.text


def test_another_tenants_notice_is_not_found(dpo: Visitor, core: Core, clock: HandClock) -> None:
    other = tenants.create(core, "Other", "FR").controller.id
    theirs = notify(other, clock.now)
    dpo.get("/dashboard/notices")
    assert "Nothing new" in dpo.text
    assert dpo.post(f"/dashboard/notices/{theirs}/read").status_code == 404
    dpo.get("/dashboard/notices")
    dpo.post("/dashboard/notices", {"until": "2200-01-01T00:00:00Z"})
    assert models.Notification.get(id=theirs).read_at is None


def test_until_when_to_mark_read_must_be_a_time(dpo: Visitor) -> None:
    dpo.get("/dashboard/notices")
    assert dpo.post("/dashboard/notices", {"until": "yesterday"}).status_code == 422
