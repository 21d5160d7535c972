"""Whom a request is about is said by a person, where its sender's address didn't."""

from __future__ import annotations

import pytest
from flow import leaves
from postbox import Postbox

from dxflow.engine.core import Core
from dxflow.engine.desk import actions, checks, matching
from dxflow.engine.erasing import erasure
from dxflow.engine.errors import CallerError, Conflict, NotThere
from dxflow.engine.fulfilment import limiting, package
from dxflow.engine.platforms.base import Person
from dxflow.engine.services.people.devices import NOWHERE
from dxflow.engine.services.rights import requests
from dxflow.engine.services.subjects import subjects
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ADA, EVE = "ada@shop.example", "eve@shop.example"


@pytest.fixture
def ada(core: Core, tenant: NewTenant) -> models.DataSubject:
    return subjects.enter(core, tenant.controller.id, Person(email=ADA), "system")[0]


@pytest.fixture
def eve(core: Core, tenant: NewTenant) -> models.DataSubject:
    return subjects.enter(core, tenant.controller.id, Person(email=EVE), "system")[0]


def _ask(core: Core, tenant: NewTenant, email: str, type: str = "access") -> models.RightsRequest:
    return requests.create(core, tenant.controller.id, "system", type, Person(email=email), jurisdiction="DE")


def _match(core: Core, request: models.RightsRequest, whom: str) -> models.RightsRequest:
    return matching.match(core, request.tenant_id, request.id, "user:1", whom)


def test_a_request_of_nobody_is_matched_and_then_proven_at_the_address_on_file(
    desk: Core, tenant: NewTenant, ada: models.DataSubject, box: Postbox
) -> None:
    request = _ask(desk, tenant, "new@shop.example")
    assert request.subject_id is None
    matched = _match(desk, request, ada.id)
    assert (matched.subject_id, matched.state) == (ada.id, "received")
    [entry] = leaves(request.tenant_id, "rights_request.matched")
    assert ada.id not in str(entry)
    checks.send(desk, request.tenant_id, request.id, "user:1", client=NOWHERE)
    checks.confirm(desk, request.tenant_id, request.id, box.code(desk, ADA), client=NOWHERE)
    assert models.RightsRequest.get().verified_by == "channel"


def test_the_same_once_more_changes_nothing(core: Core, tenant: NewTenant, ada: models.DataSubject) -> None:
    request = _ask(core, tenant, ADA)
    assert _match(core, request, str(ada.did or ada.id)).version == request.version
    assert leaves(request.tenant_id, "rights_request.matched") == []


@pytest.mark.usefixtures("ada")
def test_a_proof_of_one_person_is_none_of_another(
    core: Core, tenant: NewTenant, eve: models.DataSubject
) -> None:
    request = _ask(core, tenant, ADA)
    proven = {"state": "data_collection", "verified_at": core.clock(), "verified_by": "channel"}
    models.RightsRequest.update(**proven).execute()
    made = package.make(core, request.tenant_id, request.id, "user:1")
    matched = _match(core, request, eve.id)
    assert (matched.state, matched.verified_at, matched.verified_by) == ("received", None, None)
    assert models.Package.get_by_id(made.id).content is None
    assert matched.subject_id == eve.id


@pytest.mark.usefixtures("ada")
def test_one_on_hold_waits_for_its_proof_once_it_goes_on(
    core: Core, tenant: NewTenant, eve: models.DataSubject
) -> None:
    request = _ask(core, tenant, ADA)
    models.RightsRequest.update(state="on_hold", held_from="review", verified_at=core.clock(),
                                verified_by="asserted").execute()  # fmt: skip
    assert _match(core, request, eve.id).state == "on_hold"
    assert actions.resume(core, request.tenant_id, request.id, "user:1").state == "received"


@pytest.mark.usefixtures("ada")
def test_a_code_that_was_sent_to_one_person_proves_nothing_of_another(
    desk: Core, tenant: NewTenant, eve: models.DataSubject, box: Postbox
) -> None:
    request = _ask(desk, tenant, ADA)
    checks.send(desk, request.tenant_id, request.id, "user:1", client=NOWHERE)
    code = box.code(desk, ADA)
    _match(desk, request, eve.id)
    with pytest.raises(CallerError):
        checks.confirm(desk, request.tenant_id, request.id, code, client=NOWHERE)
    assert models.RightsRequest.get().verified_at is None


@pytest.mark.parametrize(("type", "by"), [("access", "manual"), ("consent_withdrawal", "none")])
def test_an_officers_word_stands_and_so_does_no_proof_where_none_is_asked_for(
    core: Core, tenant: NewTenant, ada: models.DataSubject, type: str, by: str
) -> None:
    request = _ask(core, tenant, "new@shop.example", type)
    if by == "manual":
        actions.verify(core, request.tenant_id, request.id, "user:1", "looked at her passport")
    matched = _match(core, request, ada.id)
    assert (matched.state, matched.verified_by) == ("identity_verified", by)


def test_nobody_it_cannot_be_about(core: Core, tenant: NewTenant, ada: models.DataSubject) -> None:
    request = _ask(core, tenant, "new@shop.example")
    for nobody in (core.new_id(), "nonsense"):
        with pytest.raises(NotThere, match="subject_id"):
            _match(core, request, nobody)
    erasure.erase(core, request.tenant_id, ada.id, "system", reason="request")
    with pytest.raises(Conflict, match="erased"):
        _match(core, request, ada.id)


@pytest.mark.usefixtures("ada")
def test_what_was_done_or_is_over_stays_with_whom_it_was_done_for(
    core: Core, tenant: NewTenant, eve: models.DataSubject
) -> None:
    done, over = _ask(core, tenant, ADA, "consent_withdrawal"), _ask(core, tenant, ADA)
    actions.step(core, done.tenant_id, done.id, "user:1", "collect")
    limiting.fulfil(core, done.tenant_id, done.id, "user:1")
    actions.cancel(core, over.tenant_id, over.id, "user:1")
    for request, why in ((done, "was done"), (over, "ended")):
        with pytest.raises(Conflict, match=why):
            _match(core, request, eve.id)


@pytest.mark.usefixtures("ada")
def test_what_repeated_a_request_comes_back_when_that_is_somebody_elses(
    core: Core, tenant: NewTenant, eve: models.DataSubject
) -> None:
    first, second = (_ask(core, tenant, ADA) for _ in range(2))
    for one in (first, second):
        actions.verify(core, one.tenant_id, one.id, "user:1", "called back")
    actions.mark_duplicate(core, second.tenant_id, second.id, "user:1", first.id)
    _match(core, first, eve.id)
    back = models.RightsRequest.get_by_id(second.id)
    assert (back.state, back.duplicate_of) == ("identity_verified", None), "nobody else would answer it"
