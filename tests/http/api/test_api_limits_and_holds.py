"""Limits and legal holds through the API: who may, what is shown, and that nobody reaches another tenant's."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from callers import Caller

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ADA = {"email": "ada@example.com", "name": "Ada Byron"}
WHY = {"reason": "a claim for damages"}


@pytest.fixture
def ada(api: Caller) -> str:
    """The path of a data subject."""
    return f"/api/v1/data-subjects/{api.post('/api/v1/data-subjects', ADA).json()['id']}"


def test_a_hold_is_placed_listed_and_lifted(api: Caller, ada: str) -> None:
    made = api.post(f"{ada}/legal-holds", WHY)
    assert made.status_code == 201
    assert "reason" not in made.json()
    shown = api.get(made.headers["Location"])
    assert (shown.status_code, shown.json()["reason"]) == (200, WHY["reason"])
    assert api.get(f"{ada}/legal-holds").json()["items"] == [shown.json()]
    lifted = api.post(f"{ada}/legal-holds/{made.json()['id']}/lift")
    assert lifted.status_code == 200
    assert lifted.json()["lifted_by"].startswith("key:")
    assert api.post(f"{ada}/legal-holds/{made.json()['id']}/lift").status_code == 409


def test_holds_take_the_permission_to_erase(with_scopes: Callable[..., Caller], ada: str) -> None:
    for caller in (with_scopes("read"), with_scopes("write")):
        assert caller.post(f"{ada}/legal-holds", WHY).status_code == 403
        assert caller.get(f"{ada}/legal-holds").status_code == 403
    assert with_scopes("admin").post(f"{ada}/legal-holds", WHY).status_code == 201


def test_a_stranger_finds_neither_the_person_nor_their_holds_and_limits(
    api: Caller, stranger: Caller, ada: str
) -> None:
    hold = api.post(f"{ada}/legal-holds", WHY).json()["id"]
    limit = {"kind": "sale_opt_out"}
    assert api.post(f"{ada}/limits", limit).status_code == 200
    for answer in (
        stranger.get(f"{ada}/legal-holds"),
        stranger.get(f"{ada}/legal-holds/{hold}"),
        stranger.post(f"{ada}/legal-holds", WHY),
        stranger.post(f"{ada}/legal-holds/{hold}/lift"),
        stranger.post(f"{ada}/limits", limit),
        stranger.post(f"{ada}/limits/lift", limit),
    ):
        assert answer.status_code == 404, answer.text
    assert api.get(f"{ada}/legal-holds").json()["items"][0]["lifted_at"] is None


def test_a_limit_shows_in_the_persons_record_until_it_is_lifted(api: Caller, ada: str) -> None:
    assert api.get(ada).json()["limits"] == []
    placed = api.post(f"{ada}/limits", {"kind": "objection", "purpose": "direct marketing"}).json()
    assert api.get(ada).json()["limits"] == [placed]
    assert (placed["kind"], placed["purpose"], placed["request_id"]) == (
        "objection",
        "direct marketing",
        None,
    )
    answer = api.post(f"{ada}/limits/lift", {"kind": "objection"})
    assert (answer.status_code, "purpose" in answer.json()["detail"]) == (409, False)
    lifted = api.post(f"{ada}/limits/lift", {"kind": "objection", "purpose": "Direct Marketing"})
    assert lifted.json() == {"released": 0}
    assert api.get(ada).json()["limits"] == []


def test_a_restriction_is_lifted_only_with_the_word_that_the_person_was_told(api: Caller, ada: str) -> None:
    api.post(f"{ada}/limits", {"kind": "restriction"})
    refused = api.post("/api/v1/data-subjects", ADA)
    assert (refused.status_code, "restricted" in refused.json()["detail"]) == (409, True)
    assert api.post(f"{ada}/limits/lift", {"kind": "restriction"}).status_code == 409
    assert api.post(f"{ada}/limits/lift", {"kind": "restriction", "informed": "true"}).status_code == 422
    assert api.post(f"{ada}/limits/lift", {"kind": "restriction", "informed": True}).status_code == 200
    assert api.post("/api/v1/data-subjects", ADA).status_code == 201


@pytest.mark.parametrize("body", [{}, {"kind": "no such"}, {"kind": "restriction", "request_id": "x"}])
def test_a_limit_that_there_is_not_is_refused(api: Caller, ada: str, body: dict[str, str]) -> None:
    answer = api.post(f"{ada}/limits", body)
    assert answer.status_code == 422
    assert api.get(ada).json()["limits"] == []


def test_a_hold_that_nobody_placed_is_not_found(api: Caller, ada: str) -> None:
    for name in (str(uuid4()), "no-uuid"):
        assert api.get(f"{ada}/legal-holds/{name}").status_code == 404
        assert api.post(f"{ada}/legal-holds/{name}/lift").status_code == 404
