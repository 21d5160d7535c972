"""The desk through the API: each act a route, refused where the request's state doesn't allow it."""

from __future__ import annotations

import pytest
from callers import Caller

REQUESTS = "/api/v1/rights-requests"
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def asked(api: Caller) -> str:
    """The address of a request's acts."""
    body = {"type": "access", "subject": {"email": "ada@example.com"}, "jurisdiction": "DE"}
    return f"{REQUESTS}/{api.post(REQUESTS, body).json()['id']}/actions"


def test_a_request_says_what_can_be_done_with_it_until_it_is_done(api: Caller, asked: str) -> None:
    way = (
        ("verify", {"reason": "known at the desk"}, "identity_verified"),
        ("collect", None, "data_collection"),
        ("hold", {"reason": "clarification", "question": "Which shop?"}, "on_hold"),
        ("resume", None, "data_collection"),
        ("review", None, "review"),
        ("respond", {"decision": "partly", "message": "Without the letters."}, "response_sent"),
        ("complete", None, "completed"),
    )
    allowed = api.get(asked.removesuffix("/actions")).json()["actions"]
    for act, body, state in way:
        assert act in allowed
        answer = api.post(f"{asked}/{act}", body)
        assert (answer.status_code, answer.json()["state"]) == (200, state), answer.text
        allowed = answer.json()["actions"]
    assert allowed == []
    done = api.get(asked.removesuffix("/actions")).json()
    assert (done["decision"], done["verified_by"]) == ("partly", "manual")
    assert done["closed_at"] >= done["responded_at"]


def test_what_the_state_does_not_allow_is_refused_and_says_what_it_does(api: Caller, asked: str) -> None:
    answer = api.post(f"{asked}/complete")
    assert answer.status_code == 409
    assert "allows verify, hold, reject, cancel, not complete" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("act", "body"),
    [
        ("verify", {}),
        ("verify", {"reason": "  "}),
        ("verify", {"reason": "x" * 2001}),
        ("hold", {"reason": "later"}),
        ("reject", {"reason": "because"}),
        ("respond", {"decision": "denied"}),
        ("mark-duplicate", {"of": "7"}),
    ],
)
def test_what_is_said_with_an_act_is_checked(api: Caller, asked: str, act: str, body: dict[str, str]) -> None:
    answer = api.post(f"{asked}/{act}", body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_denial_takes_a_reason_of_the_list_and_the_person_is_told(api: Caller, asked: str) -> None:
    answer = api.post(f"{asked}/reject", {"reason": "no_match", "explanation": "We looked everywhere."})
    assert (answer.json()["state"], answer.json()["denial_reason"]) == ("rejected", "no_match")
    assert "everywhere" not in answer.text
    assert api.post(f"{asked}/reopen", {"reason": "found"}).json()["state"] == "received"


def test_who_cant_be_written_to_is_told_otherwise_or_not_at_all(api: Caller) -> None:
    body = {"type": "access", "subject": {"phone": "+4930123456"}, "jurisdiction": "DE"}
    asked = f"{REQUESTS}/{api.post(REQUESTS, body).json()['id']}/actions"
    refused = api.post(f"{asked}/extend", {"reason": "many systems"})
    assert (refused.status_code, "told_otherwise" in refused.json()["detail"]) == (409, True)
    told = {"told_otherwise": "by telephone"}
    assert api.post(f"{asked}/extend", {"reason": "many systems", **told}).status_code == 200
    held = api.post(f"{asked}/hold", {"reason": "identity", "question": "Which number?", **told})
    assert held.json()["state"] == "on_hold"
    assert api.post(f"{asked}/reject", {"reason": "no_match", **told}).json()["state"] == "rejected"


def test_repeated_with_the_same_key_an_act_is_done_once(api: Caller, asked: str) -> None:
    body, key = {"reason": "known"}, {"Idempotency-Key": "verify-1"}
    first, second = (api.post(f"{asked}/verify", body, headers=key) for _ in range(2))
    assert first.json() == second.json()


def test_who_may_only_look_works_on_none(api: Caller, asked: str) -> None:
    body = {"name": "reader", "scopes": ["read"]}
    reader = Caller(api.base, api.post("/api/v1/api-keys", body).json()["api_key"])
    assert reader.post(f"{asked}/verify", {"reason": "me"}).status_code == 403


def test_whom_a_request_is_about_is_said_by_id(api: Caller) -> None:
    ada = api.post("/api/v1/data-subjects", {"email": "ada@example.com"}).json()["id"]
    body = {"type": "access", "subject": {"email": "new@example.com"}, "jurisdiction": "DE"}
    request = api.post(REQUESTS, body).json()["id"]
    nobody = api.post(f"{REQUESTS}/{request}/actions/match", {"subject_id": request})
    assert (nobody.status_code, nobody.json()["errors"][0]["field"]) == (404, "subject_id")
    answer = api.post(f"{REQUESTS}/{request}/actions/match", {"subject_id": ada})
    assert (answer.status_code, answer.json()["subject_id"]) == (200, ada)


def test_access_without_a_package_says_how_the_person_got_it(api: Caller, asked: str) -> None:
    for act, body in (("verify", {"reason": "known"}), ("collect", None), ("review", None)):
        assert api.post(f"{asked}/{act}", body).status_code == 200
    answer = api.post(f"{asked}/respond", {"decision": "fulfilled"})
    assert answer.status_code == 409
    assert "no package" in answer.json()["detail"]
    body = {"decision": "fulfilled", "told_otherwise": "Handed over in the shop."}
    assert api.post(f"{asked}/respond", body).json()["state"] == "response_sent"
