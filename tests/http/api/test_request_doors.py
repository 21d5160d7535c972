"""CSV files and forwarded e-mails through the API."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest
from callers import Caller
from flow import at_once, leaves

from dxflow.engine.core import Core
from dxflow.engine.rights import intake
from dxflow.engine.services.rights import requests as service
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

FILE = "type;email\naccess;ada@person.example\nnonsense;bob@person.example\n"
MESSAGE = (
    "From: Ada Byron <ada@person.example>\nTo: privacy@acme.example\nSubject: Löschung\n"
    "Date: Fri, 27 Feb 2099 10:00:00 +0100\nMessage-ID: <canary-1@person.example>\n"
    "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
    "Bitte löschen Sie meine Daten.\n"
)


def test_a_file_is_tried_then_recorded_then_known(api: Caller) -> None:
    tried = api.post("/api/v1/rights-requests/import", {"csv": FILE, "dry_run": True})
    assert (tried.status_code, tried.json()["recorded"], tried.json()["wrong"]) == (200, 1, 1)
    assert models.RightsRequest.select().count() == 0
    done = api.post("/api/v1/rights-requests/import", {"csv": FILE}).json()
    (row,) = models.RightsRequest.select()
    assert done["rows"][0] == {"row": 2, "ok": True, "id": row.id, "repeated": False, "errors": []}
    (fault,) = done["rows"][1]["errors"]
    assert (done["rows"][1]["id"], fault["field"]) == (None, "type")
    again = api.post("/api/v1/rights-requests/import", {"csv": FILE}).json()
    assert (again["recorded"], again["repeated"], again["rows"][0]["id"]) == (0, 1, row.id)


def test_letters_of_a_program_that_gives_all_of_them_one_id_are_several(api: Caller) -> None:
    ada = MESSAGE.replace("<canary-1@person.example>", "<>")
    bob = ada.replace("ada@person.example", "bob@person.example")
    path = "/api/v1/rights-requests/email"
    taken = [api.post(path, {"message": one}).json() for one in (ada, bob, ada)]
    assert [one["repeated"] for one in taken] == [False, False, True]
    assert taken[0]["id"] == taken[2]["id"] != taken[1]["id"]


def test_a_file_under_one_idempotency_key_is_answered_alike(api: Caller) -> None:
    headers = {"Idempotency-Key": "import-1"}
    answers = [api.post("/api/v1/rights-requests/import", {"csv": FILE}, headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"csv": "shoe size\n44\n"}, 409, "csv"),
        ({"csv": 'type,email\naccess,"a\n'}, 409, "csv"),
        ({"csv": ""}, 422, "csv"),
        ({"csv": FILE, "dry_run": "yes"}, 422, "dry_run"),
        ({}, 422, "csv"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(
    api: Caller, body: dict[str, object], status: int, field: str
) -> None:
    answer = api.post("/api/v1/rights-requests/import", body)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["field"] == field
    assert models.RightsRequest.select().count() == 0


def test_an_e_mail_is_recorded_unproven_with_its_sender_its_time_and_a_suggestion(
    core: Core, tenant: NewTenant, api: Caller
) -> None:
    answer = api.post("/api/v1/rights-requests/email", {"message": MESSAGE})
    assert answer.status_code == 201
    told = answer.json()
    assert (told["type"], told["state"], told["source"]) == ("erasure", "received", "email")
    assert told["received_at"] == "2099-02-27T09:00:00.000Z"
    assert (told["repeated"], told["suggested"], told["forwarded"], told["attachments"]) == (
        False,
        True,
        False,
        0,
    )
    (row,) = models.RightsRequest.select()
    assert (row.verified_at, row.language) == (None, "de")
    assert intake.requester(core, row) == {"email": "ada@person.example", "name": "Ada Byron"}
    assert service.details_of(core, row) == "Subject: Löschung\n\nBitte löschen Sie meine Daten."
    assert "canary" not in str(row.__data__)
    assert "ada@" not in json.dumps(leaves(tenant.controller.id, "rights_request.created"))


def test_the_same_message_is_recorded_once_raw_or_in_base64(core: Core, api: Caller) -> None:
    encoded = base64.b64encode(MESSAGE.encode()).decode()
    calls = [
        lambda body=body: api.post("/api/v1/rights-requests/email", body).json()
        for body in ({"message": MESSAGE}, {"message": encoded}, {"message": MESSAGE, "type": "access"})
    ]
    answers = at_once(core, calls)
    assert models.RightsRequest.select().count() == 1
    assert len({one["id"] for one in answers}) == 1  # type: ignore[index]
    assert sum(not one["repeated"] for one in answers) == 1  # type: ignore[index]


def test_what_the_caller_says_goes_before_what_the_letter_says(api: Caller) -> None:
    said = {"type": "portability", "jurisdiction": "uk", "received_at": "2099-03-01T00:00:00Z"}
    told = api.post("/api/v1/rights-requests/email", {"message": MESSAGE, **said}).json()
    assert (told["type"], told["regime"], told["suggested"]) == ("portability", "uk_gdpr", False)
    assert told["received_at"] == "2099-03-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"message": "nothing at all!"}, 409),
        ({"message": "Subject: no sender\n\ntext"}, 409),
        ({"message": MESSAGE, "type": "nonsense"}, 422),
        ({"message": MESSAGE, "jurisdiction": "nowhere"}, 422),
        ({"message": MESSAGE, "received_at": "2199-03-01T00:00:00Z"}, 409),
        ({"message": ""}, 422),
    ],
)
def test_what_is_no_letter_is_refused_without_a_word_of_it(
    api: Caller, body: dict[str, object], status: int
) -> None:
    answer = api.post("/api/v1/rights-requests/email", body)
    assert answer.status_code == status, answer.text
    assert "ada@" not in answer.text
    assert models.RightsRequest.select().count() == 0


def test_reading_is_not_enough_to_bring_requests_in(
    with_scopes: Callable[..., Caller], anybody: Caller
) -> None:
    for path, body in (("import", {"csv": FILE}), ("email", {"message": MESSAGE})):
        assert with_scopes("read").post(f"/api/v1/rights-requests/{path}", body).status_code == 403
        assert anybody.post(f"/api/v1/rights-requests/{path}", body).status_code == 401
    assert models.RightsRequest.select().count() == 0
