"""A legal hold keeps a person from being erased, whoever asks and by whatever door, and tells nobody why."""

from __future__ import annotations

import json

import bodies
import pytest
from flow import Sender, at_once, customer, drain, leaves

from dxflow.engine.core import Core
from dxflow.engine.erasing import erasure
from dxflow.engine.errors import Conflict, Invalid, NotFound
from dxflow.engine.fulfilment import legal_holds
from dxflow.engine.services import acts
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
WHY = "Byron v. Acme, claim for damages"


def _place(core: Core, ada: models.DataSubject) -> models.LegalHold:
    return legal_holds.place(core, ada.tenant_id, ada.id, WHY, "user:1")


def _erase(core: Core, ada: models.DataSubject, reason: str = "request") -> erasure.Erased:
    return erasure.erase(core, ada.tenant_id, ada.id, "user:2", reason=reason)


@both
def test_nobody_under_a_legal_hold_is_erased_until_all_are_lifted(
    core: Core, ada: models.DataSubject
) -> None:
    first, second = _place(core, ada), _place(core, ada)
    for hold in (first, second):
        with pytest.raises(Conflict) as refused:
            _erase(core, ada)
        assert hold.id in str(refused.value)
        assert "Byron" not in str(refused.value)
        legal_holds.lift(core, ada.tenant_id, ada.id, hold.id, "user:3")
    assert legal_holds.of(ada.id) == []
    assert _erase(core, ada).counts["links"]


@sqlite_alone
@pytest.mark.parametrize("reason", erasure.REASONS)
def test_every_reason_is_refused_but_that_of_a_restored_backup(
    core: Core, ada: models.DataSubject, reason: str
) -> None:
    _place(core, ada)
    if reason == "restored_backup":
        _erase(core, ada, reason)
        assert models.DataSubject.get_by_id(ada.id).state == "erased"
    else:
        with pytest.raises(Conflict, match="legal hold"):
            _erase(core, ada, reason)
        assert core.subjects.profile(models.DataSubject.get_by_id(ada.id))["name"] == "Ada Byron"


@sqlite_alone
def test_a_hold_on_somebody_who_was_merged_holds_whoever_they_became(
    core: Core, shopify: Sender, ada: models.DataSubject
) -> None:
    shopify.send("customers/create", customer(2))
    hold = _place(core, ada)
    shopify.send("customers/merge", bodies.merge(2, 1))
    drain(core)
    kept = models.DataSubject.get(models.DataSubject.state == "active")
    assert kept.id != ada.id
    with pytest.raises(Conflict, match=hold.id):
        _erase(core, kept)
    assert [one.id for one in legal_holds.of(kept.id)] == [hold.id]
    legal_holds.lift(core, ada.tenant_id, kept.id, hold.id, "user:1")
    _erase(core, kept)


@both
def test_a_hold_and_an_erasure_at_once_leave_one_of_the_two(core: Core, ada: models.DataSubject) -> None:
    found = at_once(core, [lambda: _place(core, ada), lambda: _erase(core, ada)])
    refused = [one for one in found if isinstance(one, Conflict)]
    assert len(refused) == 1, found
    erased = models.DataSubject.get_by_id(ada.id).state == "erased"
    assert erased == (models.LegalHold.select().count() == 0)


@sqlite_alone
def test_the_reason_is_sealed_and_no_leaf_names_whom_it_is_about(core: Core, ada: models.DataSubject) -> None:
    hold = _place(core, ada)
    assert WHY.encode() not in bytes(models.LegalHold.get().reason_sealed)
    said = json.dumps(leaves(ada.tenant_id))
    assert hold.id in said
    assert WHY not in said
    assert ada.id not in said
    index = core.log.head(ada.tenant_id).size - 1
    opened = acts.opened(core, ada.tenant_id, index)
    assert opened.holds
    assert opened.changed is not None
    assert opened.changed["subject"] == ada.id
    ((found, why),) = legal_holds.listing(core, ada.tenant_id, ada.id, "user:1")
    assert (found.id, why) == (hold.id, WHY)
    assert leaves(ada.tenant_id, "personal_data.read")[-1]["page"] == "legal_holds"


@sqlite_alone
def test_what_cannot_be_placed_or_lifted_says_why(
    core: Core, tenant: NewTenant, ada: models.DataSubject
) -> None:
    hold = _place(core, ada)
    legal_holds.lift(core, ada.tenant_id, ada.id, hold.id, "user:1")
    with pytest.raises(Conflict, match="before"):
        legal_holds.lift(core, ada.tenant_id, ada.id, hold.id, "user:1")
    with pytest.raises(NotFound):
        legal_holds.lift(core, ada.tenant_id, ada.id, core.new_id(), "user:1")
    with pytest.raises(NotFound):
        legal_holds.place(core, ada.tenant_id, core.new_id(), WHY, "user:1")
    for reason in ("  ", "x" * 501):
        with pytest.raises(Invalid, match="1 to 500"):
            legal_holds.place(core, ada.tenant_id, ada.id, reason, "user:1")
    _erase(core, ada)
    with pytest.raises(Conflict, match="erased"):
        _place(core, ada)
