"""From the order to the certificate: recipients hear, what they keep is said, and anybody can check it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from databases import stored
from flow import drain, events, leaves
from recipients_servers import broken, lost, slow, too_many

from dxflow.engine.core import Core
from dxflow.engine.erasing import certificate, certified, orders
from dxflow.engine.errors import Conflict, Invalid, LogBroken
from dxflow.engine.ledger import note
from dxflow.engine.recipients import obligations as owed
from dxflow.engine.recipients.base import Target
from dxflow.engine.recipients.targets import Addressed
from dxflow.engine.services.audit import verifying
from dxflow.engine.services.connectors import webhook_endpoints
from dxflow.engine.services.rights import obligations
from dxflow.engine.services.traffic.events import replay
from dxflow.engine.store import models

from .conftest import EMAIL, MEMBER_ID, PHONE, SHOPIFY_ID, STRIPE_ID, WOO_ID, Everywhere, Team

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

DAY = 86_400


def execute(core: Core, ada: Everywhere, team: Team) -> models.ErasureOrder:
    order = orders.propose(core, ada.tenant_id, team.first, subject_id=ada.subject.id)
    done = orders.approve(core, ada.tenant_id, order.id, team.second)
    drain(core)
    return done


def states(order: models.ErasureOrder) -> dict[str, str]:
    row = models.Obligation
    return {one.recipient: one.state for one in row.select().where(row.order_id == order.id)}


def wait(core: Core, clock: Any, seconds: float) -> None:
    """Time passes, and the periodic thread looks."""
    clock.forward(seconds)
    owed.wake(core)
    drain(core)
    certificate.finish(core)


def vkeys(core: Core, tenant_id: str) -> list[str]:
    return core.signing.vkeys(core.log.head(tenant_id).origin)


def checked(core: Core, order: models.ErasureOrder, receipt: Any = None) -> dict[str, Any]:
    text = certificate.current(core, order.tenant_id, order.id)
    return certified.verify(text, vkeys(core, order.tenant_id), receipt)


def test_an_erasure_goes_to_its_final_certificate(
    core: Core, ada: Everywhere, team: Team, clock: Any
) -> None:
    ada.connect("shopify", "stripe", "mailchimp", "woocommerce")
    ada.servers["woocommerce"].orders = [(7, str(WOO_ID), EMAIL)]
    order = execute(core, ada, team)
    assert states(order) == {
        "shopify": "waiting",
        "stripe": "waiting",
        "mailchimp": "done",
        "woocommerce": "done",
    }
    first = checked(core, order)
    assert first["state"] == "preliminary"
    assert {one["recipient"] for one in first["recipients"] if one["state"] == "waiting"} == {
        "shopify",
        "stripe",
    }
    for _ in range(3):
        wait(core, clock, 301)
    assert states(order)["stripe"] == "done"
    assert ada.servers["stripe"].redacted == {STRIPE_ID}

    wait(core, clock, 10 * DAY)
    assert states(order)["shopify"] == "waiting", "Shopify is late: looked at again"
    ada.servers["shopify"].redact(SHOPIFY_ID)
    wait(core, clock, DAY)
    assert set(states(order).values()) == {"done"}

    final = checked(core, order, orders.hand_over(core, ada.tenant_id, order.id, team.first))
    assert (final["state"], final["two_people"]) == ("final", True)
    kept = {one["recipient"]: one["remains"] for one in final["recipients"]}
    assert "orders" in kept["shopify"]
    assert "orders with names" in kept["woocommerce"]
    assert kept["mailchimp"] is None
    assert final["about"] == models.Did.get(models.Did.entity_id == order.subject_id).did
    certified_as = [leaf["state"] for leaf in leaves(ada.tenant_id, "erasure.certified")]
    assert certified_as == ["preliminary", "preliminary", "final"]
    assert verifying.verify_logs(core).ok
    assert certificate.finish(core) == 0


def test_nothing_of_the_person_is_in_the_certificate_or_in_what_is_left(
    core: Core, ada: Everywhere, team: Team
) -> None:
    ada.connect("shopify", "stripe", "mailchimp", "woocommerce")
    order = execute(core, ada, team)
    text = certificate.current(core, ada.tenant_id, order.id)
    marks = (EMAIL, PHONE[1:], "Kanarie", STRIPE_ID, str(SHOPIFY_ID), MEMBER_ID, order.subject_id)
    assert not [one for one in marks if one in text]
    sealed = {row.recipient: row.target_sealed for row in models.Obligation.select()}
    assert sealed["mailchimp"] is None, "done: as whom they were known there is forgotten"
    assert sealed["shopify"] is not None, "still owed"
    left = stored()
    for one in (EMAIL, PHONE[1:], "Kanarie", STRIPE_ID, str(SHOPIFY_ID), MEMBER_ID):
        assert one.encode() not in left, one


def test_only_sealed_targets_open_to_the_person_until_they_are_done(
    core: Core, ada: Everywhere, team: Team, clock: Any
) -> None:
    """Whoever has every key opens the obligations that wait, and nothing else that names the person."""
    ada.connect("shopify", "stripe", "mailchimp", "woocommerce")
    order = execute(core, ada, team)
    assert _opened(core, ada.tenant_id) == {"obligations.target_sealed"}
    for _ in range(3):
        wait(core, clock, 301)
    ada.servers["shopify"].redact(SHOPIFY_ID)
    wait(core, clock, 11 * DAY)
    assert set(states(order).values()) == {"done"}
    orders.hand_over(core, ada.tenant_id, order.id, team.first)
    assert _opened(core, ada.tenant_id) == set()


def _opened(core: Core, tenant_id: str) -> set[str]:
    """Sealed columns of which a value says something about the person."""
    from dxflow.engine.rotation import sealed

    found, marks = set[str](), (EMAIL, PHONE, "Kanarie", STRIPE_ID, str(SHOPIFY_ID), MEMBER_ID)
    for place in sealed.TENANTS:
        if place.column == "key_wrapped":
            continue
        for row in place.model.select():
            raw, owner = getattr(row, place.column), getattr(row, place.tenant or "", None)
            if raw is None or owner != tenant_id:
                continue
            where = {"table": place.table, "column": place.column, "row_id": str(getattr(row, place.row))}
            said = core.keys.unseal(tenant_id, bytes(raw), **where).decode("utf-8", "replace")
            if any(one in said for one in marks):
                found.add(f"{place.table}.{place.column}")
    return found


def test_what_recipients_were_to_put_right_is_over_with_the_erasure(
    core: Core, ada: Everywhere, team: Team
) -> None:
    one = Addressed(ada.senders["stripe"].connector.id, "stripe", Target((STRIPE_ID,)), "by_hand")
    with core.store.transaction():
        row = owed.oblige(core, ada.tenant_id, "rectify", one, subject_id=ada.subject.id)
    order = execute(core, ada, team)
    row = models.Obligation.get_by_id(row.id)
    assert (row.state, row.target_sealed) == ("closed", None)
    assert len(owed.outstanding(ada.tenant_id, order_id=order.id)) == 4


def test_who_listens_hears_when_the_last_recipient_is_done(
    core: Core, ada: Everywhere, team: Team, clock: Any
) -> None:
    webhook_endpoints.add(core, ada.tenant_id, ada.servers["stripe"].url + "/hook", [], "system")
    order = execute(core, ada, team)
    told = models.Announcement.select().where(models.Announcement.topic == "erasure.completed")
    assert told.count() == 0
    for one in owed.outstanding(ada.tenant_id, order_id=order.id):
        obligations.close(core, ada.tenant_id, one.id, team.first, "done by hand")
    assert certificate.finish(core) == 1
    assert [row.body for row in told] == [{"order_id": order.id, "request": None}]


def test_a_recipient_without_credentials_waits_for_a_person(core: Core, ada: Everywhere, team: Team) -> None:
    ada.connect("mailchimp")
    order = execute(core, ada, team)
    assert states(order) == {
        "shopify": "manual",
        "stripe": "manual",
        "mailchimp": "done",
        "woocommerce": "manual",
    }
    told = models.Notification.select().where(models.Notification.kind == "obligation.manual")
    assert told.count() == 3
    (row,) = [one for one in owed.outstanding(ada.tenant_id, order_id=order.id) if one.recipient == "stripe"]
    assert obligations.whom(core, row, team.first).ids == (STRIPE_ID,)
    assert leaves(ada.tenant_id, "personal_data.read")[-1]["page"] == "obligation"
    closed = obligations.close(
        core, ada.tenant_id, row.id, team.first, "deleted in the dashboard", "invoices"
    )
    assert (closed.state, closed.remains, closed.target_sealed) == ("closed", "invoices", None)
    with pytest.raises(Conflict):
        obligations.close(core, ada.tenant_id, row.id, team.first, "again")
    with pytest.raises(Conflict):
        obligations.retry(core, ada.tenant_id, row.id, team.first)
    ada.connect("shopify", "woocommerce")
    for other in owed.outstanding(ada.tenant_id, order_id=order.id):
        obligations.retry(core, ada.tenant_id, other.id, team.first)
    drain(core)
    assert states(order)["woocommerce"] == "done"
    assert states(order)["shopify"] == "waiting"
    told_of = {one["recipient"]: one for one in json.loads(_body(core, order))["recipients"]}
    assert told_of["stripe"]["by_hand"]
    assert "dashboard" not in str(told_of), "what somebody typed stays here"


def _body(core: Core, order: models.ErasureOrder) -> str:
    text = certificate.current(core, order.tenant_id, order.id)
    return text.split("\n", 2)[2].rpartition("\n\n")[0]


def test_a_platform_that_misbehaves_for_a_while_is_told_in_the_end(
    core: Core, ada: Everywhere, team: Team, clock: Any
) -> None:
    ada.connect("mailchimp")
    ada.servers["mailchimp"].faults = [too_many(30), broken(503), slow(0.8), lost()]
    order = execute(core, ada, team)
    assert states(order)["mailchimp"] == "pending"
    (event,) = [one for one in events("obligation") if one.state == "retrying"]
    assert event.due_at is not None
    for _ in range(4):
        clock.forward(120)
        drain(core)
    assert states(order)["mailchimp"] == "done"
    (row,) = models.Obligation.select().where(models.Obligation.recipient == "mailchimp")
    assert row.receipt["status"] == "gone", "the answer that got lost had been that it is done"


def test_used_up_attempts_say_so_and_can_be_replayed(
    core: Core, ada: Everywhere, team: Team, clock: Any
) -> None:
    ada.connect("woocommerce", "stripe")
    ada.servers["woocommerce"].faults = [broken(500)] * 50
    order = execute(core, ada, team)
    for _ in range(10):
        clock.forward(700)
        drain(core)
    assert states(order)["woocommerce"] == "failed"
    (event,) = [one for one in events("obligation") if one.state == "failed"]
    (row,) = models.Obligation.select().where(models.Obligation.recipient == "woocommerce")
    assert row.reason == "woocommerce's API answers HTTP 500"
    ada.servers["woocommerce"].faults = []
    replay(core, ada.tenant_id, event.id, team.first)
    drain(core)
    assert states(order)["woocommerce"] == "done"
    assert ada.servers["woocommerce"].customers == {}


def test_refused_credentials_fail_at_once_and_a_retry_takes_the_new_ones(
    core: Core, ada: Everywhere, team: Team
) -> None:
    from dxflow.engine.services.connectors import connector_apis

    connector = ada.senders["mailchimp"].connector.id
    url = ada.servers["mailchimp"].url
    connector_apis.put(core, ada.tenant_id, connector, url, {"api_key": "old-us21"}, "system")
    order = execute(core, ada, team)
    (row,) = [one for one in models.Obligation.select() if one.recipient == "mailchimp"]
    assert row.state == "failed"
    assert "api_key" in row.reason
    assert "old-us21" not in row.reason
    ada.connect("mailchimp")
    obligations.retry(core, ada.tenant_id, row.id, team.first)
    drain(core)
    assert states(order)["mailchimp"] == "done"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"state": "preliminary"', '"state": "final"'),
        ('"links": 6', '"links": 7'),
        ('"reason": "request"', '"reason": "objection"'),
        ('"commitment": "', '"commitment": "0'),
        ("dxflow erasure certificate v1", "dxflow erasure certificate v2"),
    ],
)
def test_a_certificate_that_was_changed_is_none(
    old: str, new: str, core: Core, ada: Everywhere, team: Team
) -> None:
    order = execute(core, ada, team)
    text = certificate.current(core, ada.tenant_id, order.id)
    assert old in text
    with pytest.raises(LogBroken, match="forged"):
        certified.verify(text.replace(old, new), vkeys(core, ada.tenant_id))


def test_even_the_keys_holder_cant_certify_what_the_log_doesnt_say(
    core: Core, ada: Everywhere, team: Team
) -> None:
    order = execute(core, ada, team)
    text = certificate.current(core, ada.tenant_id, order.id).rpartition("\n\n")[0] + "\n"
    origin = core.log.head(ada.tenant_id).origin
    for old, new, fault in (
        ('"links": 6', '"links": 7', "counts other links"),
        ('"reason": "request"', '"reason": "objection"', "another reason"),
        ('"entry": ', '"entry": 1', "another entry"),
        (order.id, core.new_id(), "another order"),
        (f"{origin}\n", "dxflow.example/log/other\n", "two logs"),
    ):
        signed = core.signing.sign_text(origin, text.replace(old, new, 1))
        with pytest.raises(LogBroken, match=fault):
            certified.verify(signed, vkeys(core, ada.tenant_id))


def test_other_keys_and_receipts_show_nothing(core: Core, ada: Everywhere, team: Team) -> None:
    order = execute(core, ada, team)
    text = certificate.current(core, ada.tenant_id, order.id)
    stranger = note.SigningKey.generate(core.log.head(ada.tenant_id).origin)
    with pytest.raises(LogBroken, match="no known key"):
        certified.verify(text, [stranger.vkey])
    keys, receipt = vkeys(core, ada.tenant_id), orders.hand_over(core, ada.tenant_id, order.id, "system")
    assert re.match("did:dep:[0-9a-f]{64}", certified.verify(text, keys, receipt)["about"])
    payload = {**receipt["payload"], "subject": "did:dep:" + "0" * 64}
    for wrong in ({**receipt, "payload": payload}, {**receipt, "salt": "00" * 32}):
        with pytest.raises(LogBroken, match="another erasure"):
            certified.verify(text, keys, wrong)
    for none in (
        {},
        {"salt": "zz", "payload": {}},
        {"salt": "00", "payload": payload},
        {"salt": 1, "payload": 2},
    ):
        with pytest.raises(Invalid):
            certified.verify(text, keys, none)


def test_a_checkpoint_of_the_log_is_no_certificate_nor_the_other_way_round(
    core: Core, ada: Everywhere, team: Team
) -> None:
    order = execute(core, ada, team)
    keys = vkeys(core, ada.tenant_id)
    with pytest.raises(LogBroken, match="no certificate"):
        certified.verify(core.log.head(ada.tenant_id).checkpoint, keys)
    text = certificate.current(core, ada.tenant_id, order.id)
    with pytest.raises(LogBroken):
        note.open_checkpoint(text, [note.Verifier.from_vkey(one) for one in keys])


def test_there_is_none_before_the_order_was_executed_and_a_lost_one_is_issued_again(
    core: Core, ada: Everywhere, team: Team
) -> None:
    order = orders.propose(core, ada.tenant_id, team.first, subject_id=ada.subject.id)
    with pytest.raises(Conflict, match="proposed"):
        certificate.current(core, ada.tenant_id, order.id)
    order = orders.approve(core, ada.tenant_id, order.id, team.second)
    models.ErasureOrder.update(certificate=None, certified=None).execute()  # killed in between
    assert certificate.finish(core) == 1
    assert checked(core, order)["state"] == "preliminary"
