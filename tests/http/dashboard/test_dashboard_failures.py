"""Failed events by cause on the dashboard: replayed and discarded together, and the progress of it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flow import HandClock, Sender, claim, drain, leaves
from visitors import BOTH, Visitor

from dxflow.engine import runner
from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.services import tenants
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.services.traffic import bulk_replays
from dxflow.engine.services.traffic import failures as service
from dxflow.engine.store import models
from dxflow.http.dashboard.traffic import advice

WHY = "the body does not have the shape of its Shopify topic"
CAUSE = {"workflow": "webhook", "step": "extract", "error": WHY}
FAILED = "/dashboard/events/failed"


@pytest.fixture
def sender(core: Core, tenant: NewTenant) -> Sender:
    return Sender(core, tenant.controller.id)


@pytest.fixture
def failing(core: Core, sender: Sender) -> Callable[[int], None]:
    """Makes so many deliveries fail, of one cause."""

    def fail(count: int) -> None:
        for number in range(count):
            sender.send("customers/update", {"error": number})
        drain(core)

    return fail


def states() -> set[str]:
    query = models.Event.select(models.Event.state).where(models.Event.topic == "customers/update")
    return {event.state for event in query}


def asked_for() -> models.BulkReplay:
    return models.BulkReplay.select().order_by(models.BulkReplay.created_at.desc()).get()


@BOTH
def test_each_cause_stands_with_its_count_its_advice_and_an_example(
    dpo: Visitor, failing: Callable[[int], None]
) -> None:
    failing(3)
    dpo.get(FAILED)
    for words in (
        "Read the delivery 3 events",
        "The body does not have the shape",
        "Wrong data.",
        "Replay all 3",
    ):
        assert words in dpo.text, words
    newest = (
        models.Event.select().where(models.Event.state == "failed").order_by(models.Event.seq.desc()).get()
    )
    assert f'href="/dashboard/events/{newest.id}"' in dpo.page.text


def test_without_failures_the_page_says_what_it_is_for(dpo: Visitor) -> None:
    dpo.get(FAILED)
    assert "Nothing has failed" in dpo.text
    assert "Replay them" not in dpo.text


@BOTH
def test_all_of_a_cause_are_replayed_and_the_page_tells_how_far_it_came(
    dpo: Visitor,
    core: Core,
    tenant: NewTenant,
    failing: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bulk_replays, "BATCH", 2)
    failing(5)
    dpo.get(FAILED)
    dpo.post(FAILED, {**CAUSE, "act": "replay"})
    row = asked_for()
    assert dpo.page.url.endswith(f"/dashboard/replays/{row.id}")
    assert "0 of 5 replayed" in dpo.text
    (dispatch,) = [one for one in claim(core) if one.workflow == "bulk_replay"]
    report = runner.run_step(core, dispatch.workflow, dispatch.step, dispatch.event_ids)
    assert "2 of 5 replayed" in dpo.get(f"/dashboard/replays/{row.id}").text
    assert re.search(r'<progress max="5" value="2"', dpo.page.text)
    while report.follow_ups:
        (one,) = report.follow_ups
        report = runner.run_step(core, one.workflow, one.step, one.event_ids)
    drain(core)
    dpo.get(f"/dashboard/replays/{row.id}")
    assert "5 events replayed" in dpo.text
    assert "5 have failed again, and were not tried a second time." in dpo.text
    assert "Asked for by you" in dpo.text
    assert "Replayed 5 events" in dpo.get(FAILED).text
    assert len(leaves(tenant.controller.id, "event.replayed")) == 5


def test_all_of_a_cause_are_discarded_with_a_reason(
    dpo: Visitor, core: Core, failing: Callable[[int], None]
) -> None:
    failing(2)
    dpo.get(FAILED)
    dpo.post(FAILED, {**CAUSE, "act": "discard", "reason": "a test of the shop's own"})
    drain(core)
    dpo.get(f"/dashboard/replays/{asked_for().id}")
    assert "2 events discarded" in dpo.text
    assert "a test of the shop's own" in dpo.text
    assert states() == {"discarded"}


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_discarding_without_a_fit_reason_brings_the_form_back(
    dpo: Visitor, failing: Callable[[int], None], reason: str
) -> None:
    failing(2)
    dpo.get(FAILED)
    dpo.post(FAILED, {**CAUSE, "act": "discard", "reason": reason})
    assert dpo.page.status_code == 422
    assert "The reason must have 1 to 500 characters." in dpo.text
    assert re.search(r"<details open>\s*<summary", dpo.page.text)
    assert models.BulkReplay.select().count() == 0


def test_everything_since_a_time_in_utc_is_replayed(
    dpo: Visitor, core: Core, clock: HandClock, failing: Callable[[int], None]
) -> None:
    failing(1)
    clock.now = clock.now.replace(hour=12, minute=0)
    failing(2)
    dpo.get(FAILED)
    assert "In UTC; now it is 2099-03-02 12:00 there." in dpo.text
    dpo.post(FAILED, {"act": "since", "since": "2099-03-02T11:30"})
    assert "0 of 2 replayed" in dpo.text
    assert asked_for().error is None


@pytest.mark.parametrize("since", ["", "yesterday", "2099-13-01T00:00"])
def test_a_time_that_is_none_is_told_beside_its_field(
    dpo: Visitor, failing: Callable[[int], None], since: str
) -> None:
    failing(1)
    dpo.get(FAILED)
    dpo.post(FAILED, {"act": "since", "since": since})
    assert dpo.page.status_code == 422
    assert "This is not a time. Write it like 2026-11-30T14:05, in UTC." in dpo.text
    assert f'value="{since}"' in dpo.page.text


def test_what_somebody_else_has_dealt_with_is_told_and_nothing_asked(
    dpo: Visitor, failing: Callable[[int], None]
) -> None:
    failing(1)
    dpo.get(FAILED)
    dpo.post(FAILED, {**CAUSE, "error": "another", "act": "replay"})
    assert dpo.page.status_code == 409
    assert "No failed event fits this any more; somebody was faster." in dpo.text


@pytest.mark.parametrize(
    "form", [{}, {"act": "erase"}, {"act": "replay"}, {"act": "replay", "workflow": "webhook", "step": "log"}]
)
def test_a_form_that_names_no_cause_is_refused(
    dpo: Visitor, failing: Callable[[int], None], form: dict[str, str]
) -> None:
    failing(1)
    dpo.get(FAILED)
    assert dpo.post(FAILED, form).status_code == 422
    assert "Must be replay or discard, with a cause" in dpo.text
    assert states() == {"failed"}


def test_a_replay_that_failed_itself_leads_to_its_own_event(
    dpo: Visitor, core: Core, failing: Callable[[int], None]
) -> None:
    failing(2)
    dpo.get(FAILED)
    dpo.post(FAILED, {**CAUSE, "act": "replay"})
    carrier = models.Event.get(workflow="bulk_replay")
    models.Event.update(state="failed", error="the disk is full").where(
        models.Event.id == carrier.id
    ).execute()
    dpo.get(f"/dashboard/replays/{asked_for().id}")
    assert "It stopped after 0 of 2" in dpo.text
    assert "The disk is full." in dpo.text
    assert f'href="/dashboard/events/{carrier.id}"' in dpo.page.text


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.MEMBER])
def test_who_may_only_look_sees_causes_and_decides_nothing(
    sign_in_as: Callable[[Role], Visitor], failing: Callable[[int], None], role: Role
) -> None:
    failing(2)
    reader = sign_in_as(role)
    reader.get(FAILED)
    assert "2 events" in reader.text
    assert "Replay all" not in reader.text
    reader.get("/dashboard/")
    assert reader.post(FAILED, {**CAUSE, "act": "replay"}).status_code == 403
    assert models.BulkReplay.select().count() == 0


def test_another_controllers_failures_and_replays_are_not_there(dpo: Visitor, core: Core) -> None:
    other = tenants.create(core, "Other Shop", "FR").controller
    Sender(core, other.id).send("customers/update", {"error": "not a customer"})
    drain(core)
    cause = service.by_cause(other.id).causes[0].cause
    row = bulk_replays.ask(core, other.id, bulk_replays.Wish(cause), "system")
    assert "Nothing has failed" in dpo.get(FAILED).text
    assert row.id not in dpo.page.text
    assert dpo.get(f"/dashboard/replays/{row.id}").status_code == 404
    assert dpo.get("/dashboard/replays/no-id").status_code == 404


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("unexpected KeyError; the process log has where it happened", advice.UNEXPECTED),
        ("a defect in dxflow: step webhook.log has no outcome 'x'", advice.DEFECT),
        ("no workflow handles this Stripe event type", advice.UNKNOWN_TOPIC),
        ("shopify refuses the credential access_token (HTTP 401): it is wrong", advice.CREDENTIAL),
        ("stripe: the credential api_key isn't set (dxflow connector api set)", advice.CREDENTIAL),
        ("shopify's API answers HTTP 503", advice.OUTSIDE),
        ("the dx-agent at agent.example didn't finish within 10 s", advice.OUTSIDE),
        (WHY, advice.WRONG_DATA),
        ("a customer can't be merged into itself", advice.WRONG_DATA),
        (None, advice.WRONG_DATA),
    ],
)
def test_each_kind_of_trouble_has_its_own_advice(error: str | None, kind: advice.Advice) -> None:
    assert advice.of("webhook", "extract", error) is kind
