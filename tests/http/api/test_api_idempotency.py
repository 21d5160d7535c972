"""``Idempotency-Key``: a POST that is sent again does nothing twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from callers import Caller
from flow import HandClock
from requests import Response

from dxflow.engine.core import Core
from dxflow.engine.errors import Conflict
from dxflow.engine.services import idempotency
from dxflow.engine.services.idempotency import Claim
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

ACTIVITIES = "/api/v1/processing-activities"
ORDER = {"activity_type": "order", "legal_basis": "contract", "purpose": "order fulfilment"}


def sent(caller: Caller, key: str, body: object = None, path: str = ACTIVITIES) -> Response:
    return caller.post(path, ORDER if body is None else body, headers={"Idempotency-Key": key})


def counted() -> tuple[int, int]:
    return models.ProcessingActivity.select().count(), models.AuditEntry.select().count()


def test_the_same_request_gets_the_same_answer_and_happens_once(api: Caller) -> None:
    first = sent(api, "one")
    after_first = counted()
    again = sent(api, "one", dict(reversed(ORDER.items())))  # the order of members means nothing in JSON
    assert (again.status_code, again.text) == (first.status_code, first.text)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    assert "Idempotency-Replayed" not in first.headers
    assert counted() == after_first


def test_without_a_key_or_with_another_it_happens_again(api: Caller) -> None:
    answers = [sent(api, "one"), sent(api, "two"), api.post(ACTIVITIES, ORDER), api.post(ACTIVITIES, ORDER)]
    assert len({answer.json()["id"] for answer in answers}) == 4


def test_a_key_is_good_for_one_request_only(api: Caller) -> None:
    sent(api, "one")
    for body, path in (
        ({**ORDER, "purpose": "else"}, ACTIVITIES),
        ({"email": "a@example.com"}, "/api/v1/data-subjects"),
    ):
        answer = sent(api, "one", body, path)
        assert answer.status_code == 409
        assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


def test_another_tenants_key_of_the_same_name_is_another_key(api: Caller, stranger: Caller) -> None:
    assert sent(api, "one").json()["id"] != sent(stranger, "one").json()["id"]


def test_a_refused_request_leaves_its_key_free(api: Caller) -> None:
    foreign = {**ORDER, "subject_id": "919108f7-52d1-4320-9bac-f847db4148a8"}
    assert sent(api, "one", foreign).status_code == 404
    assert sent(api, "one").status_code == 201


def test_while_the_first_is_being_answered_the_second_is_told_to_wait(
    api: Caller, core: Core, tenant: NewTenant, clock: HandClock
) -> None:
    tenant_id, body = tenant.controller.id, _body(api)
    request = idempotency.fingerprint(core, tenant_id, "POST", ACTIVITIES, body)
    held = idempotency.claim(core, tenant_id, "one", request)
    assert isinstance(held, Claim)
    assert sent(api, "one").status_code == 409
    clock.forward(idempotency.PATIENCE.total_seconds())  # its process must have died
    assert sent(api, "one").status_code == 201
    with pytest.raises(Conflict), core.store.transaction():
        idempotency.keep(core, held, 201, "{}")  # and if it hasn't, it can't commit any more


def _body(api: Caller) -> str:
    from dxflow.http.api.activities import NewActivity

    return NewActivity.model_validate(ORDER).model_dump_json()


def test_many_at_once_happen_once(api: Caller) -> None:
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: sent(api, "one"), range(6)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert len(made) == 1
    assert counted()[0] == 1


def test_an_answer_is_kept_for_a_day_and_then_forgotten(api: Caller, core: Core, clock: HandClock) -> None:
    first = sent(api, "one")
    clock.forward(idempotency.KEPT_FOR.total_seconds() - 60)
    assert sent(api, "one").json() == first.json()
    assert idempotency.forget(core) == 0
    clock.forward(120)
    assert sent(api, "one").json()["id"] != first.json()["id"]
    clock.forward(idempotency.KEPT_FOR.total_seconds() + 60)
    assert idempotency.forget(core) == 1
    assert models.IdempotencyKey.select().count() == 0


@pytest.mark.parametrize("key", ["a" * 256, "é", "a\tb"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_key_that_cannot_be_is_refused(api: Caller, key: str) -> None:
    answer = api.post(ACTIVITIES, ORDER, headers={"Idempotency-Key": key.encode()})
    assert answer.status_code == 422


def test_a_question_is_asked_again_so_that_its_answer_need_not_be_kept(api: Caller) -> None:
    api.post("/api/v1/data-subjects", {"email": "ada@example.com", "name": "Ada"})
    asked = {"email": "ada@example.com"}
    first = sent(api, "one", asked, "/api/v1/data-subjects/lookup")
    again = sent(api, "one", asked, "/api/v1/data-subjects/lookup")
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (first.json(), "true")
    assert sent(api, "one", {"email": "b@example.com"}, "/api/v1/data-subjects/lookup").status_code == 409


def test_neither_keys_nor_answers_are_kept_readable(api: Caller) -> None:
    sent(api, "grace@example.com")
    row: Any = models.IdempotencyKey.get()
    assert "grace" not in row.key
    assert b"order" not in bytes(row.response_sealed)


def test_a_bulk_replay_and_a_post_without_body_take_keys_too(api: Caller) -> None:
    first = sent(api, "one", {"state": "failed"}, "/api/v1/events/replay")
    again = sent(api, "one", {"state": "failed"}, "/api/v1/events/replay")
    assert (first.json(), again.headers["Idempotency-Replayed"]) == (again.json(), "true")
    missing = "/api/v1/notifications/919108f7-52d1-4320-9bac-f847db4148a8/read"
    assert api.post(missing, headers={"Idempotency-Key": "two"}).status_code == 404
    assert api.post(missing, headers={"Idempotency-Key": "two"}).status_code == 404
