"""Events on the dashboard: what failed and why, its path, replay and discard by forms of one's own."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flow import Sender, customer
from visitors import BOTH, Visitor

from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.services import tenants
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

WHY = "The body does not have the shape of its Shopify topic."


@pytest.fixture
def failed(core: Core, tenant: NewTenant, drain: Callable[[], int]) -> models.Event:
    """A delivery that can't be read, given up by the engine."""
    sent = Sender(core, tenant.controller.id).send("customers/update", {"error": "not a customer"})
    drain()
    return models.Event.get(id=sent.event_id)


def again(event: models.Event) -> models.Event:
    return models.Event.get(id=event.id)


def test_failed_events_are_listed_with_their_error_and_trust(dpo: Visitor, failed: models.Event) -> None:
    dpo.get("/dashboard/events?state=failed")
    for words in ("customers/update", "Shopify, signed", "Read the delivery", WHY, "Replay"):
        assert words in dpo.text
    assert f'href="/dashboard/events/{failed.id}"' in dpo.page.text


def test_without_failures_the_list_says_what_it_is_for(dpo: Visitor) -> None:
    dpo.get("/dashboard/events?state=failed")
    assert "Nothing has failed" in dpo.text


@BOTH
def test_replaying_from_the_list_confirms_and_stays_there(dpo: Visitor, failed: models.Event) -> None:
    page = "/dashboard/events?state=failed"
    dpo.get(page)
    dpo.post(f"/dashboard/events/{failed.id}/replay", {"back": page})
    assert dpo.page.url.endswith(page)
    assert "Replayed. It runs again from the step where it stopped." in dpo.text
    assert again(failed).state == "received"
    assert "Replayed." not in dpo.get(page).text, "it is said once"


@BOTH
def test_a_replayed_event_shows_both_tries_and_who_asked(
    dpo: Visitor, failed: models.Event, drain: Callable[[], int]
) -> None:
    address = f"/dashboard/events/{failed.id}"
    dpo.get(address)
    dpo.post(f"{address}/replay", {"back": address})
    assert "Waits for a worker." in dpo.text
    drain()
    dpo.get(address)
    assert dpo.text.count(f"Attempt 1: {WHY}") == 2
    assert "By you." in dpo.text


def test_an_events_page_says_what_went_wrong_and_what_to_do(dpo: Visitor, failed: models.Event) -> None:
    dpo.get(f"/dashboard/events/{failed.id}")
    assert "“Read the delivery” went wrong" in dpo.text
    assert "stopped after attempt 1 of 8. Mend the cause first, then replay" in dpo.text
    detail = re.search(r"<details>(?s:.*?)</details>", dpo.page.text)
    assert detail is not None
    assert "webhook.extract" in detail[0]


def test_an_error_of_unknown_kind_is_told_in_plain_words(dpo: Visitor, failed: models.Event) -> None:
    text = "unexpected KeyError; the process log has where it happened"
    models.Event.update(error=text, attempts=8).where(models.Event.id == failed.id).execute()
    dpo.get(f"/dashboard/events/{failed.id}")
    assert "dxflow met an error it doesn't know." in dpo.text
    assert "All 8 attempts failed." in dpo.text


@BOTH
def test_a_done_event_shows_its_path_and_what_it_left_behind(
    dpo: Visitor, core: Core, tenant: NewTenant, drain: Callable[[], int]
) -> None:
    sent = Sender(core, tenant.controller.id).send("customers/create", customer(7))
    drain()
    dpo.get(f"/dashboard/events/{sent.event_id}")
    stops = re.findall(
        r'<li class="(?:good|bad|live|warn|quiet)"(?s:.*?)<p class="title">([^<]+)', dpo.page.text
    )
    assert [stop.strip() for stop in stops] == [
        "Received",
        "Read the delivery",
        "Find the data subject",
        "Log the processing activity",
        "Done",
    ]
    activity = models.ProcessingActivity.get(event_id=sent.event_id)
    assert activity.did in dpo.text
    assert models.DataSubject.get(id=activity.subject_id).did in dpo.text
    assert "Registered, log entry" in dpo.text
    assert "person7@shop.example" not in dpo.page.text


def test_a_retrying_event_says_when_it_is_tried_again(dpo: Visitor, core: Core, failed: models.Event) -> None:
    due = core.clock() + timedelta(minutes=5, seconds=30)
    models.Event.update(state="retrying", attempts=3, due_at=due).where(
        models.Event.id == failed.id
    ).execute()
    dpo.get(f"/dashboard/events/{failed.id}")
    assert "Attempt 3 of 8 failed. The next one is due in 5 minutes" in dpo.text


