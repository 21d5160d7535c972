"""A package goes to whoever proves, by a code sent to a channel that was on file before, that it is theirs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from flow import HandClock, at_once, drain, leaves
from postbox import Postbox

from dxflow.engine.core import Core
from dxflow.engine.desk import actions, answering, checks
from dxflow.engine.desk.checks import Purpose
from dxflow.engine.errors import Conflict, NotAuthentic, NotFound, TooManyAttempts
from dxflow.engine.fulfilment import forgetting, handover, package
from dxflow.engine.platforms.base import Person
from dxflow.engine.services import tenants
from dxflow.engine.services.people.devices import NOWHERE, Client
from dxflow.engine.services.rights import requests
from dxflow.engine.services.subjects import subjects
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models, scope

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
Asked = Callable[..., models.RightsRequest]
ADA = "person1@shop.example"


@pytest.fixture
def made(mailing: Core, ada: models.DataSubject, asked: Asked) -> models.Package:
    """Ada's package."""
    found = package.make(mailing, ada.tenant_id, asked("access").id, "user:1")
    return handover.find(ada.tenant_id, found.id)


def _code(mailing: Core, box: Postbox, made: models.Package) -> str:
    """The code of a mail that was just asked for."""
    handover.send_code(mailing, made, NOWHERE)
    return box.code(mailing, ADA)


def _wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


def test_the_code_opens_the_package_and_each_step_is_in_the_log(
    mailing: Core, box: Postbox, made: models.Package
) -> None:
    opened = handover.open_with_code(mailing, made, _code(mailing, box, made), NOWHERE)
    assert re.fullmatch(r"([A-Z2-9]{4}-){4}[A-Z2-9]{4}", opened.passphrase)
    for fetches in (1, 2):
        found = handover.for_download(mailing, made.tenant_id, made.id, opened.token)
        assert bytes(found.content)[:2] == b"PK"
        assert models.Package.get_by_id(made.id).fetches == fetches
    assert len(leaves(made.tenant_id, "package.opened")) == 1
    assert [one["fetches"] for one in leaves(made.tenant_id, "package.fetched")] == [1, 2]
    said = json.dumps(leaves(made.tenant_id))
    assert opened.passphrase not in said
    assert opened.passphrase not in repr(opened)


def test_a_code_opens_once(mailing: Core, box: Postbox, made: models.Package) -> None:
    code = _code(mailing, box, made)
    handover.open_with_code(mailing, made, code, NOWHERE)
    with pytest.raises(NotAuthentic):
        handover.open_with_code(mailing, made, code, NOWHERE)
    assert len(leaves(made.tenant_id, "package.opened")) == 1


def test_of_two_who_have_the_code_one_gets_in(mailing: Core, box: Postbox, made: models.Package) -> None:
    code = _code(mailing, box, made)
    found = at_once(mailing, [lambda: handover.open_with_code(mailing, made, code, NOWHERE)] * 2)
    assert sorted(type(one).__name__ for one in found) == ["NotAuthentic", "Opened"]


def test_guessing_ends_the_code_and_then_the_guesser(
    mailing: Core, box: Postbox, made: models.Package
) -> None:
    code = _code(mailing, box, made)
    for _ in range(checks.GUESSES):
        with pytest.raises(NotAuthentic):
            handover.open_with_code(mailing, made, _wrong(code), NOWHERE)
    with pytest.raises((NotAuthentic, TooManyAttempts)):
        handover.open_with_code(mailing, made, code, NOWHERE)
    found = [
        _tried(lambda: handover.send_code(mailing, made, Client("203.0.113.9", "x", ""))) for _ in range(20)
    ]
    assert found[-1] == "TooManyAttempts"


def _tried(call: Callable[[], object]) -> str:
    """How a call ended."""
    try:
        call()
    except (NotAuthentic, TooManyAttempts) as error:
        return type(error).__name__
    return ""


def test_a_code_that_proves_who_asks_opens_no_package(
    mailing: Core, box: Postbox, made: models.Package, ada: models.DataSubject
) -> None:
    """A proof for one request, by code or by link, is none for the package of another."""
    other = requests.create(mailing, ada.tenant_id, "system", "access", Person(email=ADA))
    checks.send(mailing, ada.tenant_id, other.id, "system", purpose=Purpose.RELEASE)
    with pytest.raises(NotAuthentic):
        handover.open_with_code(mailing, made, box.code(mailing, ADA), NOWHERE)
    with pytest.raises(NotAuthentic):
        handover.open_with_link(mailing, made, box.token(mailing, ADA))
    assert leaves(ada.tenant_id, "package.opened") == []


