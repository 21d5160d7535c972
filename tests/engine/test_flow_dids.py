"""What a DID names may end; its DID then ends too, and is still described."""

from __future__ import annotations

import pytest
from flow import Sender, customer, settle

from dxflow.engine.core import Core
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models


def _subject(core: Core, shopify: Sender, number: int) -> models.DataSubject:
    shopify.send("customers/create", customer(number))
    settle(core)
    found = models.DataSubject.select().order_by(models.DataSubject.created_at.desc()).first()
    assert found is not None
    return found


def _is_active(subject: models.DataSubject) -> bool:
    return models.Did.get(models.Did.entity_id == subject.id).deactivated_at is None


@pytest.mark.parametrize("state", ["erased", "merged"])
def test_a_subject_that_ended_has_a_deactivated_did(
    core: Core, tenant: NewTenant, shopify: Sender, state: str
) -> None:
    kept, ended = _subject(core, shopify, 1), _subject(core, shopify, 2)
    assert _is_active(ended)
    models.DataSubject.update(state=state).where(models.DataSubject.id == ended.id).execute()
    settle(core)
    assert (_is_active(kept), _is_active(ended)) == (True, False)


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
