"""An answer says what was done: nothing is ``fulfilled`` that wasn't, or that nobody could have got."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flow import HandClock, leaves

from dxflow.engine.core import Core
from dxflow.engine.desk import actions, answering
from dxflow.engine.erasing import erasure
from dxflow.engine.errors import Conflict, Invalid
from dxflow.engine.fulfilment import handover, limiting, package, rectifying
from dxflow.engine.identity.subjects import Origin
from dxflow.engine.platforms.base import Person
from dxflow.engine.rights import limits
from dxflow.engine.services import acts
from dxflow.engine.services.rights import requests
from dxflow.engine.services.subjects import subjects
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

from .conftest import Ask

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def _worked_on(core: Core, request: models.RightsRequest) -> models.RightsRequest:
    if request.verified_at is None:
        actions.verify(core, request.tenant_id, request.id, "user:1", "known at the counter")
    for act in ("collect", "review"):
        actions.step(core, request.tenant_id, request.id, "user:1", act)
    return models.RightsRequest.get_by_id(request.id)


def _answer(core: Core, request: models.RightsRequest, **more: str) -> models.RightsRequest:
    said = {"decision": "fulfilled", **more}
    return answering.respond(core, request.tenant_id, request.id, "user:1", **said)


def _refused(core: Core, request: models.RightsRequest, why: str) -> None:
    """The answer is refused, and nothing of it stays."""
    size = core.log.head(request.tenant_id).size
    with pytest.raises(Conflict, match=why):
        _answer(core, request)
    now = models.RightsRequest.get_by_id(request.id)
    assert (now.state, now.decision, now.responded_at) == ("review", None, None)
    assert core.log.head(request.tenant_id).size == size
    assert not models.Message.select().where(models.Message.kind == "fulfilled").exists()


@pytest.mark.parametrize("type", ["access", "access_categories", "portability"])
def test_access_isnt_fulfilled_without_a_package(core: Core, ask: Ask, type: str) -> None:
    request = _worked_on(core, ask(type))
    _refused(core, request, "no package that could be fetched")
    package.make(core, request.tenant_id, request.id, "user:1")
    assert _answer(core, request).decision == "fulfilled"
    assert models.Message.get(kind="package_ready").request_id == request.id


def test_a_package_that_is_over_is_none(core: Core, clock: HandClock, ask: Ask) -> None:
    request = _worked_on(core, ask())
    clock.now = package.make(core, request.tenant_id, request.id, "user:1").expires_at
    _refused(core, request, "no package that could be fetched")


def test_the_days_of_a_package_begin_with_the_answer(core: Core, clock: HandClock, ask: Ask) -> None:
    request = _worked_on(core, ask())
    made = package.make(core, request.tenant_id, request.id, "user:1")
    assert "expires_at" not in made.manifest
    clock.forward(13 * 86_400)
    answered = _answer(core, request)
    kept = models.Package.get_by_id(made.id).expires_at - answered.responded_at
    assert timedelta(days=14) <= kept < timedelta(days=14, seconds=1)


def test_a_package_that_nobody_can_be_written_about_is_handed_over_otherwise(
    core: Core, tenant: NewTenant, ask: Ask
) -> None:
    """Her address came on file after she had asked: it proves nothing, and no code goes there."""
    ask()
    mine = tenant.controller.id
    person = core.subjects.find(mine, Person(email="ada@shop.example"))
    assert person is not None
    made = requests.create(core, mine, "system", "access", Person(name="Ada"), jurisdiction="DE")
    models.RightsRequest.update(
        subject_id=person.id, received_at=person.created_at - timedelta(days=1)
    ).where(models.RightsRequest.id == made.id).execute()
    request = _worked_on(core, models.RightsRequest.get_by_id(made.id))
    package.make(core, mine, request.id, "user:1")
    _refused(core, request, "no address of this person was on file")
    _answer(core, request, told_otherwise="Handed over on a stick, in the shop.")
    [entry] = [one for one in leaves(mine, "rights_request.moved") if one["move"] == "respond"]
    assert "stick" not in str(entry)
    found = acts.opened(core, mine, int(str(entry["seq"]))).changed
    assert found is not None
    assert found["told_otherwise"] == "Handed over on a stick, in the shop."


def test_what_isnt_a_decision_or_too_long_is_refused(core: Core, ask: Ask) -> None:
    request = _worked_on(core, ask())
    with pytest.raises(Invalid, match="deny with reject"):
        _answer(core, request, decision="denied")
    with pytest.raises(Invalid, match="2001 characters"):
        _answer(core, request, told_otherwise="x" * 2001)


@pytest.mark.parametrize(
    "type",
    ["restriction", "objection", "sale_opt_out", "sale_opt_in", "consent_withdrawal", "sensitive_limit",
     "tracking_opt_out", "automated_decision_opt_out"],
)  # fmt: skip
def test_what_is_to_be_put_in_force_is_before_it_is_said_to_be(core: Core, ask: Ask, type: str) -> None:
    request = _worked_on(core, ask(type, "US-CA" if "sale" in type else "DE"))
    _refused(core, request, "fulfil it first")
    for _ in range(2):
        limiting.fulfil(core, request.tenant_id, request.id, "user:1")
    assert len(leaves(request.tenant_id, "rights_request.fulfilled")) == 1
    assert _answer(core, request).decision == "fulfilled"


def test_a_limit_that_was_put_by_hand_for_the_request_counts(core: Core, ask: Ask) -> None:
    request = _worked_on(core, ask("restriction"))
    subject = str(request.subject_id)
    limiting.put(core, request.tenant_id, subject, "restriction", "", request.id, "user:1")
    assert _answer(core, request).decision == "fulfilled"


@pytest.mark.parametrize("name", ["Ada Lovelace", "Ada"])
def test_what_is_to_be_put_right_is_or_was_already(core: Core, ask: Ask, name: str) -> None:
    request = _worked_on(core, ask("rectification"))
    _refused(core, request, "rectify it first")
    rectifying.rectify(core, request.tenant_id, request.id, "user:1", {"name": name})
    assert _answer(core, request).decision == "fulfilled"


def test_nobody_is_told_of_an_erasure_that_wasnt(core: Core, ask: Ask) -> None:
    request = _worked_on(core, ask("erasure"))
    _refused(core, request, "nobody was erased")
    erasure.erase(core, request.tenant_id, str(request.subject_id), "system", reason="request")
    assert models.RightsRequest.get().state == "completed", "the erasure itself answered it"


@pytest.mark.parametrize("type", ["access", "erasure", "restriction", "rectification"])
def test_a_part_is_said_in_words(core: Core, ask: Ask, type: str) -> None:
    request = _worked_on(core, ask(type))
    assert _answer(core, request, decision="partly", message="Not the letters.").decision == "partly"


@pytest.mark.parametrize("act", ["cancel", "reject"])
def test_a_request_that_ends_without_an_answer_takes_its_package_along(
    core: Core, ask: Ask, act: str
) -> None:
    request = _worked_on(core, ask())
    made = package.make(core, request.tenant_id, request.id, "user:1")
    reason = ("suspected_fraud",) if act == "reject" else ()
    getattr(actions, act)(core, request.tenant_id, request.id, "user:1", *reason)
    row = models.Package.get_by_id(made.id)
    assert (row.content, row.passphrase_sealed, row.gone_at is None) == (None, None, False)


def test_a_package_of_a_request_that_ended_opens_nothing_even_if_it_is_there(core: Core, ask: Ask) -> None:
    request = _worked_on(core, ask())
    made = package.make(core, request.tenant_id, request.id, "user:1")
    assert not handover.over(core, made)
    models.RightsRequest.update(state="cancelled").execute()  # plain SQL
    with pytest.raises(Conflict, match="over"):
        handover.for_download(core, made.tenant_id, made.id, "1.x")


@pytest.mark.parametrize(
    ("type", "kind"), [("rectification", "restriction"), ("sale_opt_out", "tracking_opt_out")]
)
def test_a_limit_of_another_kind_answers_nothing(core: Core, ask: Ask, type: str, kind: str) -> None:
    request = _worked_on(core, ask(type, "US-CA"))
    limiting.put(core, request.tenant_id, str(request.subject_id), kind, "", request.id, "user:1")
    _refused(core, request, "nothing was done")


def test_a_limit_follows_whom_it_was_put_for_through_a_merge(core: Core, tenant: NewTenant, ask: Ask) -> None:
    request = _worked_on(core, ask("restriction"))
    limiting.put(core, request.tenant_id, str(request.subject_id), "restriction", "", request.id, "user:1")
    kept, _ = subjects.enter(core, tenant.controller.id, Person("ada@else.example"), "system")
    with core.store.transaction():
        gone = models.DataSubject.get_by_id(request.subject_id)
        core.subjects.merge(Origin(tenant.controller.id, "test", None, None), kept, gone)
        limits.carry(gone.id, kept.id)
    assert _answer(core, request).decision == "fulfilled"


def test_a_part_takes_words(core: Core, ask: Ask) -> None:
    request = _worked_on(core, ask())
    with pytest.raises(Invalid, match="message"):
        _answer(core, request, decision="partly", message=" ")
    assert _answer(core, request, decision="partly", message="Not the letters.").decision == "partly"
