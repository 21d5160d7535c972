"""Under a restriction what comes in is stored and not used; an objection ends what is done for a purpose."""

from __future__ import annotations

import json
from collections.abc import Callable

import bodies
import pytest
from flow import HandClock, Sender, at_once, claim, customer, drain, events, leaves, run, settle

from dxflow.engine.core import Core
from dxflow.engine.errors import Conflict, Invalid, NotFound
from dxflow.engine.fulfilment import limiting
from dxflow.engine.platforms.base import Person
from dxflow.engine.recipients import obligations
from dxflow.engine.rights import limits
from dxflow.engine.services.people import users
from dxflow.engine.services.subjects import activities, subjects
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
Connect = Callable[..., Sender]
Asked = Callable[..., models.RightsRequest]
CONSENT = "customers_email_marketing_consent/update"
MARKETING = "direct marketing"


def _restrict(core: Core, ada: models.DataSubject) -> models.SubjectLimit:
    return limiting.put(core, ada.tenant_id, ada.id, "restriction", "", None, "user:1")


def _lift(core: Core, ada: models.DataSubject) -> int:
    return limiting.lift(core, ada.tenant_id, ada.id, "restriction", "", "user:1", informed=True)


def _profile(core: Core, ada: models.DataSubject) -> dict[str, object]:
    return core.subjects.profile(models.DataSubject.get_by_id(ada.id))


def _links(ada: models.DataSubject) -> set[str]:
    link = models.DataSubjectLink
    return {row.link for row in link.select().where(link.subject_id == ada.id)}


def _activities(ada: models.DataSubject) -> list[tuple[str, str, str]]:
    row = models.ProcessingActivity
    query = row.select().where(row.subject_id == ada.id).order_by(row.created_at)
    return [(one.activity_type, one.purpose, one.legal_basis) for one in query]


def _held() -> dict[tuple[str, str], str]:
    return {(row.purpose, row.channel): row.state for row in models.ConsentCurrent.select()}


@both
def test_what_comes_in_under_a_restriction_is_stored_and_not_used(
    core: Core, shopify: Sender, ada: models.DataSubject
) -> None:
    before, links = _profile(core, ada), _links(ada)
    _restrict(core, ada)
    shopify.send("customers/update", customer(phone="+4930998877665", first_name="Augusta"))
    shopify.send("orders/create", bodies.order(phone="+4930112233445"))
    settle(core)
    assert (_profile(core, ada), _links(ada)) == (before, links)
    *_, update, order = events("webhook")
    for event in (update, order):
        assert event.state == "done"
        assert [one["outcome"] for one in event.history][1:] == ["limited", "logged"]
        assert event.subject_id == ada.id
        assert event.payload_sealed, "the body stays, sealed"
    assert (
        _activities(ada)[1:] == [("restricted_storage", "storage under restriction", "legal_obligation")] * 2
    )
    logged = [leaf for leaf in leaves(ada.tenant_id, "workflow.step") if leaf.get("stored")]
    assert [leaf["stored"] for leaf in logged] == ["customer_profile", "order"]


@both
def test_lifting_a_restriction_works_off_what_was_stored_in_its_order(
    core: Core, shopify: Sender, ada: models.DataSubject
) -> None:
    _restrict(core, ada)
    for minute, name in enumerate(("Bertha", "Clara", "Dora")):
        shopify.send(
            "customers/update",
            customer(first_name=name, phone="+4930998877665", updated_at=f"2026-03-02T10:0{minute}:00Z"),
        )
    settle(core)
    assert _lift(core, ada) == 3
    drain(core)
    settle(core)
    profile = _profile(core, ada)
    assert (profile["name"], profile["phone"]) == ("Dora Byron", "+4930998877665")
    kinds = [kind for kind, *_ in _activities(ada)]
    assert kinds == ["customer_profile"] + ["restricted_storage"] * 3 + ["customer_profile"] * 3
    *_, bertha, clara, dora = events("webhook")
    assert [event.result for event in (bertha, clara, dora)] == [{}, {}, {}]
    matched = [[one["outcome"] for one in event.history if one.get("outcome")] for event in (bertha, dora)]
    assert matched == [["person", "limited", "logged", "matched", "logged"]] * 2
    assert not models.DataSubject.get_by_id(ada.id).limited
    assert models.ProcessingActivity.select().where(
        models.ProcessingActivity.registration_state == "registered"
    ).count() == len(kinds)


