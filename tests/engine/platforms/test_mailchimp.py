from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from dxflow.engine.errors import Malformed, NotAuthentic, PermanentError
from dxflow.engine.platforms import get
from dxflow.engine.platforms.base import Change, Person, Trust

FIRED = datetime(2026, 3, 26, 21, 35, 57, tzinfo=UTC)
MEMBER = {
    "data[id]": "8a25ff1d98",
    "data[list_id]": "a6b5da1054",
    "data[email]": "ada@example.com",
    "data[merges][EMAIL]": "ada@example.com",
    "data[merges][FNAME]": "Ada",
    "data[merges][LNAME]": "Byron",
    "data[merges][PHONE]": "",
    "data[ip_opt]": "192.0.2.1",
}
MEMBER_ID = (("mailchimp", "a6b5da1054:8a25ff1d98"),)


def form(kind: str, fields: dict[str, str]) -> bytes:
    return urlencode({"type": kind, "fired_at": "2026-03-26 21:35:57", **fields}).encode()


@pytest.fixture
def audience(sender):
    return sender("mailchimp")


@pytest.mark.parametrize(
    "query",
    [
        "key=a-secret-of-the-platform",
        "secret=a-secret-of-the-platform",
        "key=wrong&secret=a-secret-of-the-platform",
        "key=wrong&key=a%2Dsecret-of-the-platform",
    ],
)
def test_the_secret_may_be_any_value_of_key_or_secret(query, audience):
    delivery = dataclasses.replace(audience.delivery("", form("subscribe", MEMBER)), query=query)
    assert audience.verify(delivery) is Trust.BEARER


@pytest.mark.parametrize(
    "query",
    [
        "",
        "key",
        "key=",
        "token=a-secret-of-the-platform",
        "key=a-secret-of-the-platform2",
        "\ud800",
        "a&" * 2000,
    ],
)
def test_any_other_address_is_refused(query, audience):
    delivery = dataclasses.replace(audience.delivery("", form("subscribe", MEMBER)), query=query)
    with pytest.raises(NotAuthentic):
        audience.verify(delivery)


def test_a_delivery_is_named_by_its_body(audience):
    one = audience.identify("", form("subscribe", MEMBER))
    again = audience.identify("", form("subscribe", MEMBER))
    other = audience.identify("", form("profile", MEMBER))
    assert one.key == again.key != other.key
    assert (one.topic, one.handled) == ("subscribe", True)
    assert one.meta == {"fired_at": "2026-03-26 21:35:57", "list_id": "a6b5da1054"}


@pytest.mark.parametrize("kind", ["campaign", "something-new"])
def test_types_that_concern_no_member_are_left_alone(kind, audience):
    body = form(kind, {"data[list_id]": "a6b5da1054", "data[subject]": "News"})
    assert not audience.identify("", body).handled
    with pytest.raises(PermanentError):
        audience.extract("", body)


@pytest.mark.parametrize("body", [b"", b"{}", b"data[id]=1", b"type=", b"type[x]=subscribe", b"type=%ff"])
def test_a_body_without_a_type_is_malformed(body, audience):
    with pytest.raises(Malformed):
        audience.identify("", body)


def test_subscribing_is_consent(audience):
    found = audience.extract("", form("subscribe", MEMBER))
    (signal,) = found.consents
    assert (signal.purpose, signal.channel, signal.state) == ("direct marketing", "email", "granted")
    assert signal.occurred_at == found.occurred_at == FIRED
    assert signal.evidence == {"type": "subscribe"}
    assert found.person == Person(email="ada@example.com", name="Ada Byron", external_ids=MEMBER_ID)
    assert found.fields == ("email", "ip_address", "name")


@pytest.mark.parametrize("reason", ["manual", "abuse", "hard"])
def test_unsubscribing_withdraws_consent(reason, audience):
    body = form("unsubscribe", {**MEMBER, "data[action]": "unsub", "data[reason]": reason})
    found = audience.extract("", body)
    (signal,) = found.consents
    assert (found.change, signal.state) == (Change.UPSERT, "withdrawn")
    assert signal.evidence == {"type": "unsubscribe", "action": "unsub", "reason": reason}


def test_an_old_unsubscribe_without_an_action_withdraws_too(audience):
    (signal,) = audience.extract("", form("unsubscribe", MEMBER)).consents
    assert signal.state == "withdrawn"


def test_deleting_a_contact_withdraws_nothing(audience):
    body = form("unsubscribe", {**MEMBER, "data[action]": "delete", "data[reason]": "manual"})
    found = audience.extract("", body)
    assert (found.change, found.consents, found.request) == (Change.MATCH_ONLY, (), None)


def test_a_spam_complaint_withdraws_even_when_the_contact_is_deleted(audience):
    body = form("unsubscribe", {**MEMBER, "data[action]": "delete", "data[reason]": "abuse"})
    (signal,) = audience.extract("", body).consents
    assert signal.state == "withdrawn"


def test_a_profile_says_nothing_about_consent(audience):
    found = audience.extract("", form("profile", MEMBER))
    assert (found.change, found.consents) == (Change.UPSERT, ())


def test_a_changed_address_moves_the_member(audience):
    fields = {
        "data[list_id]": "a6b5da1054",
        "data[new_id]": "51da8c3259",
        "data[new_email]": "new@example.com",
        "data[old_email]": "old@example.com",
    }
    found = audience.extract("", form("upemail", fields))
    assert found.change is Change.MOVE
    assert found.person == Person(
        email="new@example.com", external_ids=(("mailchimp", "a6b5da1054:51da8c3259"),)
    )
    assert found.previous == Person(email="old@example.com")
    assert found.consents == ()
    with pytest.raises(PermanentError):
        audience.extract("", form("upemail", {**fields, "data[old_email]": ""}))


@pytest.mark.parametrize("reason", ["hard", "abuse"])
def test_a_bounce_is_no_withdrawal(reason, audience):
    fields = {"data[list_id]": "a6b5da1054", "data[reason]": reason, "data[email]": "ada@example.com"}
    found = audience.extract("", form("cleaned", fields))
    assert (found.change, found.consents) == (Change.MATCH_ONLY, ())
    assert found.person == Person(email="ada@example.com")


def test_only_this_connectors_audience_is_believed(sender):
    assert sender("mailchimp", list_id="a6b5da1054").extract("", form("profile", MEMBER)).person
    with pytest.raises(PermanentError, match="another audience"):
        sender("mailchimp", list_id="ffffffffff").extract("", form("profile", MEMBER))


@pytest.mark.parametrize("missing", ["data[list_id]", "data[email]"])
def test_a_form_without_audience_or_member_is_refused(missing, audience):
    bare = {"data[list_id]": "a6b5da1054", "data[email]": "ada@example.com", missing: ""}
    with pytest.raises(PermanentError):
        audience.extract("", form("subscribe", bare))


def test_a_form_under_another_topic_is_refused(audience):
    with pytest.raises(PermanentError):
        get("mailchimp").extract("subscribe", form("unsubscribe", MEMBER), {}, audience.endpoint)
