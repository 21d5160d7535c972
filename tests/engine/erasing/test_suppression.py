"""Whoever was erased stays erased, whatever platforms say of them; until they come back on their own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flow import at_once, check_invariants, customer, drain, leaves

from dxflow.engine import rotation
from dxflow.engine.core import Core
from dxflow.engine.erasing import erasure, orders
from dxflow.engine.errors import Conflict, Invalid, NotFound
from dxflow.engine.identity.keys import LINK
from dxflow.engine.identity.linkage import identifiers
from dxflow.engine.platforms.base import Person
from dxflow.engine.rights import intake, suppression
from dxflow.engine.services.rights import suppressions
from dxflow.engine.services.subjects import subjects
from dxflow.engine.steps import returning
from dxflow.engine.store import models

from .conftest import EMAIL, PHONE, SAYS, SHOPIFY_ID, WOO_ID, Everywhere, Team

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def gone(core: Core, ada: Everywhere, team: Team) -> Everywhere:
    order = orders.propose(core, ada.tenant_id, team.first, subject_id=ada.subject.id)
    orders.approve(core, ada.tenant_id, order.id, team.second)
    drain(core)
    return ada


def outcome(event_id: str) -> str:
    event = models.Event.get(id=event_id)
    assert event.state == "done", event.error
    return str(event.history[-1]["outcome"])


def hits() -> int:
    return sum(row.hits for row in models.Suppression.select())


@pytest.mark.parametrize("platform", sorted(SAYS))
def test_no_platform_brings_the_person_back(platform: str, core: Core, gone: Everywhere) -> None:
    before = models.DataSubject.select().count()
    body = gone.senders[platform]
    topic, said = SAYS[platform]
    accepted = body.send(topic, said, "later")
    if accepted.status == "duplicate":  # this very one was seen: Stripe's ids and Mailchimp's bodies tell
        more = said + b"&data%5Bmerges%5D%5BX%5D=1" if isinstance(said, bytes) else {**said, "id": "evt_9"}
        accepted = body.send(topic, more, "later")
    drain(core)
    event = models.Event.get(id=accepted.event_id)
    assert outcome(event.id) == "suppressed"
    assert (event.payload_sealed, event.body_mac, event.dedup_key) == (None, None, None)
    assert event.subject_id is None
    assert not gone.known()
    assert models.DataSubject.select().count() == before
    assert hits() > 0
    check_invariants(core)


@SQLITE
def test_the_same_person_under_other_names_stays_out_too(core: Core, gone: Everywhere) -> None:
    shop = gone.senders["shopify"]
    for number, body in enumerate(
        (
            customer(id=SHOPIFY_ID, email="new-address@shop.example"),  # the same customer, another address
            customer(id=99, email=EMAIL.upper()),  # another customer's number, the same address
            customer(id=98, email=None, phone="030 998877665", verified_email=False),
        )
    ):
        event = shop.send("customers/update", body, f"again-{number}").event_id
        drain(core)
        expected = "suppressed" if number < 2 else "logged"
        assert outcome(event) == expected, number
    assert core.subjects.find(gone.tenant_id, Person(email="new-address@shop.example")) is None


@SQLITE
def test_a_household_shares_its_telephone(core: Core, gone: Everywhere) -> None:
    body = customer(id=97, email="ben@shop.example", phone=PHONE)
    event = gone.senders["shopify"].send("customers/create", body, "ben").event_id
    drain(core)
    assert outcome(event) == "logged"
    assert core.subjects.find(gone.tenant_id, Person(email="ben@shop.example")) is not None
    alone = gone.senders["shopify"].send(
        "customers_marketing_consent/update",
        {"id": SHOPIFY_ID, "phone": PHONE, "sms_marketing_consent": {"state": "subscribed"}},
        "sms",
    )
    drain(core)
    assert outcome(alone.event_id) == "suppressed"


@SQLITE
def test_somebody_alive_is_let_through_though_they_bring_a_marked_address(
    core: Core, gone: Everywhere
) -> None:
    shop = gone.senders["shopify"]
    shop.send("customers/create", customer(id=55, email="ben@shop.example"), "ben-1")
    drain(core)
    event = shop.send(
        "customers/update", customer(id=55, email=EMAIL, verified_email=False), "ben-2"
    ).event_id
    drain(core)
    assert outcome(event) == "logged"
    ben = core.subjects.find(gone.tenant_id, Person(external_ids=(("shopify", "55"),)))
    assert ben is not None


@SQLITE
def test_an_address_change_at_mailchimp_does_not_bring_them_back_either(core: Core, gone: Everywhere) -> None:
    form = (
        "type=upemail&fired_at=2026-04-01+10%3A00%3A00&data%5Blist_id%5D=list1&data%5Bnew_id%5D=zz&"
        f"data%5Bnew_email%5D=other%40shop.example&data%5Bold_email%5D={EMAIL.replace('@', '%40')}"
    )
    event = gone.senders["mailchimp"].send("upemail", form.encode()).event_id
    drain(core)
    assert outcome(event) == "suppressed"
    assert core.subjects.find(gone.tenant_id, Person(email="other@shop.example")) is None


@SQLITE
def test_a_merge_at_shopify_does_not_bring_them_back_either(core: Core, gone: Everywhere) -> None:
    gid = "gid://shopify/Customer/{}"
    body = {
        "admin_graphql_api_customer_kept_id": gid.format(SHOPIFY_ID + 5),
        "admin_graphql_api_customer_deleted_id": gid.format(SHOPIFY_ID),
        "status": "COMPLETED",
        "errors": [],
    }
    event = gone.senders["shopify"].send("customers/merge", body, "merge").event_id
    drain(core)
    assert outcome(event) == "suppressed"


@SQLITE
def test_shopifys_own_word_of_the_erasure_is_no_new_request_and_access_is_one(
    core: Core, gone: Everywhere
) -> None:
    before = models.RightsRequest.select().count()
    about = {"shop_id": 1, "shop_domain": "acme.myshopify.com"}
    whom = {"id": SHOPIFY_ID, "email": EMAIL, "phone": PHONE}
    redact = {**about, "customer": whom, "orders_to_redact": []}
    event = gone.senders["shopify"].send("customers/redact", redact, "redact").event_id
    drain(core)
    assert outcome(event) == "suppressed"
    asks = {**about, "customer": whom, "orders_requested": [], "data_request": {"id": 9}}
    event = gone.senders["shopify"].send("customers/data_request", asks, "asks").event_id
    drain(core)
    assert outcome(event) == "recorded"
    assert models.RightsRequest.select().count() == before + 1


@SQLITE
def test_whoever_was_erased_can_still_ask(core: Core, gone: Everywhere) -> None:
    request = intake.create(core, gone.tenant_id, "access", Person(EMAIL, None, "Ada"))
    assert (request.state, request.subject_id) == ("received", None)


@SQLITE
def test_neither_the_api_nor_plain_sql_brings_them_back(core: Core, gone: Everywhere) -> None:
    with pytest.raises(Conflict, match="erased here"):
        subjects.enter(core, gone.tenant_id, Person(email=EMAIL), "key:1")
    row_id = core.new_id()
    intake_ = json.dumps({"email": EMAIL, "name": "Ada Kanarie"})
    core.store.database.execute_sql(
        "INSERT INTO data_subjects (id, tenant_id, intake) VALUES (?, ?, ?)",
        (row_id, gone.tenant_id, intake_),
    )
    drain(core)
    row = models.DataSubject.get_by_id(row_id)
    assert (row.state, row.intake, row.key_wrapped) == ("erased", None, None)
    assert models.Did.get(models.Did.entity_id == row_id).deactivated_at is not None
    assert not gone.known()


@SQLITE
def test_a_row_of_hasura_does_not_bring_them_back(core: Core, gone: Everywhere, connect: Any) -> None:
    hasura = connect("hasura")
    new = {"id": core.new_id(), "email": EMAIL, "tenant_id": gone.tenant_id}
    body = {
        "id": core.new_id(),
        "created_at": "2026-04-01T10:00:00Z",
        "event": {"session_variables": None, "op": "INSERT", "data": {"old": None, "new": new}},
        "trigger": {"name": "data_subjects"},
        "table": {"schema": "public", "name": "data_subjects"},
    }
    event = hasura.send("data_subjects", body).event_id
    drain(core)
    assert outcome(event) == "suppressed"
    assert not gone.known()


def test_a_rotation_of_the_link_key_in_between_changes_nothing(
    core: Core, gone: Everywhere, clock: Any
) -> None:
    rotation.rotate_links(core, gone.tenant_id)
    clock.forward(40 * 86_400)
    core.keys.refresh()
    destroyed = rotation.finish(core)
    assert not [one for one in destroyed if one.startswith(f"{gone.tenant_id} {LINK}")], "marks need it"
    core.keys.refresh()
    event = gone.speak("stripe", id="evt_after_rotation")
    assert outcome(event) == "suppressed"
    assert not gone.known()
    suppressions.lift(core, gone.tenant_id, "user:1", "came back", person=Person(email=EMAIL))
    destroyed = rotation.finish(core)
    assert [one for one in destroyed if one.startswith(f"{gone.tenant_id} {LINK}")], "no mark needs it"


@SQLITE
def test_whoever_comes_back_on_their_own_is_let_in(core: Core, gone: Everywhere) -> None:
    held = suppressions.listing(gone.tenant_id).rows
    assert len(held) == 6
    with pytest.raises(NotFound):
        suppressions.lift(core, gone.tenant_id, "user:1", "hm", person=Person(email="ben@shop.example"))
    with pytest.raises(Invalid):
        suppressions.lift(core, gone.tenant_id, "user:1", " ", person=Person(email=EMAIL))
    with pytest.raises(Invalid):
        suppressions.lift(core, gone.tenant_id, "user:1", "hm")
    assert suppressions.lift(core, gone.tenant_id, "user:1", "signed up", person=Person(email=EMAIL)) == 6
    (leaf,) = leaves(gone.tenant_id, "suppression.lifted")
    assert leaf["marks"] == 6
    assert EMAIL not in json.dumps(leaf)
    made, created = subjects.enter(core, gone.tenant_id, Person(email=EMAIL), "key:1")
    assert created
    assert outcome(gone.speak("woocommerce", date_modified_gmt="2026-05-01T10:00:00")) == "logged"
    shop = f"woocommerce:{gone.senders['woocommerce'].connector.id}"
    found = core.subjects.find(gone.tenant_id, Person(external_ids=((shop, str(WOO_ID)),)))
    assert found is not None
    assert found.id == made.id


@SQLITE
def test_one_mark_can_be_lifted_by_itself(core: Core, gone: Everywhere) -> None:
    first = suppressions.listing(gone.tenant_id).rows[0]
    assert suppressions.lift(core, gone.tenant_id, "user:1", "a mistake", suppression_id=first.id) == 1
    with pytest.raises(NotFound):
        suppressions.lift(core, gone.tenant_id, "user:1", "a mistake", suppression_id=first.id)
    assert len([row for row in suppressions.listing(gone.tenant_id).rows if row.lifted_at is None]) == 5


@SQLITE
def test_marks_of_one_data_controller_say_nothing_at_another(core: Core, gone: Everywhere) -> None:
    from dxflow.engine.services import tenants

    other = tenants.create(core, "Another", "DE").controller.id
    assert suppression.marked(core, other, identifiers(Person(email=EMAIL))) == {}
    subject, created = subjects.enter(core, other, Person(email=EMAIL), "key:1")
    assert created
    assert subject.state == "active"


@SQLITE
def test_what_a_restored_backup_brought_back_is_kept_out_again(core: Core, ada: Everywhere) -> None:
    erasure.erase(core, ada.tenant_id, ada.subject.id, "system", reason="restored_backup")
    assert outcome(ada.speak("stripe", id="evt_2")) == "suppressed"


def test_a_delivery_that_is_under_way_while_its_person_is_erased_goes_with_them(
    core: Core, ada: Everywhere, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch was prepared when nobody was marked yet, and matches when everything is gone."""
    order = orders.propose(core, ada.tenant_id, team.first, subject_id=ada.subject.id)
    real = returning.look

    def late(*given: Any) -> Any:
        found = real(*given)
        if orders.get(ada.tenant_id, order.id).state == "proposed":
            orders.approve(core, ada.tenant_id, order.id, team.second)
        return found

    monkeypatch.setattr(returning, "look", late)
    accepted = ada.senders["stripe"].send("customer.updated", {**SAYS["stripe"][1], "id": "evt_2"})
    drain(core)
    event = models.Event.get(id=accepted.event_id)
    assert (event.state, event.payload_sealed) == ("discarded", None)
    assert not ada.known()