@both
def test_people_without_limits_cost_no_query_for_them(
    core: Core, shopify: Sender, ada: models.DataSubject, statements: list[str]
) -> None:
    shopify.send("customers/create", customer(2))
    drain(core)
    _restrict(core, ada)
    statements.clear()
    for topic, body in (("customers/update", customer(2)), ("orders/create", bodies.order(2))):
        shopify.send(topic, body)
    drain(core)
    assert statements
    assert not [one for one in statements if "subject_limits" in one]
    shopify.send("customers/update", customer(1))
    drain(core)
    assert [one for one in statements if "subject_limits" in one], "or the test would not see them"


@both
def test_a_delivery_and_a_restriction_at_once_leave_nothing_half_done(
    core: Core, shopify: Sender, ada: models.DataSubject
) -> None:
    """Whichever comes first: either the delivery is used and logged as used, or neither."""
    for number in range(6):
        shopify.send("customers/update", customer(first_name=f"N{number}", updated_at=None))
    due = claim(core)

    def work() -> None:
        queue = list(due)
        while queue:
            queue += run(core, queue.pop(0)).follow_ups

    found = at_once(core, [work, lambda: _restrict(core, ada)])
    assert not [one for one in found if isinstance(one, BaseException)], found
    settle(core)
    used = [kind for kind, *_ in _activities(ada)].count("customer_profile") - 1
    stored = [kind for kind, *_ in _activities(ada)].count("restricted_storage")
    assert used + stored == 6
    assert _profile(core, ada)["name"] == (f"N{used - 1} Byron" if used else "Ada Byron")
    assert _lift(core, ada) == stored
    settle(core)
    assert _profile(core, ada)["name"] == "N5 Byron"


@sqlite_alone
def test_who_works_here_too_keeps_a_restricted_profile_as_it_is(core: Core, ada: models.DataSubject) -> None:
    _restrict(core, ada)
    links = _links(ada)
    user, _ = users.create(core, ada.tenant_id, "person1@shop.example", "member")
    settle(core)
    assert models.User.get_by_id(user.id).subject_id == ada.id
    assert _links(ada) == links


@sqlite_alone
def test_a_second_restriction_holds_what_is_being_worked_off_again(
    core: Core, shopify: Sender, ada: models.DataSubject
) -> None:
    _restrict(core, ada)
    shopify.send("customers/update", customer(first_name="Bertha"))
    settle(core)
    _lift(core, ada)
    _restrict(core, ada)
    settle(core)
    assert _profile(core, ada)["name"] == "Ada Byron"
    assert _lift(core, ada) == 1
    settle(core)
    assert _profile(core, ada)["name"] == "Bertha Byron"


@sqlite_alone
def test_a_withdrawal_counts_under_a_restriction_and_a_grant_waits(
    core: Core, shopify: Sender, ada: models.DataSubject, clock: HandClock
) -> None:
    shopify.send(CONSENT, bodies.email_consent("subscribed", "2026-03-01T09:00:00Z"))
    settle(core)
    _restrict(core, ada)
    shopify.send(CONSENT, bodies.email_consent("unsubscribed", "2026-03-01T12:00:00Z"))
    settle(core)
    assert _held() == {(MARKETING, "email"): "withdrawn"}
    shopify.send(CONSENT, bodies.email_consent("subscribed", "2026-03-01T18:00:00Z"))
    settle(core)
    assert _held() == {(MARKETING, "email"): "withdrawn"}
    _lift(core, ada)
    settle(core)
    assert _held() == {(MARKETING, "email"): "granted"}
    assert [row.state for row in models.Consent.select().order_by(models.Consent.seq)] == [
        "granted", "withdrawn", "granted"
    ]  # fmt: skip


@sqlite_alone
def test_a_rights_request_that_a_platform_passes_on_is_recorded_under_a_restriction(
    core: Core, shopify: Sender, ada: models.DataSubject
) -> None:
    _restrict(core, ada)
    shopify.send("customers/redact", bodies.redact())
    settle(core)
    (request,) = models.RightsRequest.select()
    assert (request.type, request.subject_id) == ("erasure", ada.id)


@sqlite_alone
def test_a_restricted_person_is_neither_moved_nor_merged_until_it_is_lifted(
    core: Core, connect: Connect, shopify: Sender, ada: models.DataSubject
) -> None:
    shopify.send("customers/create", customer(2))
    settle(core)
    links = _links(ada)
    _restrict(core, ada)
    mailchimp = connect("mailchimp")
    fields = {"new_id": "n", "new_email": "new@shop.example", "old_email": "person1@shop.example"}
    mailchimp.send("upemail", bodies.mailchimp("upemail", **fields))
    shopify.send("customers/merge", bodies.merge(2, 1))
    settle(core)
    assert _links(ada) == links
    assert models.DataSubject.get_by_id(ada.id).state == "active"
    assert core.subjects.find(ada.tenant_id, Person(email="new@shop.example")) is None
    _lift(core, ada)
    settle(core)
    assert models.DataSubject.get_by_id(ada.id).state == "merged"
    found = core.subjects.find(ada.tenant_id, Person(email="new@shop.example"))
    assert found is not None
    assert found.id != ada.id