def test_a_link_of_another_data_controller_opens_nothing(
    mailing: Core, box: Postbox, made: models.Package
) -> None:
    other = tenants.create(mailing, "Another Shop", "UK").controller.id
    subjects.enter(mailing, other, Person(email="ben@shop.example"), "system")
    asked = requests.create(mailing, other, "system", "access", Person(email="ben@shop.example"))
    checks.send(mailing, other, asked.id, "system", purpose=Purpose.RELEASE)
    token = box.token(mailing, "ben@shop.example")
    with scope.of(made.tenant_id), pytest.raises(NotAuthentic):
        handover.open_with_link(mailing, made, token)


def test_the_link_of_the_mail_leads_to_the_package_and_opens_it_once(
    mailing: Core, box: Postbox, made: models.Package
) -> None:
    _code(mailing, box, made)
    token = box.token(mailing, ADA)
    assert f"https://edge.example{handover.path_of(made)}/{token}" in box.to(ADA, "code")[-1]
    assert handover.open_with_link(mailing, made, token).passphrase
    with pytest.raises(NotAuthentic):
        handover.open_with_link(mailing, made, token)


def test_a_token_opens_its_package_alone_and_for_a_quarter_of_an_hour(
    mailing: Core, box: Postbox, clock: HandClock, made: models.Package
) -> None:
    opened = handover.open_with_code(mailing, made, _code(mailing, box, made), NOWHERE)
    until, _, mac = opened.token.partition(".")
    later = str(int(until) + 86_400)
    for wrong in (
        "",
        "x",
        mac,
        f"{later}.{mac}",
        f"{until}.{mac[:-1]}0x",
        "9" * 30 + f".{mac}",
        f"{until}.Ω",
    ):
        with pytest.raises(NotAuthentic):
            handover.for_download(mailing, made.tenant_id, made.id, wrong)
    clock.forward(16 * 60)
    with pytest.raises(NotAuthentic):
        handover.for_download(mailing, made.tenant_id, made.id, opened.token)
    assert models.Package.get_by_id(made.id).fetches == 0


def test_nothing_opens_a_package_that_is_over(
    mailing: Core, box: Postbox, clock: HandClock, made: models.Package
) -> None:
    code = _code(mailing, box, made)
    opened = handover.open_with_code(mailing, made, code, NOWHERE)
    clock.now = made.expires_at
    for call in (
        lambda: handover.send_code(mailing, made, NOWHERE),
        lambda: handover.open_with_code(mailing, made, code, NOWHERE),
        lambda: handover.open_with_link(mailing, made, "x" * 43),
        lambda: handover.for_download(mailing, made.tenant_id, made.id, opened.token),
    ):
        with pytest.raises(Conflict, match="over"):
            call()
    forgetting.expire(mailing)
    assert handover.over(mailing, handover.find(made.tenant_id, made.id))


def test_a_package_that_another_took_the_place_of_is_over_at_once(
    mailing: Core, box: Postbox, made: models.Package
) -> None:
    opened = handover.open_with_code(mailing, made, _code(mailing, box, made), NOWHERE)
    package.make(mailing, made.tenant_id, made.request_id, "user:1")
    with pytest.raises(Conflict):
        handover.for_download(mailing, made.tenant_id, made.id, opened.token)
    with pytest.raises(Conflict):
        handover.open_with_link(mailing, handover.find(made.tenant_id, made.id), "x" * 43)


def test_a_package_can_be_fetched_after_its_request_was_closed(
    mailing: Core, box: Postbox, made: models.Package
) -> None:
    tenant_id, request_id = made.tenant_id, made.request_id
    models.RightsRequest.update(state="review").where(models.RightsRequest.id == request_id).execute()
    answering.respond(mailing, tenant_id, request_id, "user:1", "fulfilled")
    actions.complete(mailing, tenant_id, request_id, "user:1")
    assert handover.open_with_code(mailing, made, _code(mailing, box, made), NOWHERE).passphrase


def test_the_answer_tells_the_person_where_to_fetch_it_at_the_address_on_file(
    mailing: Core, box: Postbox, made: models.Package
) -> None:
    models.RightsRequest.update(state="review").where(models.RightsRequest.id == made.request_id).execute()
    answering.respond(mailing, made.tenant_id, made.request_id, "user:1", "fulfilled")
    drain(mailing)
    (letter,) = box.to(ADA, "data is ready")
    assert f"https://edge.example{handover.path_of(made)}\n" in letter
    assert "passphrase" in letter


def test_nobody_finds_a_package_that_there_is_not(core: Core, tenant: NewTenant) -> None:
    for name in ("x", core.new_id()):
        with pytest.raises(NotFound):
            handover.find(tenant.controller.id, name)
