"""What is stored of a person is put right, nobody else's identifier is taken, and the recipients hear of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import bodies
import pytest
from flow import Sender, at_once, customer, drain, leaves, settle

from dxflow.engine.core import Core
from dxflow.engine.errors import Conflict, Invalid, NotFound
from dxflow.engine.fulfilment import limiting, rectifying
from dxflow.engine.platforms.base import Person
from dxflow.engine.recipients import obligations
from dxflow.engine.services import acts
from dxflow.engine.services.subjects import subjects
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
Asked = Callable[..., models.RightsRequest]
OLD, NEW = "person1@shop.example", "ada@lovelace.example"


def _rectify(core: Core, request: models.RightsRequest, **changes: Any) -> list[models.Obligation]:
    return rectifying.rectify(core, request.tenant_id, request.id, "user:1", changes)


def _profile(core: Core, ada: models.DataSubject) -> dict[str, object]:
    return core.subjects.profile(models.DataSubject.get_by_id(ada.id))


def _found(core: Core, ada: models.DataSubject, email: str) -> str | None:
    found = core.subjects.find(ada.tenant_id, Person(email=email))
    return None if found is None else found.id


@both
def test_the_new_address_finds_the_person_and_the_old_one_nobody(
    core: Core, ada: models.DataSubject, asked: Asked
) -> None:
    _rectify(core, asked("rectification"), email=NEW, name="Ada Lovelace")
    assert _profile(core, ada)["email"] == NEW
    assert _profile(core, ada)["name"] == "Ada Lovelace"
    assert (_found(core, ada, NEW), _found(core, ada, OLD)) == (ada.id, None)
    moved = models.LinkHistory.get()
    assert (moved.from_subject_id, moved.to_subject_id, moved.reason) == (ada.id, None, "rectified")


@both
def test_somebody_elses_address_is_a_conflict_and_nothing_changes(
    core: Core, tenant: NewTenant, ada: models.DataSubject, asked: Asked
) -> None:
    ben, _ = subjects.enter(core, tenant.controller.id, Person(email="ben@shop.example"), "system")
    with pytest.raises(Conflict, match="another data subject"):
        _rectify(core, asked("rectification"), email="Ben@shop.example", name="Ada Lovelace")
    assert _profile(core, ada)["email"] == OLD
    assert _profile(core, ada)["name"] == "Ada Byron"
    assert (_found(core, ada, OLD), _found(core, ada, "ben@shop.example")) == (ada.id, ben.id)
    assert models.Obligation.select().count() == 0
    assert leaves(ada.tenant_id, "data_subject.rectified") == []


@sqlite_alone
def test_recipients_are_told_as_whom_they_know_the_person_and_what_is_right(
    core: Core, ada: models.DataSubject, asked: Asked
) -> None:
    request = asked("rectification")
    (made,) = _rectify(core, request, email=NEW)
    row = models.Obligation.get_by_id(made.id)
    assert (row.kind, row.recipient, row.request_id, row.subject_id) == (
        "rectify", "shopify", request.id, ada.id,
    )  # fmt: skip
    target = obligations.target_of(core, row)
    assert target.ids == (str(bodies.shopify_id()),)
    assert target.changes == {"email": NEW}
    assert NEW.encode() not in bytes(row.target_sealed)


@sqlite_alone
def test_before_and_after_are_sealed_and_the_leaf_names_the_fields_alone(
    core: Core, ada: models.DataSubject, asked: Asked
) -> None:
    _rectify(core, asked("rectification"), email=NEW, phone="+4930998877665")
    (leaf,) = leaves(ada.tenant_id, "data_subject.rectified")
    assert leaf["fields"] == ["email", "phone"]
    assert not [one for one in (OLD, NEW, ada.id, "998877665") if one in json.dumps(leaf)]
    opened = acts.opened(core, ada.tenant_id, int(str(leaf["seq"])))
    assert opened.holds
    assert opened.changed is not None
    assert (opened.changed["before"]["email"], opened.changed["after"]["email"]) == (OLD, NEW)


@sqlite_alone
def test_older_news_does_not_undo_it(
    core: Core, shopify: Sender, ada: models.DataSubject, asked: Asked
) -> None:
    _rectify(core, asked("rectification"), name="Ada Lovelace")
    shopify.send("customers/update", customer(first_name="Wrong", updated_at="2026-05-01T00:00:00Z"))
    settle(core)
    assert _profile(core, ada)["name"] == "Ada Lovelace"


@sqlite_alone
def test_saying_what_is_said_already_changes_nothing(
    core: Core, ada: models.DataSubject, asked: Asked
) -> None:
    request = asked("rectification")
    assert len(_rectify(core, request, email=NEW)) == 1
    assert _rectify(core, request, email=NEW) == []
    assert len(leaves(ada.tenant_id, "data_subject.rectified")) == 1
    assert models.Obligation.select().count() == 1


@sqlite_alone
def test_what_is_wrong_can_be_taken_away_but_not_all_of_it(
    core: Core, ada: models.DataSubject, asked: Asked
) -> None:
    request = asked("rectification")
    _rectify(core, request, phone="+4930998877665")
    _rectify(core, request, phone=None, email=None)
    assert set(_profile(core, ada)) == {"name", "external_ids"}
    assert core.subjects.find(ada.tenant_id, Person(phone="+4930998877665")) is None
    with pytest.raises(Invalid, match="must stay"):
        _rectify(core, request, external_ids={"shopify": None})
    _rectify(core, request, external_ids={"shopify": None, "crm": "7"})
    found = core.subjects.find(ada.tenant_id, Person(external_ids=(("crm", "7"),)))
    assert found is not None
    assert found.id == ada.id


@sqlite_alone
def test_a_person_whose_data_are_restricted_is_put_right_too(
    core: Core, ada: models.DataSubject, asked: Asked
) -> None:
    """Whoever contests that data are accurate asks for both (Art. 18(1)(a))."""
    limiting.put(core, ada.tenant_id, ada.id, "restriction", "", None, "user:1")
    _rectify(core, asked("rectification"), name="Ada Lovelace")
    assert _profile(core, ada)["name"] == "Ada Lovelace"


@both
def test_of_two_people_who_claim_one_address_at_once_one_gets_it(
    core: Core, shopify: Sender, ada: models.DataSubject, asked: Asked
) -> None:
    shopify.send("customers/create", customer(2))
    drain(core)
    mine, others = asked("rectification"), asked("rectification", "person2@shop.example")
    found = at_once(
        core, [lambda: _rectify(core, mine, email=NEW), lambda: _rectify(core, others, email=NEW)]
    )
    assert sorted(type(one).__name__ for one in found) == ["Conflict", "list"], found
    assert (
        len([one for one in models.DataSubject.select() if core.subjects.profile(one)["email"] == NEW]) == 1
    )


@sqlite_alone
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "at least one"),
        ({"iban": "x"}, "iban: allowed are email, phone, name, external_ids"),
        ({"email": "no address"}, "email: not an e-mail address"),
        ({"email": ""}, "email: must be"),
        ({"name": 7}, "name: must be"),
        ({"name": "x" * 201}, "name: must be"),
        ({"phone": "12"}, "phone: no such"),
        ({"external_ids": {"shopify": 7}}, "external_ids"),
        ({"external_ids": []}, "external_ids"),
    ],
)
def test_what_cannot_be_right_is_refused_by_name(
    core: Core, ada: models.DataSubject, asked: Asked, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(Invalid, match=says):
        _rectify(core, asked("rectification"), **changes)
    assert _profile(core, ada)["email"] == OLD


@sqlite_alone
def test_only_a_proven_request_for_rectification_changes_anything(
    core: Core, ada: models.DataSubject, asked: Asked
) -> None:
    for request in (
        asked("access"),
        asked("rectification", state="received"),
        asked("rectification", verified_at=None),
    ):
        with pytest.raises(Conflict):
            _rectify(core, request, email=NEW)
    with pytest.raises(NotFound):
        rectifying.rectify(core, ada.tenant_id, core.new_id(), "user:1", {"email": NEW})
    assert _profile(core, ada)["email"] == OLD