@sqlite_alone
def test_limits_go_with_a_merge(core: Core, shopify: Sender, ada: models.DataSubject) -> None:
    shopify.send("customers/create", customer(2))
    settle(core)
    limiting.put(core, ada.tenant_id, ada.id, "sale_opt_out", "", None, "user:1")
    shopify.send("customers/merge", bodies.merge(2, 1))
    settle(core)
    kept = core.subjects.find(ada.tenant_id, Person(email="person1@shop.example"))
    assert kept is not None
    assert kept.id != ada.id
    assert [row.kind for row in limits.of_subject(kept).rows] == ["sale_opt_out"]
    assert limiting.lift(core, ada.tenant_id, ada.id, "sale_opt_out", "", "user:1") == 0
    assert not models.DataSubject.get_by_id(kept.id).limited


@sqlite_alone
def test_plain_sql_about_a_restricted_person_waits_too(core: Core, ada: models.DataSubject) -> None:
    _restrict(core, ada)
    intake = json.dumps({"name": "Augusta", "phone": "+4930998877665"})
    core.store.database.execute_sql("UPDATE data_subjects SET intake = ? WHERE id = ?", (intake, ada.id))
    settle(core)
    assert _profile(core, ada)["name"] == "Ada Byron"
    assert models.DataSubject.get_by_id(ada.id).intake is not None
    _lift(core, ada)
    settle(core)
    assert _profile(core, ada)["name"] == "Augusta"
    assert models.DataSubject.get_by_id(ada.id).intake is None


@sqlite_alone
def test_the_api_changes_nothing_about_a_restricted_person_and_says_so(
    core: Core, tenant: NewTenant, ada: models.DataSubject
) -> None:
    _restrict(core, ada)
    with pytest.raises(Conflict, match="restricted"):
        subjects.enter(
            core, ada.tenant_id, Person(email="person1@shop.example", phone="+4930998877665"), "key:1"
        )
    assert "phone" not in _profile(core, ada) or _profile(core, ada)["phone"] is None


@sqlite_alone
def test_an_objection_ends_marketing_and_nothing_else(
    core: Core, connect: Connect, shopify: Sender, ada: models.DataSubject
) -> None:
    shopify.send(CONSENT, bodies.email_consent("subscribed", "2026-03-01T09:00:00Z"))
    settle(core)
    limiting.put(core, ada.tenant_id, ada.id, "objection", MARKETING, None, "user:1")
    assert set(_held().values()) == {"withdrawn"}
    assert {channel for _, channel in _held()} == {"all", "email"}
    connect("mailchimp").send("profile", bodies.mailchimp("profile", **bodies.member()))
    shopify.send("orders/create", bodies.order())
    settle(core)
    assert _activities(ada)[-2:] == [
        ("refused", MARKETING, "legal_obligation"),
        ("order", "order fulfilment", "contract"),
    ]
    (refused,) = [leaf for leaf in leaves(ada.tenant_id, "workflow.step") if leaf.get("refused")]
    assert (refused["refused"], refused["limit"]) == ("marketing_profile", "objection")


@sqlite_alone
@pytest.mark.parametrize("at", ["2026-03-01T18:00:00Z", None])
def test_older_news_does_not_undo_an_objection_and_the_persons_newer_word_does(
    core: Core, shopify: Sender, ada: models.DataSubject, clock: HandClock, at: str | None
) -> None:
    limiting.put(core, ada.tenant_id, ada.id, "objection", MARKETING, None, "user:1")
    clock.forward(60)
    shopify.send(CONSENT, bodies.email_consent("subscribed", at))
    settle(core)
    assert set(_held().values()) == {"withdrawn"}
    assert _activities(ada)[-1][0] == "refused"
    clock.forward(3600)
    shopify.send(CONSENT, bodies.email_consent("subscribed", bodies.ahead(clock, -1)))
    settle(core)
    assert _held()[MARKETING, "email"] == "granted"
    assert _activities(ada)[-1][0] == "marketing_consent"


@sqlite_alone
def test_hearing_of_a_withdrawal_is_none_of_what_the_person_objects_to(
    core: Core, shopify: Sender, ada: models.DataSubject
) -> None:
    limiting.put(core, ada.tenant_id, ada.id, "objection", MARKETING, None, "user:1")
    shopify.send(CONSENT, bodies.email_consent("unsubscribed", "2026-03-01T18:00:00Z"))
    settle(core)
    assert _activities(ada)[-1][0] == "marketing_consent"


