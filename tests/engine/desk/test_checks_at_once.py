"""Many at the same moment, on both databases: limits hold, and of two who are right one is."""

from __future__ import annotations

from flow import at_once
from postbox import Postbox

from dxflow.engine.core import Core
from dxflow.engine.desk import checks
from dxflow.engine.desk.checks import Confirmed, confirm, confirm_link, send
from dxflow.engine.errors import NotAuthentic, TooManyAttempts
from dxflow.engine.store import models

from .conftest import Ask

ADA = "ada@shop.example"


def test_guesses_at_once_are_no_more_than_guesses(desk: Core, mine: str, ask: Ask, box: Postbox) -> None:
    request = ask()
    send(desk, mine, request.id, "system")
    code = box.code(desk, ADA)
    wrong = [f"{(int(code) + step) % 10**6:06d}" for step in range(1, 5)]
    found = at_once(desk, [lambda one=one: confirm(desk, mine, request.id, one) for one in wrong])
    assert all(isinstance(one, NotAuthentic | TooManyAttempts) for one in found), found
    [check] = checks.listing(mine, request.id)
    assert check.failures == checks.GUESSES
    assert len(checks.listing(mine, request.id)) == 1


def test_of_code_and_link_used_at_once_one_counts(desk: Core, mine: str, ask: Ask, box: Postbox) -> None:
    request = ask()
    send(desk, mine, request.id, "system")
    code, token = box.code(desk, ADA), box.token(desk, ADA)
    calls = [lambda: confirm(desk, mine, request.id, code), lambda: confirm_link(desk, token)]
    found = at_once(desk, calls * 2)
    assert [type(one) for one in found if not isinstance(one, NotAuthentic)] == [Confirmed]
    assert models.RightsRequest.get_by_id(request.id).state == "identity_verified"


def test_codes_asked_for_at_once_are_no_more_than_an_hours(desk: Core, mine: str, ask: Ask) -> None:
    request = ask()
    found = at_once(desk, [lambda: send(desk, mine, request.id, "system")] * 8)
    refused = [one for one in found if isinstance(one, TooManyAttempts)]
    assert len(refused) == 3
    assert len(checks.listing(mine, request.id)) == checks.AN_HOUR
    open_ = [row for row in checks.listing(mine, request.id) if row.ended_at is None]
    assert len(open_) == 1
