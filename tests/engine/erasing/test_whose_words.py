"""What people wrote about a request while nobody knew whose it was goes with its person, too."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from flow import HandClock, leaves

from dxflow.engine.core import Core
from dxflow.engine.desk import actions, matching, retention
from dxflow.engine.erasing import erasure
from dxflow.engine.platforms.base import Person
from dxflow.engine.services import acts
from dxflow.engine.services.audit import verifying
from dxflow.engine.services.rights import requests
from dxflow.engine.store import models

from .conftest import EMAIL, PHONE, Everywhere

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TOLD = f"called back on {PHONE}"
ELSEWHERE = "ada.at.work@else.example"


def talked_to(core: Core, ada: Everywhere, email: str) -> models.RightsRequest:
    """A request of nobody on file, whose sender was called back."""
    request = requests.create(core, ada.tenant_id, "system", "access", Person(email), jurisdiction="DE")
    models.RightsRequest.update(subject_id=None).where(models.RightsRequest.id == request.id).execute()
    actions.hold(core, ada.tenant_id, request.id, "user:1", "identity", told_otherwise=TOLD)
    assert TOLD in texts(core, ada.tenant_id)
    return request


def texts(core: Core, tenant_id: str) -> str:
    """Everything that the sealed texts of acts say."""
    seqs = [int(str(leaf["seq"])) for leaf in leaves(tenant_id) if "act" in leaf]
    return json.dumps([acts.opened(core, tenant_id, seq).changed for seq in seqs])


def test_it_goes_with_whom_the_request_was_matched_to(core: Core, ada: Everywhere) -> None:
    request = talked_to(core, ada, ELSEWHERE)
    matching.match(core, ada.tenant_id, request.id, "user:1", ada.subject.id)
    assert TOLD in texts(core, ada.tenant_id)
    erasure.erase(core, ada.tenant_id, ada.subject.id, "system", reason="request")
    assert TOLD not in texts(core, ada.tenant_id)
    assert verifying.verify_logs(core).problems == []


def test_it_goes_with_whom_an_unmatched_request_names(core: Core, ada: Everywhere) -> None:
    talked_to(core, ada, EMAIL)
    erasure.erase(core, ada.tenant_id, ada.subject.id, "system", reason="request")
    assert TOLD not in texts(core, ada.tenant_id)
    assert verifying.verify_logs(core).problems == []


def test_it_stays_with_whom_it_is_about_and_not_for_ever(
    core: Core, ada: Everywhere, clock: HandClock
) -> None:
    request = talked_to(core, ada, ELSEWHERE)
    erasure.erase(core, ada.tenant_id, ada.subject.id, "system", reason="request")
    actions.cancel(core, ada.tenant_id, request.id, "user:1")
    assert TOLD in texts(core, ada.tenant_id), "it is somebody else's"
    clock.forward((retention.KEPT + timedelta(days=1)).total_seconds())
    retention.forget(core)
    assert TOLD not in texts(core, ada.tenant_id), "nobody could find it any more"
    assert verifying.verify_logs(core).problems == []
