"""A consent receipt tells every statement, and anybody who knows the log's keys can check it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from dxflow.engine.core import Core
from dxflow.engine.errors import Conflict, Invalid, LogBroken, NotFound, Unfit
from dxflow.engine.platforms.base import Person
from dxflow.engine.services import acts, tenants
from dxflow.engine.services.subjects import consent_receipts, consents, subjects
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PURPOSE = "direct marketing"


@pytest.fixture
def person(core: Core, tenant: NewTenant) -> str:
    found, _ = subjects.enter(core, tenant.controller.id, Person(email="ada@shop.example"), "system")
    return str(found.id)


def said(core: Core, tenant: NewTenant, person: str, state: str, hour: int, channel: str = "email") -> str:
    at = datetime(2026, 3, 1, hour, tzinfo=UTC)
    done = consents.state(
        core, tenant.controller.id, person, PURPOSE, channel, state, actor="key:x", occurred_at=at
    )
    return done.outcome


def test_a_receipt_tells_the_whole_history_and_its_signature_is_checked_without_a_database(
    core: Core, tenant: NewTenant, person: str
) -> None:
    for state, hour in (("granted", 9), ("withdrawn", 12), ("granted", 15)):
        assert said(core, tenant, person, state, hour) == "recorded"
    assert said(core, tenant, person, "denied", 16, "sms") == "recorded"
    made = consent_receipts.issue(core, tenant.controller.id, person, "key:x")
    document = consent_receipts.opened(made.note, made.vkeys)
    assert document == made.document
    email, sms = document["records"]
    assert [(event["event_state"], event["event_time"]) for event in email["events"]] == [
        ("consent_given", "2026-03-01T09:00:00.000Z"),
        ("consent_withdrawn", "2026-03-01T12:00:00.000Z"),
        ("consent_given", "2026-03-01T15:00:00.000Z"),
    ]
    assert sms["processing"]["consent_state"] == "consent_refused"
    assert document["consentTimestamp"] == int(datetime(2026, 3, 1, 16, tzinfo=UTC).timestamp())
    assert [purpose["purpose"] for purpose in document["services"][0]["purposes"]] == [PURPOSE]
    assert document["piiPrincipalId"].startswith("did:dep:")
    assert "ada@shop.example" not in made.note


def test_kantaras_mandatory_fields_are_all_there(core: Core, tenant: NewTenant, person: str) -> None:
    said(core, tenant, person, "granted", 9)
    document = consent_receipts.issue(core, tenant.controller.id, person, "key:x").document
    wanted = (
        "version jurisdiction consentTimestamp collectionMethod consentReceiptID language piiPrincipalId "
        "piiControllers policyUrl services sensitive spiCat"
    )
    assert set(wanted.split()) <= set(document)
    assert document["version"] == "KI-CR-v1.1.0"


def test_a_receipt_that_was_changed_or_signed_by_somebody_else_is_refused(
    core: Core, tenant: NewTenant, person: str
) -> None:
    said(core, tenant, person, "withdrawn", 9)
    made = consent_receipts.issue(core, tenant.controller.id, person, "key:x")
    with pytest.raises(LogBroken):
        consent_receipts.opened(made.note.replace("consent_withdrawn", "consent_given"), made.vkeys)
    other = tenants.create(core, "Another", "DE").controller.id
    theirs = core.signing.vkeys(core.log.head(other).origin)
    with pytest.raises(LogBroken):
        consent_receipts.opened(made.note, theirs)
    with pytest.raises(LogBroken, match="consent receipt"):
        consent_receipts.opened(core.log.head(tenant.controller.id).checkpoint, made.vkeys)


def test_who_had_a_receipt_made_is_logged_and_the_leaf_names_nobody(
    core: Core, tenant: NewTenant, person: str
) -> None:
    consent_receipts.issue(core, tenant.controller.id, person, "user:auditor")
    leaf = json.loads(models.AuditEntry.select().order_by(models.AuditEntry.seq.desc()).first().leaf)
    assert (leaf["kind"], leaf["page"], leaf["actor"]) == (acts.READ, "consent_receipt", "user:auditor")
    assert person not in json.dumps(leaf)


def test_a_statement_at_the_desk_loses_against_a_newer_and_against_a_more_private_one_of_its_moment(
    core: Core, tenant: NewTenant, person: str
) -> None:
    outcomes = [
        said(core, tenant, person, *one) for one in (("withdrawn", 12), ("granted", 9), ("granted", 12))
    ]
    assert outcomes == ["recorded", "stale", "stale"]
    assert said(core, tenant, person, "granted", 13) == "recorded"


def test_what_cant_be_stated_is_refused(core: Core, tenant: NewTenant, person: str) -> None:
    with pytest.raises(Invalid, match="allowed are granted"):
        said(core, tenant, person, "yes", 9)
    with pytest.raises(Unfit, match="future"):
        consents.state(
            core, tenant.controller.id, person, PURPOSE, "email", "granted", actor="x",
            occurred_at=datetime(2199, 1, 1, tzinfo=UTC),
        )  # fmt: skip
    other = tenants.create(core, "Another", "DE").controller.id
    with pytest.raises(NotFound):
        consents.state(core, other, person, PURPOSE, "email", "granted", actor="x")
    models.DataSubject.update(state="erased").where(models.DataSubject.id == person).execute()
    with pytest.raises(Conflict, match="erased"):
        said(core, tenant, person, "granted", 9)