@sqlite_alone
def test_an_activity_reported_despite_a_limit_is_recorded_as_it_was_and_people_hear_of_it(
    core: Core, ada: models.DataSubject
) -> None:
    limiting.put(core, ada.tenant_id, ada.id, "sale_opt_out", "", None, "user:1")
    for purpose in ("sale of personal data", "order fulfilment"):
        activities.record(
            core, ada.tenant_id, "key:1", activity_type="export", legal_basis="consent", purpose=purpose,
            subject_id=ada.id,
        )  # fmt: skip
    despite = [leaf.get("despite") for leaf in leaves(ada.tenant_id, "processing_activity.recorded")]
    assert despite == ["sale_opt_out", None]
    (notice,) = models.Notification.select().where(models.Notification.kind == "limit.disregarded")
    assert ada.id not in notice.title + notice.body


@sqlite_alone
def test_a_restriction_is_lifted_only_after_the_person_heard_of_it(
    core: Core, ada: models.DataSubject
) -> None:
    _restrict(core, ada)
    with pytest.raises(Conflict, match=r"Art\. 18\(3\)"):
        limiting.lift(core, ada.tenant_id, ada.id, "restriction", "", "user:1")
    assert limits.restricts(models.DataSubject.get_by_id(ada.id))
    assert _lift(core, ada) == 0
    with pytest.raises(Conflict, match="no restriction is in force"):
        _lift(core, ada)


@sqlite_alone
def test_putting_a_limit_twice_keeps_the_first_and_nothing_is_put_on_nobody(
    core: Core, tenant: NewTenant, ada: models.DataSubject
) -> None:
    assert _restrict(core, ada).id == _restrict(core, ada).id
    assert len(leaves(ada.tenant_id, "limit.placed")) == 1
    with pytest.raises(NotFound):
        limiting.put(core, ada.tenant_id, core.new_id(), "restriction", "", None, "user:1")
    with pytest.raises(Invalid, match="allowed are"):
        limiting.put(core, ada.tenant_id, ada.id, "no such", "", None, "user:1")


@both
def test_two_who_put_the_same_limit_at_once_make_one(core: Core, ada: models.DataSubject) -> None:
    found = at_once(core, [lambda: _restrict(core, ada)] * 2)
    assert {getattr(one, "id", one) for one in found} == {models.SubjectLimit.get().id}


@sqlite_alone
def test_a_restriction_is_told_to_those_who_have_the_data(
    core: Core, connect: Connect, ada: models.DataSubject
) -> None:
    connect("stripe")  # never spoke of Ada
    _restrict(core, ada)
    (row,) = models.Obligation.select()
    assert (row.kind, row.recipient, row.subject_id, row.state) == ("restrict", "shopify", ada.id, "manual")
    told = obligations.target_of(core, row)
    assert told.ids == (str(bodies.shopify_id()),)


@sqlite_alone
@pytest.mark.parametrize(
    "type",
    ["restriction", "sale_opt_out", "sensitive_limit", "tracking_opt_out", "automated_decision_opt_out"],
)
def test_a_request_puts_the_limit_it_asks_for_once(
    core: Core, ada: models.DataSubject, asked: Asked, type: str
) -> None:
    request = asked(type)
    for _ in range(2):
        limiting.fulfil(core, ada.tenant_id, request.id, "user:1")
    (row,) = models.SubjectLimit.select()
    assert (row.kind, row.request_id, row.lifted_at) == (type, request.id, None)


@sqlite_alone
def test_recipients_who_were_told_of_a_restriction_hear_that_it_was_lifted(
    core: Core, connect: Connect, ada: models.DataSubject
) -> None:
    connect("mailchimp").send("profile", bodies.mailchimp("profile", **bodies.member()))
    settle(core)
    _restrict(core, ada)
    row = models.Obligation
    assert {(one.recipient, one.state) for one in row.select()} == {
        ("shopify", "manual"),
        ("mailchimp", "manual"),
    }
    row.update(state="closed", closed_by="user:1").where(row.recipient == "mailchimp").execute()
    _lift(core, ada)
    found = [(one.recipient, one.kind, one.state) for one in row.select().order_by(row.created_at, row.id)]
    assert sorted(found) == [
        ("mailchimp", "lift", "manual"),
        ("mailchimp", "restrict", "closed"),
        ("shopify", "restrict", "closed"),
    ]
    told = models.Notification.select().where(models.Notification.kind == "obligation.manual")
    (one,) = [one for one in told if "use again" in one.body]
    assert one.entity_id == row.get(row.kind == "lift").id
    assert row.get(row.recipient == "shopify").reason == "the restriction was lifted"


