"""What all four platforms have in common: refusals, overload, silence, nonsense, and who is gone already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from recipients_servers import Fault, broken, cut, lost, moved, nonsense, slow, too_many
from shopify_server import shopper

from dxflow.engine.errors import PermanentError, TransientError
from dxflow.engine.recipients import RECIPIENTS, Later, Receipt, Target

EMAIL = "ada.kanarie@shop.example"
TARGETS = {
    "shopify": Target(("7064055",)),
    "stripe": Target(("cus_ada",)),
    "mailchimp": Target(("list1:abc",), (EMAIL,), (), ("list1",)),
    "woocommerce": Target(("42",), (EMAIL,)),
}
PLATFORMS = pytest.mark.parametrize("platform", sorted(RECIPIENTS))


def settle_in(server: Any, platform: str) -> None:
    """The person is there."""
    if platform == "shopify":
        server.customers["7064055"] = shopper(email=EMAIL)
    elif platform == "stripe":
        server.customers["cus_ada"] = {"email": EMAIL}
    elif platform == "mailchimp":
        server.join("list1", EMAIL)
    else:
        server.customers["42"] = {"email": EMAIL, "first_name": "Ada"}


@PLATFORMS
def test_right_credentials_pass_the_check_and_leave_no_trace(platform: str, api_of: Any) -> None:
    server, api = api_of(platform)
    RECIPIENTS[platform].check(api)
    assert {call.method for call in server.calls} <= {"GET", "POST"}
    assert len(server.calls) == 1


@PLATFORMS
def test_a_refused_credential_is_named_and_not_tried_again(platform: str, api_of: Any) -> None:
    _, api = api_of(platform)
    wrong = {name: f"wrong-{value}" for name, value in api.credentials.items()}
    refused = type(api)(api.outgoing, api.clock, platform, api.base_url, wrong)
    for call in (RECIPIENTS[platform].check, lambda one: RECIPIENTS[platform].erase(one, TARGETS[platform])):
        with pytest.raises(PermanentError) as caught:
            call(refused)
        assert RECIPIENTS[platform].needs[0] in str(caught.value)
        assert not any(value in str(caught.value) for value in wrong.values())


@PLATFORMS
@pytest.mark.parametrize(
    ("fault", "wait"),
    [
        (too_many(7), 7.0),
        (too_many(None), None),
        (broken(500), None),
        (broken(503), None),
        (cut(), None),
        (nonsense(), None),
    ],
    ids=["429", "429 without a time", "500", "503", "cut off", "200 with a page"],
)
def test_what_may_go_by_is_tried_again(platform: str, fault: Fault, wait: float | None, api_of: Any) -> None:
    server, api = api_of(platform)
    settle_in(server, platform)
    server.faults.append(fault)
    with pytest.raises(TransientError) as caught:
        finish(api, platform)
    assert caught.value.retry_after == wait
    assert EMAIL not in str(caught.value)
    assert isinstance(finish(api, platform), Receipt | Later)


@PLATFORMS
def test_a_platform_that_says_nothing_is_not_waited_for(platform: str, api_of: Any) -> None:
    server, api = api_of(platform)
    server.faults.append(slow(0.5))
    with pytest.raises(TransientError):
        RECIPIENTS[platform].check(api)


@PLATFORMS
def test_a_redirect_is_never_followed(platform: str, api_of: Any) -> None:
    server, api = api_of(platform)
    server.faults.append(moved(server.url + "/elsewhere"))
    with pytest.raises(PermanentError, match="redirect"):
        RECIPIENTS[platform].check(api)
    assert len(server.calls) == 1


@PLATFORMS
def test_who_is_not_there_any_more_counts_as_erased_and_it_is_said(platform: str, api_of: Any) -> None:
    _, api = api_of(platform)
    found = RECIPIENTS[platform].erase(api, TARGETS[platform])
    assert isinstance(found, Receipt)
    assert (found.status, found.remains) == ("gone", None)


@PLATFORMS
def test_a_page_that_says_404_is_no_word_of_the_platforms(platform: str, api_of: Any) -> None:
    server, api = api_of(platform)
    settle_in(server, platform)
    server.faults.append(nonsense(404))
    with pytest.raises((TransientError, PermanentError)):
        finish(api, platform)


@PLATFORMS
@pytest.mark.parametrize("calls_before", [0, 1])
def test_an_answer_that_was_lost_on_the_way_makes_nothing_twice(
    platform: str, calls_before: int, api_of: Any
) -> None:
    server, api = api_of(platform)
    settle_in(server, platform)
    server.faults += [None] * min(calls_before, 0 if platform == "mailchimp" else 1) + [lost()]
    with pytest.raises(TransientError):
        finish(api, platform)
    for _ in range(2):
        assert isinstance(finish(api, platform), Receipt | Later)
    if platform == "stripe":
        assert len(server.jobs) == 1, "one redaction job, however often it was asked for"


@PLATFORMS
def test_nothing_of_the_person_stands_in_a_receipt(platform: str, api_of: Any) -> None:
    server, api = api_of(platform)
    settle_in(server, platform)
    found = finish(api, platform)
    told = str((found.receipt if isinstance(found, Later) else found).as_json())
    target = TARGETS[platform]
    assert not [one for one in (*target.ids, *target.emails) if one in told]


@PLATFORMS
def test_a_missing_credential_is_said_before_anybody_is_asked(platform: str, api_of: Any) -> None:
    server, api = api_of(platform)
    without = type(api)(api.outgoing, api.clock, platform, api.base_url, {})
    with pytest.raises(PermanentError, match="isn't set"):
        RECIPIENTS[platform].check(without)
    assert server.calls == []


@PLATFORMS
def test_private_addresses_are_out_of_reach_by_themselves(platform: str, api_of: Any) -> None:
    from dxflow.engine.outgoing import Outgoing, Refused

    server, api = api_of(platform)
    closed = type(api)(Outgoing(api.clock), api.clock, platform, api.base_url, api.credentials)
    with pytest.raises(Refused):
        RECIPIENTS[platform].check(closed)
    assert server.calls == []


@pytest.mark.parametrize(
    ("platform", "verb", "target"),
    [
        ("shopify", "erase", Target(emails=(EMAIL,))),
        ("shopify", "rectify", Target(emails=(EMAIL,), changes={"name": "Ada K"})),
        ("stripe", "erase", Target(emails=(EMAIL,))),
        ("stripe", "rectify", Target(emails=(EMAIL,), changes={"name": "Ada K"})),
        ("mailchimp", "erase", Target(phones=("+4930998877665",), lists=("list1",))),
        ("mailchimp", "rectify", Target(lists=("list1",), changes={"name": "Ada K"})),
        ("mailchimp", "restrict", Target(lists=("list1",))),
        ("woocommerce", "erase", Target(phones=("+4930998877665",))),
        ("woocommerce", "rectify", Target(phones=("+4930998877665",), changes={"name": "Ada K"})),
    ],
)
def test_who_could_not_be_asked_about_is_not_said_to_be_gone(
    platform: str, verb: str, target: Target, api_of: Any
) -> None:
    server, api = api_of(platform)
    settle_in(server, platform)
    call = RECIPIENTS[platform].verb(verb)
    assert call is not None
    with pytest.raises(PermanentError, match="nothing was asked"):
        call(api, target)


@pytest.mark.parametrize("target", [Target(lists=("list1",)), Target(changes={"name": "Ada"})])
def test_a_list_is_nobody(target: Target) -> None:
    assert target.nobody
    assert not Target(("x",)).nobody


def test_mailchimp_finds_a_member_by_the_id_where_no_address_is_known(api_of: Any) -> None:
    server, api = api_of("mailchimp")
    server.join("list1", EMAIL, unique_email_id="abc")
    server.join("list1", "somebody@else.example", unique_email_id="def")
    erase, target = RECIPIENTS["mailchimp"].erase, Target(("list1:abc",), (), (), ("list1",))
    first, second = erase(api, target), erase(api, target)
    assert isinstance(first, Receipt)
    assert isinstance(second, Receipt)
    assert (first.status, second.status) == ("done", "gone")
    assert [row["email_address"] for row in server.members.values()] == ["somebody@else.example"]


def test_woocommerce_puts_right_whom_it_knows_by_the_address_alone(api_of: Any) -> None:
    server, api = api_of("woocommerce")
    settle_in(server, "woocommerce")
    found = RECIPIENTS["woocommerce"].rectify(api, Target(emails=(EMAIL,), changes={"name": "Ada Lovelace"}))
    assert isinstance(found, Receipt)
    assert (found.status, server.customers["42"]["last_name"]) == ("done", "Lovelace")


def finish(api: Any, platform: str) -> Receipt | Later:
    verb: Callable[..., Receipt | Later] = RECIPIENTS[platform].erase
    return verb(api, TARGETS[platform])
