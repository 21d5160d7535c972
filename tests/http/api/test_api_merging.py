"""Merging through the API: two data subjects become one, and two again."""

from __future__ import annotations

from callers import Caller

REASON = {"reason": "the same person, as her letter says"}


def people(api: Caller) -> tuple[str, str]:
    first = api.post("/api/v1/data-subjects", {"email": "one@example.com", "name": "One"}).json()["id"]
    second = api.post("/api/v1/data-subjects", {"external_ids": {"crm": "2"}, "name": "Two"}).json()["id"]
    return first, second


def test_two_are_merged_and_taken_apart_again(api: Caller) -> None:
    first, second = people(api)
    made = api.post(f"/api/v1/data-subjects/{first}/merge", {"other": second, **REASON})
    assert made.status_code == 201
    assert (made.json()["kept_id"], made.json()["gone_id"]) == (first, second)
    found = api.post("/api/v1/data-subjects/lookup", {"external_id": {"crm": "2"}}).json()
    assert found["id"] == first
    assert api.get(f"/api/v1/data-subjects/{second}").json()["merged_into"] == first
    undone = api.post(f"/api/v1/data-subjects/{second}/unmerge", REASON)
    assert undone.status_code == 200
    assert undone.json()["undone_at"] is not None
    assert api.post("/api/v1/data-subjects/lookup", {"external_id": {"crm": "2"}}).json()["id"] == second
    again = api.post(f"/api/v1/data-subjects/{second}/unmerge", REASON)
    assert again.status_code == 409


def test_the_timeline_of_the_survivor_has_what_happened_to_both(api: Caller) -> None:
    first, second = people(api)
    activity = {"activity_type": "order", "legal_basis": "contract", "purpose": "order fulfilment"}
    for one in (first, second):
        api.post("/api/v1/processing-activities", {**activity, "subject_id": one})
    api.post(f"/api/v1/data-subjects/{first}/merge", {"other": second, **REASON})
    path = f"/api/v1/data-subjects/{first}/timeline"
    assert [one["kind"] for one in api.listed(path)].count("processing_activity") == 2


def test_a_conflict_is_listed_and_decided_once(api: Caller) -> None:
    first, second = people(api)
    api.post("/api/v1/data-subjects", {"email": "one@example.com", "external_ids": {"crm": "2"}})
    [conflict] = api.listed("/api/v1/link-conflicts")
    assert {conflict["subject_id"], conflict["other_subject_id"]} == {first, second}
    path = f"/api/v1/link-conflicts/{conflict['id']}"
    assert api.get(path).json() == conflict
    assert api.post(f"{path}/keep-apart", {}).status_code == 422
    decided = api.post(f"{path}/keep-apart", REASON).json()
    assert decided["state"] == "kept_apart"
    assert decided["decided_by"].startswith("key:")
    assert api.post(f"{path}/merge", {"kept_id": first, **REASON}).status_code == 409
    assert api.listed("/api/v1/link-conflicts") == []
    [row] = api.get("/api/v1/link-conflicts?state=kept_apart").json()["items"]
    assert row["id"] == conflict["id"]


def test_a_merge_that_cant_be_says_why(api: Caller) -> None:
    first, second = people(api)
    path = f"/api/v1/data-subjects/{first}/merge"
    assert api.post(path, {"other": first, **REASON}).status_code == 422
    nobody = "919108f7-52d1-4320-9bac-f847db4148a8"
    assert api.post(path, {"other": nobody, **REASON}).status_code == 404
    api.post(f"/api/v1/data-subjects/{second}/legal-holds", {"reason": "a lawsuit"})
    refused = api.post(path, {"other": second, **REASON})
    assert refused.status_code == 409
    assert "legal hold" in refused.json()["detail"]
    assert "lawsuit" not in refused.text
