"""Who asked is forgotten two years after their request is over; that somebody asked isn't."""

from __future__ import annotations

import pytest
from flow import HandClock, leaves

from dxflow.engine.core import Core
from dxflow.engine.coverer import CHORES
from dxflow.engine.desk import actions, retention
from dxflow.engine.fulfilment import legal_holds
from dxflow.engine.rights import intake
from dxflow.engine.services.rights import requests
from dxflow.engine.store import models

from .conftest import Ask

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
A_DAY = 86_400


def _ended(core: Core, request: models.RightsRequest) -> None:
    actions.cancel(core, request.tenant_id, request.id, "system")


def test_the_requester_their_words_and_their_checks_go_and_the_rest_stays(
    core: Core, clock: HandClock, ask: Ask
) -> None:
    over, still_open = ask(details="please, I am Ada"), ask(details="an old one")
    for request in (over, still_open):
        _check(core, request)
    _ended(core, over)
    clock.forward(730 * A_DAY)
    assert retention.forget(core) == 0
    clock.forward(2 * A_DAY)
    assert retention.forget(core) == 1
    assert retention.forget(core) == 0
    row = models.RightsRequest.get_by_id(over.id)
    assert (intake.requester(core, row), requests.details_of(core, row)) == ({}, "")
    assert (row.type, row.state, row.closed_at is None) == ("access", "cancelled", False)
    assert intake.requester(core, models.RightsRequest.get_by_id(still_open.id))["email"]
    assert [one.request_id for one in models.IdentityCheck.select()] == [still_open.id]
    assert [one["requests"] for one in leaves(over.tenant_id, "rights_request.forgotten")] == [[over.id]]
    assert retention.forget in CHORES


def test_a_legal_hold_keeps_them(core: Core, clock: HandClock, ask: Ask) -> None:
    request = ask()
    _ended(core, request)
    hold = legal_holds.place(core, request.tenant_id, str(request.subject_id), "a lawsuit", "system")
    clock.forward(800 * A_DAY)
    assert retention.forget(core) == 0
    legal_holds.lift(core, request.tenant_id, str(request.subject_id), hold.id, "system")
    assert retention.forget(core) == 1


def _check(core: Core, request: models.RightsRequest) -> None:
    models.IdentityCheck.create(
        id=core.new_id(), tenant_id=request.tenant_id, request_id=request.id, purpose="verify", channel="email",
        on_file=True, code_mac="", failures=0, sent_at=core.clock(), expires_at=core.clock(), force_insert=True,
    )  # fmt: skip