@sqlite_alone
def test_recipients_hear_of_an_opt_out_from_sale_and_of_no_other(
    core: Core, ada: models.DataSubject, asked: Asked
) -> None:
    limiting.put(core, ada.tenant_id, ada.id, "tracking_opt_out", "", None, "user:1")
    assert models.Obligation.select().count() == 0
    request = asked("sale_opt_out")
    limiting.fulfil(core, ada.tenant_id, request.id, "user:1")
    (owed,) = models.Obligation.select()
    assert (owed.kind, owed.state, owed.recipient) == ("opt_out", "manual", "shopify")
    assert (owed.request_id, bool(obligations.target_of(core, owed).ids)) == (request.id, True)
    told = models.Notification.get(models.Notification.kind == "obligation.manual")
    assert "sell and share no more of what it has of a person (11 CCR 7026(f))" in told.body


@sqlite_alone
def test_whoever_heard_of_an_opt_out_hears_that_it_was_lifted(core: Core, ada: models.DataSubject) -> None:
    row = models.Obligation
    limiting.put(core, ada.tenant_id, ada.id, "sale_opt_out", "", None, "user:1")
    row.update(state="closed", closed_by="user:1", finished_at=core.clock()).execute()
    limiting.lift(core, ada.tenant_id, ada.id, "sale_opt_out", "", "user:1")
    assert [(one.kind, one.state) for one in row.select().order_by(row.created_at)] == [
        ("opt_out", "closed"),
        ("lift", "manual"),
    ]


@sqlite_alone
def test_whoever_was_never_told_of_an_opt_out_needn_t_hear_that_it_is_over(
    core: Core, ada: models.DataSubject
) -> None:
    limiting.put(core, ada.tenant_id, ada.id, "sale_opt_out", "", None, "user:1")
    limiting.lift(core, ada.tenant_id, ada.id, "sale_opt_out", "", "user:1")
    (owed,) = models.Obligation.select()
    assert (owed.kind, owed.state, owed.reason) == ("opt_out", "closed", "the opt-out was lifted")
    assert (owed.target_sealed, owed.finished_at is None) == (None, False)


@sqlite_alone
def test_opting_in_again_lifts_the_opt_out(core: Core, ada: models.DataSubject, asked: Asked) -> None:
    limiting.fulfil(core, ada.tenant_id, asked("sale_opt_out").id, "user:1")
    request = asked("sale_opt_in")
    for _ in range(2):
        limiting.fulfil(core, ada.tenant_id, request.id, "user:1")
    assert models.SubjectLimit.get().lifted_by == "user:1"


@sqlite_alone
def test_a_withdrawal_holds_for_every_purpose_or_those_named_against_older_news(
    core: Core, shopify: Sender, ada: models.DataSubject, asked: Asked
) -> None:
    shopify.send(CONSENT, bodies.email_consent("subscribed", "2026-03-01T09:00:00Z"))
    settle(core)
    request = asked("consent_withdrawal")
    limiting.fulfil(core, ada.tenant_id, request.id, "user:1", ["no such purpose"])
    assert _held()[MARKETING, "email"] == "granted"
    limiting.fulfil(core, ada.tenant_id, request.id, "user:1")
    assert _held()[MARKETING, "email"] == "withdrawn"
    row = models.ConsentCurrent.get(models.ConsentCurrent.purpose == MARKETING)
    assert (row.source, row.evidence) == ("rights_request", {"request": request.id})
    count = models.Consent.select().count()
    shopify.send(CONSENT, bodies.email_consent("subscribed", "2026-03-01T18:00:00Z"))
    shopify.send(
        "customers_marketing_consent/update", bodies.sms_consent("subscribed", "2026-03-01T18:00:00Z")
    )
    settle(core)
    limiting.fulfil(core, ada.tenant_id, request.id, "user:1")
    assert models.Consent.select().count() == count


@sqlite_alone
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"state": "received"}, "is received"),
        ({"verified_at": None}, "proven"),
        ({"type": "access"}, "asks for"),
    ],
)
def test_only_a_proven_request_that_is_worked_on_puts_a_limit(
    core: Core, ada: models.DataSubject, asked: Asked, changes: dict[str, object], says: str
) -> None:
    request = asked("restriction", **changes)
    with pytest.raises(Conflict, match=says):
        limiting.fulfil(core, ada.tenant_id, request.id, "user:1")
    assert models.SubjectLimit.select().count() == 0
