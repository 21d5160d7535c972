"""What a DID names may end; its DID then ends too, and is still described."""

from __future__ import annotations

import pytest
from flow import Sender, customer, leaves, settle

from dxflow.engine.core import Core
from dxflow.engine.services.people import users
from dxflow.engine.services.subjects import activities
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models


def _subject(core: Core, shopify: Sender, number: int) -> models.DataSubject:
    shopify.send("customers/create", customer(number))
    settle(core)
    found = models.DataSubject.select().order_by(models.DataSubject.created_at.desc()).first()
    assert found is not None
    return found


def _is_active(entity: models.DataSubject | models.ProcessingActivity | models.User) -> bool:
    return models.Did.get(models.Did.entity_id == entity.id).deactivated_at is None


def _that_deactivated(tenant: NewTenant) -> list[dict[str, object]]:
    return [leaf for leaf in leaves(tenant.controller.id, "workflow.step") if leaf.get("deactivated")]


@pytest.mark.parametrize("state", ["erased", "merged"])
def test_a_subject_that_ended_has_a_deactivated_did(
    core: Core, tenant: NewTenant, shopify: Sender, state: str
) -> None:
    kept, ended = _subject(core, shopify, 1), _subject(core, shopify, 2)
    assert _is_active(ended)
    models.DataSubject.update(state=state).where(models.DataSubject.id == ended.id).execute()
    settle(core)
    assert (_is_active(kept), _is_active(ended)) == (True, False)
    assert [leaf["change"] for leaf in _that_deactivated(tenant)] == ["data_subjects.UPDATE"]


def test_a_deleted_subject_has_a_deactivated_did_for_good(
    core: Core, tenant: NewTenant, shopify: Sender
) -> None:
    subject = _subject(core, shopify, 3)
    links = models.DataSubjectLink
    links.delete().where(links.subject_id == subject.id).execute()
    models.DataSubject.delete().where(models.DataSubject.id == subject.id).execute()
    settle(core)
    first = models.Did.get(models.Did.entity_id == subject.id).deactivated_at
    assert first is not None
    core.subjects.deactivate(subject.id, tenant.controller.id)
    assert models.Did.get(models.Did.entity_id == subject.id).deactivated_at == first


def test_a_subject_that_comes_back_gets_no_did_back(core: Core, tenant: NewTenant, shopify: Sender) -> None:
    subject = _subject(core, shopify, 4)
    for state in ("erased", "active"):
        models.DataSubject.update(state=state).where(models.DataSubject.id == subject.id).execute()
        settle(core)
    assert not _is_active(subject)
    assert len(_that_deactivated(tenant)) == 1


def test_a_subject_that_comes_in_erased_never_had_an_active_did(core: Core, tenant: NewTenant) -> None:
    """Another program restores a row that it had erased before dxflow ever saw it."""
    row = models.DataSubject.create(
        id=core.new_id(),
        tenant_id=tenant.controller.id,
        state="erased",
        sources={},
        created_at=core.clock(),
        updated_at=core.clock(),
        force_insert=True,
    )
    settle(core)
    assert models.DataSubject.get_by_id(row.id).did is not None
    assert not _is_active(row)


@pytest.mark.parametrize("registered", [True, False], ids=["after its registration", "before"])
def test_a_deleted_activity_has_a_deactivated_did(core: Core, tenant: NewTenant, registered: bool) -> None:
    what = {"activity_type": "order", "legal_basis": "contract", "purpose": "order fulfilment"}
    made = activities.record(core, tenant.controller.id, "system", **what)
    if registered:
        settle(core)
        assert _is_active(made)
    models.ProcessingActivity.delete().where(models.ProcessingActivity.id == made.id).execute()
    settle(core)
    found = models.Did.get_or_none(models.Did.entity_id == made.id)
    assert found is None or found.deactivated_at is not None
    assert (found is not None) is registered


def test_a_deleted_user_has_a_deactivated_did(core: Core, tenant: NewTenant) -> None:
    user, _ = users.create(core, tenant.controller.id, "ada@shop.example", "dpo")
    settle(core)
    assert _is_active(user)
    models.Membership.delete().where(models.Membership.user_id == user.id).execute()
    models.User.delete().where(models.User.id == user.id).execute()
    settle(core)
    assert not _is_active(user)