def test_who_looked_before_the_marks_were_there_creates_nobody(
    core: Core, gone: Everywhere, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppression, "suppressed", lambda *_: {})
    accepted = gone.senders["stripe"].send("customer.updated", {**SAYS["stripe"][1], "id": "evt_2"})
    drain(core)
    assert models.Event.get(id=accepted.event_id).state == "retrying"
    assert not gone.known()
    monkeypatch.undo()
    clock.forward(10)
    drain(core)
    assert outcome(accepted.event_id) == "suppressed"


def test_deliveries_and_the_erasure_at_the_same_time_leave_nobody_behind(
    core: Core, ada: Everywhere, team: Team
) -> None:
    order = orders.propose(core, ada.tenant_id, team.first, subject_id=ada.subject.id)
    for number in range(6):
        ada.senders["shopify"].send(
            "customers/update", {**SAYS["shopify"][1], "note": f"{number}"}, f"busy-{number}"
        )

    def work() -> Any:
        return drain(core)

    found = at_once(core, [work, lambda: orders.approve(core, ada.tenant_id, order.id, team.second), work])
    core_clock: Any = core.clock
    for _ in range(12):
        core_clock.forward(700)
        drain(core)
    assert orders.get(ada.tenant_id, order.id).state == "executed", found
    assert not ada.known()
    stuck = [one for one in models.Event.select() if one.state in ("failed", "retrying")]
    assert stuck == []
    erasure.sweep(core)
    held = models.Event.select().where(models.Event.connector_id.is_null(False))
    assert not [one for one in held if one.payload_sealed is not None]


@SQLITE
def test_one_look_up_for_a_batch_and_none_of_its_bodies_where_nobody_is_kept_out(
    core: Core, ada: Everywhere, statements: list[str]
) -> None:
    def asked() -> int:
        return len([one for one in statements if "suppressions" in one])

    statements.clear()
    for number in range(20):
        ada.senders["shopify"].send("customers/update", customer(number + 1), f"many-{number}")
    drain(core)
    created = 20
    assert asked() <= 1 + created
    statements.clear()
    for number in range(20):
        body = customer(number + 1, updated_at="2026-03-02T10:00:00Z")
        ada.senders["shopify"].send("customers/update", body, f"more-{number}")
    drain(core)
    assert asked() == 1


@SQLITE
def test_the_api_creates_nobody_who_was_erased_since_it_looked(
    core: Core, gone: Everywhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppression, "suppressed", lambda *_: {})
    with pytest.raises(Conflict, match="erased here"):
        subjects.enter(core, gone.tenant_id, Person(email=EMAIL), "key:1")
    assert not gone.known()
