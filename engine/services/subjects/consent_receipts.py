"""Consent receipts: all that a person agreed to, refused and took back, event by event, in one signed document.

The names at the top are those of Kantara's Consent Receipt v1.1.0; ``records`` follow ISO/IEC TS 27560:2023 in
its four sections (header, processing, parties, events). The note (C2SP signed-note) bears the signatures of the
data controller's log, so whoever knows its keys checks it without dxflow:

    dxflow-consent-receipt/v1
    <origin of the log>
    <the receipt as RFC 8785 JSON, one line>

    — <signatures>
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ... import moments
from ...core import Core
from ...errors import LogBroken
from ...ledger import leaves, note
from ...rights import consent_carry
from ...rights.consent_order import answer
from ...store import models
from .. import acts
from . import subjects

FORMAT = "dxflow-consent-receipt/v1"
KANTARA = "KI-CR-v1.1.0"
_STATES = {
    "granted": "consent_given",
    "withdrawn": "consent_withdrawn",
    "denied": "consent_refused",
    "pending": "consent_requested",
}
"""Stages of the life of a consent (ISO/IEC TS 27560:2023, Annex B); anything else is ``consent_unknown``."""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Receipt:
    """``note`` is what is handed over; ``document`` what it says; ``vkeys`` the keys that signed it."""

    document: dict[str, Any]
    note: str
    vkeys: list[str]


def issue(core: Core, tenant_id: str, subject_id: str, actor: str) -> Receipt:
    """The receipt of one data subject. That it was made is logged before anybody sees it. Raises NotFound."""
    subject = subjects.get(tenant_id, subject_id)
    acts.people_read(core, tenant_id, actor, "consent_receipt", [subject_id])
    head = core.log.head(tenant_id)
    document = _document(core, subject, core.signing.vkeys(head.origin))
    text = f"{FORMAT}\n{head.origin}\n{leaves.canonical(document).decode()}\n"
    return Receipt(document, core.signing.sign_text(head.origin, text), core.signing.vkeys(head.origin))


def opened(text: str, vkeys: Sequence[str]) -> dict[str, Any]:
    """What a receipt says that at least one of these keys signed; needs no database. Raises LogBroken for
    anything else, Invalid for what is no key."""
    lines = note.open_note(text, [note.Verifier.from_vkey(one) for one in vkeys]).split("\n")
    if len(lines) != 4 or lines[0] != FORMAT or lines[3]:
        raise LogBroken("a signed note isn't a consent receipt")
    document: dict[str, Any] = json.loads(lines[2])
    return document


def _document(core: Core, subject: models.DataSubject, vkeys: Sequence[str]) -> dict[str, Any]:
    tenant = models.DataController.get_by_id(subject.tenant_id)
    desk = models.RightsDesk.get_or_none(tenant_id=subject.tenant_id)
    policy = (desk.privacy_url if desk else None) or ""
    histories = _histories(subject)
    newest = max((row.occurred_at for rows in histories.values() for row in rows), default=core.clock())
    return {
        "version": KANTARA,
        "jurisdiction": tenant.jurisdiction,
        "consentTimestamp": int(newest.timestamp()),
        "collectionMethod": "statements received through the sources named in each record's events",
        "consentReceiptID": core.new_id(),
        "publicKey": vkeys[-1],
        "language": "en",
        "piiPrincipalId": subject.did or subject.id,
        "piiControllers": [{"piiController": tenant.name, "piiControllerId": tenant.did}],
        "policyUrl": policy,
        "services": _services(tenant, histories),
        "sensitive": False,
        "spiCat": [],
        "schema_version": FORMAT,
        "issued_at": moments.to_text(core.clock()),
        "records": [_record(subject, tenant, policy, key, rows) for key, rows in sorted(histories.items())],
    }


def _histories(subject: models.DataSubject) -> dict[Key, list[models.Consent]]:
    """Every statement by purpose and channel, the one that holds last."""
    row, found = models.Consent, dict[Key, list[models.Consent]]()
    query = row.select().where(row.tenant_id == subject.tenant_id, row.subject_id == subject.id)
    undone = consent_carry.undone([subject.id])
    for one in [one for one in query.order_by(row.occurred_at, row.seq) if one.id not in undone]:
        found.setdefault((one.purpose, one.channel), []).append(one)
    return found


def _services(
    tenant: models.DataController, histories: Mapping[Key, Sequence[models.Consent]]
) -> list[dict[str, Any]]:
    """What is agreed to now, in Kantara's words."""
    purposes = [
        {
            "purpose": purpose,
            "purposeCategory": ["Marketing" if "marketing" in purpose else "Other"],
            "consentType": "EXPLICIT",
            "piiCategory": ["Contact" if channel in ("email", "sms") else "Other"],
            "primaryPurpose": False,
            "termination": "until withdrawn",
            "thirdPartyDisclosure": False,
        }
        for (purpose, channel), rows in sorted(histories.items())
        if answer(rows[-1].state)
    ]
    return [{"service": tenant.name, "purposes": purposes}] if purposes else []


def _record(
    subject: models.DataSubject,
    tenant: models.DataController,
    policy: str,
    key: Key,
    rows: Sequence[models.Consent],
) -> dict[str, Any]:
    return {
        "header": {
            "schema_version": FORMAT,
            "record_id": rows[0].id,
            "pii_principal_id": subject.did or subject.id,
        },
        "processing": _processing(tenant, policy, key, rows[-1]),
        "parties": [
            {"party_id": tenant.did or tenant.id, "party_role": "pii_controller", "party_name": tenant.name}
        ],
        "events": [_event(row) for row in rows],
    }


def _processing(
    tenant: models.DataController, policy: str, key: Key, holds: models.Consent
) -> dict[str, Any]:
    """What the consent is for, and how it stands."""
    purpose, channel = key
    return {
        "purpose": purpose,
        "channel": channel,
        "lawful_basis": "consent",
        "consent_state": _state(holds),
        "jurisdiction": tenant.jurisdiction,
        "pii_controllers": [tenant.did or tenant.id],
        "privacy_notice": policy,
    }


def _event(row: models.Consent) -> dict[str, Any]:
    """One statement of the person's."""
    return {
        "event_id": row.id,
        "event_time": moments.to_text(row.occurred_at),
        "event_state": _state(row),
        "entity_id": row.source,
        "recorded_at": moments.to_text(row.recorded_at),
        "evidence": {str(name): str(value) for name, value in row.evidence.items()},
    }


def _state(row: models.Consent) -> str:
    return _STATES.get(str(row.state), "consent_unknown")