@BOTH
def test_discarding_takes_a_reason_that_stays(dpo: Visitor, failed: models.Event) -> None:
    dpo.get(f"/dashboard/events/{failed.id}")
    dpo.post(f"/dashboard/events/{failed.id}/discard", {"reason": "a test of the shop's own"})
    assert "Discarded. The reason stays with the event." in dpo.text
    assert "Reason: a test of the shop's own" in dpo.text
    assert again(failed).state == "discarded"


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_a_discard_without_a_fit_reason_brings_the_form_back(
    dpo: Visitor, failed: models.Event, reason: str
) -> None:
    dpo.get(f"/dashboard/events/{failed.id}")
    dpo.post(f"/dashboard/events/{failed.id}/discard", {"reason": reason})
    assert dpo.page.status_code == 422
    assert "The reason must have 1 to 500 characters." in dpo.text
    assert again(failed).state == "failed"


def test_replaying_what_has_moved_since_is_a_page_not_a_change(dpo: Visitor, failed: models.Event) -> None:
    dpo.get(f"/dashboard/events/{failed.id}")
    models.Event.update(state="done").where(models.Event.id == failed.id).execute()
    dpo.post(f"/dashboard/events/{failed.id}/replay")
    assert dpo.page.status_code == 409
    assert "This event is done; only failed and discarded ones can be replayed." in dpo.text


@pytest.mark.parametrize("token", ["", "wrong", "é"])
@pytest.mark.parametrize("act", ["replay", "discard"])
def test_a_form_without_the_sessions_token_changes_nothing(
    dpo: Visitor, failed: models.Event, act: str, token: str
) -> None:
    dpo.post(f"/dashboard/events/{failed.id}/{act}", {"csrf": token, "reason": "because"})
    assert dpo.page.status_code == 403
    assert again(failed).state == "failed"


def test_a_form_sent_by_another_site_changes_nothing(dpo: Visitor, failed: models.Event) -> None:
    dpo.get("/dashboard/events")
    dpo.post(f"/dashboard/events/{failed.id}/replay", headers={"Sec-Fetch-Site": "cross-site"})
    assert dpo.page.status_code == 403
    assert again(failed).state == "failed"


def test_a_form_of_nobodys_leads_to_the_sign_in_page(visitor: Visitor, failed: models.Event) -> None:
    form = {"back": "/dashboard/events?state=failed"}
    answer = visitor.post(f"/dashboard/events/{failed.id}/replay", form, follow=False)
    assert answer.headers["Location"].endswith("/sign-in?next=%2Fdashboard%2Fevents%3Fstate%3Dfailed")
    assert again(failed).state == "failed"


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.MEMBER])
def test_who_may_only_look_is_offered_nothing_and_can_do_nothing(
    sign_in_as: Callable[[Role], Visitor], failed: models.Event, role: Role
) -> None:
    reader = sign_in_as(role)
    reader.get(f"/dashboard/events/{failed.id}")
    assert WHY in reader.text
    assert "/replay" not in reader.page.text
    for act in ("replay", "discard"):
        reader.get("/dashboard/")
        reader.post(f"/dashboard/events/{failed.id}/{act}", {"reason": "because"})
        assert reader.page.status_code == 403
    assert again(failed).state == "failed"


def test_another_controllers_event_is_a_page_that_isnt_there(
    dpo: Visitor, core: Core, drain: Callable[[], int]
) -> None:
    other = tenants.create(core, "Other Shop", "FR").controller
    sent = Sender(core, other.id).send("customers/update", {"error": "not a customer"})
    drain()
    token = dpo.get("/dashboard/")
    assert token.status_code == 200
    assert dpo.get(f"/dashboard/events/{sent.event_id}").status_code == 404
    dpo.get("/dashboard/")
    assert dpo.post(f"/dashboard/events/{sent.event_id}/replay").status_code == 404
    assert sent.event_id not in dpo.get("/dashboard/events").text


@BOTH
def test_a_long_list_goes_on_by_a_link(
    dpo: Visitor, core: Core, tenant: NewTenant, drain: Callable[[], int]
) -> None:
    sender = Sender(core, tenant.controller.id)
    for number in range(60):
        sender.send("customers/update", {"error": number})
    drain()
    dpo.get("/dashboard/events?state=failed")
    first = set(re.findall(r"/dashboard/events/([0-9a-f-]{36})\"", dpo.page.text))
    older = re.search(r'href="([^"]+)" rel="next"', dpo.page.text)
    assert older is not None
    dpo.get(older[1].replace("&amp;", "&"))
    second = set(re.findall(r"/dashboard/events/([0-9a-f-]{36})\"", dpo.page.text))
    assert (len(first), len(second), len(first & second)) == (50, 10, 0)
    assert 'rel="next"' not in dpo.page.text


@pytest.mark.parametrize(
    "query", ["state=nonsense", "before=x&state=failed", "before=99999999999999999999999"]
)
def test_an_address_with_nonsense_in_it_is_answered_as_a_page(dpo: Visitor, query: str) -> None:
    answer = dpo.get(f"/dashboard/events?{query}")
    assert answer.status_code in (200, 422)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
