"""Processing activities at the dashboard: searched by what was done and why, drawn by day, with proofs."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from visitors import BOTH, Visitor

from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.platforms.base import Person
from dxflow.engine.services import tenants
from dxflow.engine.services.subjects import activities, activity_log, subjects
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

Record = Callable[..., models.ProcessingActivity]


@pytest.fixture
def record(core: Core, tenant: NewTenant) -> Record:
    """Records an activity, so many days ago."""

    def make(
        kind: str = "order",
        basis: str = "contract",
        purpose: str = "order fulfilment",
        days: int = 0,
        **more: object,
    ) -> models.ProcessingActivity:
        made = activities.record(
            core, tenant.controller.id, "key:1", activity_type=kind, legal_basis=basis, purpose=purpose,
            fields=["email"], **more,  # type: ignore[arg-type]
        )  # fmt: skip
        if days:
            row = models.ProcessingActivity
            at = core.clock() - timedelta(days=days)
            row.update(created_at=at).where(row.id == made.id).execute()
        return made

    return make


def listed(visitor: Visitor) -> list[str]:
    return re.findall(r'class="subject" href="[^"]+">([^<]+)', visitor.page.text)


@BOTH
def test_the_log_is_filtered_by_what_was_done_why_and_when(dpo: Visitor, record: Record) -> None:
    record("order"), record("marketing_profile", "consent", "direct marketing")
    record("subscription", days=5), record("ancient_order", days=40)
    for query, expected in (
        ("", ["Marketing profile", "Order", "Subscription", "Ancient order"]),
        ("legal_basis=consent", ["Marketing profile"]),
        ("purpose=order+fulfilment", ["Order", "Subscription", "Ancient order"]),
        ("activity_type=subscription", ["Subscription"]),
        ("source=api&legal_basis=consent", ["Marketing profile"]),
        ("source=nobody", []),
        ("state=pending", ["Marketing profile", "Order", "Subscription", "Ancient order"]),
        ("state=registered", []),
        ("state=nonsense&legal_basis=consent", ["Marketing profile"]),
    ):
        dpo.get(f"/dashboard/activities?{query}")
        assert listed(dpo) == expected, query
    for query in ("from=tomorrow", "to=9999-12-31", "purpose=%00&from=x"):
        assert dpo.get(f"/dashboard/activities?{query}").status_code == 200
        assert "A day is written as 2026-11-30." in dpo.text


def test_days_from_and_to_are_both_included(dpo: Visitor, core: Core, record: Record) -> None:
    record("order"), record("subscription", days=5), record("ancient_order", days=40)
    today = core.clock().date()
    first, last = today - timedelta(days=40), today - timedelta(days=5)
    dpo.get(f"/dashboard/activities?from={first}&to={last}")
    assert listed(dpo) == ["Subscription", "Ancient order"]
    dpo.get(f"/dashboard/activities?to={first}")
    assert listed(dpo) == ["Ancient order"]


def test_bars_show_thirty_days_with_what_they_count_in_words(dpo: Visitor, record: Record) -> None:
    for number in range(7):
        record(purpose=f"purpose {number}", days=number)
    record("marketing_profile", "consent", "purpose 0", days=2), record(days=31)
    dpo.get("/dashboard/activities")
    assert "By legal basis, day by day: contract 7, consent 1." in dpo.page.text
    assert "purpose 0 2" in dpo.page.text
    assert "other 2" in dpo.page.text
    assert dpo.page.text.count("<title>") == 1 + 2 * 30


def test_tiles_count_what_isnt_in_the_log_yet(dpo: Visitor, record: Record, drain: Callable[[], int]) -> None:
    record(), record()
    drain()
    record()
    failed = record()
    row = models.ProcessingActivity
    row.update(registration_state="failed").where(row.id == failed.id).execute()
    dpo.get("/dashboard/activities")
    assert "2 registered in 30 days 0 queued 1 pending 1 failed" in dpo.text


def test_pages_follow_each_other_with_and_without_a_filter(
    dpo: Visitor, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity_log, "WINDOW", 40)
    for number in range(110):
        record("order" if number % 2 else "subscription", days=1)
    for query, wanted in (("", 110), ("activity_type=order", 55)):
        seen, path = list[str](), f"/dashboard/activities?{query}"
        while path:
            dpo.get(path)
            seen += re.findall(r'class="subject" href="([^"]+)"', dpo.page.text)
            following = re.search(r'href="([^"]+)" rel="next"', dpo.page.text)
            path = following[1].replace("&amp;", "&").partition("#")[0] if following else ""
        assert (len(seen), len(set(seen))) == (wanted, wanted), query


def test_a_search_that_isnt_at_the_end_says_how_far_it_came(
    dpo: Visitor, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity_log, "WINDOW", 5)
    for number in range(12):
        record(days=number + 1)
    dpo.get("/dashboard/activities?source=nobody")
    assert "None among those looked through" in dpo.text
    assert "Searched back to what was recorded 5 days ago" in dpo.text
    assert "Search on" in dpo.text


def test_the_number_of_queries_doesnt_grow_with_the_activities(
    record: Record, cost: Callable[[str], int]
) -> None:
    page = "/activities?legal_basis=contract"
    record()
    cost(page)
    before = cost(page)
    for number in range(40):
        record(days=number % 20)
    assert cost(page) <= before + 1


def test_one_activity_says_what_and_why_and_leads_on(
    dpo: Visitor, core: Core, tenant: NewTenant, record: Record, drain: Callable[[], int]
) -> None:
    subject, _ = subjects.enter(core, tenant.controller.id, Person("canary@person.example"), "key:1")
    activity = record(subject_id=subject.id)
    drain()
    dpo.get(f"/dashboard/activities/{activity.id}")
    for words in ("Order fulfilment", "GDPR Art. 6(1)(b)", "email", "Verified by the server"):
        assert words in dpo.text
    assert f"/dashboard/subjects/{subject.id}" in dpo.page.text
    assert "The record above still says what the leaf committed to." in dpo.text
    assert "anary" not in dpo.text


def test_a_record_that_was_changed_afterwards_is_shown_for_what_it_is(
    dpo: Visitor, record: Record, drain: Callable[[], int]
) -> None:
    activity = record()
    drain()
    row = models.ProcessingActivity
    row.update(purpose="something else").where(row.id == activity.id).execute()
    dpo.get(f"/dashboard/activities/{activity.id}")
    assert "The record above was changed since" in dpo.text


def test_a_receipt_that_points_at_another_leaf_doesnt_hold(
    dpo: Visitor, record: Record, drain: Callable[[], int]
) -> None:
    activity = record()
    drain()
    receipt = models.Registration
    receipt.update(log_index=0).where(receipt.activity_id == activity.id).execute()
    dpo.get(f"/dashboard/activities/{activity.id}")
    assert "The proof doesn’t hold" in dpo.text
    assert "speaks of another activity" in dpo.text


def test_a_missing_receipt_and_an_unregistered_activity_say_so(
    dpo: Visitor, record: Record, drain: Callable[[], int]
) -> None:
    activity = record()
    dpo.get(f"/dashboard/activities/{activity.id}")
    assert "There is a proof once it is registered." in dpo.text
    drain()
    models.Registration.delete().execute()
    dpo.get(f"/dashboard/activities/{activity.id}")
    assert "The receipt is missing" in dpo.text


def test_another_controllers_activity_isnt_there(
    sign_in_as: Callable[[Role], Visitor], core: Core, record: Record
) -> None:
    record()
    other = tenants.create(core, "Other Shop", "FR").controller.id
    theirs = activities.record(
        core, other, "key:1", activity_type="secret", legal_basis="consent", purpose="theirs"
    )
    auditor = sign_in_as(Role.AUDITOR)
    auditor.get("/dashboard/activities")
    assert listed(auditor) == ["Order"]
    assert "theirs" not in auditor.text
    assert auditor.get(f"/dashboard/activities/{theirs.id}").status_code == 404
    assert auditor.get("/dashboard/activities/nothing").status_code == 404
