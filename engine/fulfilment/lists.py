"""What is stored of one person, table by table, as plain values for JSON: one query each, however long it is.

Never another person's data: bodies of deliveries, which may name others, aren't opened; what somebody wrote in
the person's name without proving who they are isn't shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import unquote

from .. import moments
from ..core import Core
from ..rights import consent_carry, proof
from ..rights.limits import of as limits_of
from ..services.rights.requests import details_of
from ..store import models
from . import proving

Rows = list[dict[str, Any]]


def profiles(core: Core, family: Sequence[models.DataSubject]) -> Rows:
    """What is known of the person, and of the records that were merged into theirs, each as it was kept."""
    return [
        {
            "did": one.did,
            "merged": one.merged_into is not None,
            "since": moments.to_text(one.created_at),
            **_profile(core.subjects.profile(one)),
        }
        for one in family
    ]


def identifiers(core: Core, family: Sequence[models.DataSubject]) -> Rows:
    """By what the person is found; the value is null where a version before 0.2 didn't keep it."""
    keys = {one.id: core.subjects.profiles.key(one) for one in family if one.key_wrapped is not None}
    row, found = models.DataSubjectLink, dict[tuple[str, str, str | None], dict[str, Any]]()
    for link in row.select().where(row.subject_id.in_(_ids(family))).order_by(row.created_at, row.id):
        value = core.subjects.links.value(link, keys[link.subject_id]) if link.subject_id in keys else None
        text = None if value is None else _plain(link, value.decode("utf-8", "surrogatepass"))
        told = {
            "kind": link.field,
            "scope": link.scope,
            "value": text,
            "since": moments.to_text(link.created_at),
        }
        found.setdefault((link.field, link.scope, text), told)  # once, under however many versions of the key
    return list(found.values())


def consents(family: Sequence[models.DataSubject]) -> Rows:
    """Every statement, newest first; ``current`` marks the one that holds for its purpose and channel. Those
    that came with a merge which was taken back are another person's."""
    row, seen = models.Consent, set[tuple[str, str, str]]()
    found, undone = Rows(), consent_carry.undone(_ids(family))
    for one in (
        row.select().where(row.subject_id.in_(_ids(family))).order_by(row.occurred_at.desc(), row.seq.desc())
    ):
        key = (one.subject_id, one.purpose, one.channel)
        if one.id in undone:
            continue
        found.append(
            {
                "purpose": one.purpose,
                "channel": one.channel,
                "state": one.state,
                "current": key not in seen,
                "source": one.source,
                "occurred_at": moments.to_text(one.occurred_at),
                "recorded_at": moments.to_text(one.recorded_at),
            }
        )
        seen.add(key)
    return found


def activities(tenant_id: str, family: Sequence[models.DataSubject], size: int) -> Rows:
    """What was done with their data, newest first, each with the proof of its registration in a log of
    ``size``: hashes in this controller's own log, or a C2SP tlog-proof from a dx-agent's elsewhere."""
    row, receipt = models.ProcessingActivity, models.Registration
    mine = row.select(row.id).where(row.subject_id.in_(_ids(family)))
    receipts = {one.activity_id: one for one in receipt.select().where(receipt.activity_id.in_(mine))}
    own = receipt.select(receipt.log_index).where(receipt.activity_id.in_(mine), receipt.origin == "")
    said = proving.leaves(tenant_id, own)
    proofs = proving.proofs(tenant_id, said, size)
    query = row.select().where(row.subject_id.in_(_ids(family)))
    return [
        {
            "did": one.did,
            "activity_type": one.activity_type,
            "purpose": one.purpose,
            "legal_basis": one.legal_basis,
            "fields": _names(one.fields),
            "source": one.source,
            "occurred_at": moments.to_text(one.occurred_at),
            "registration": {
                "state": one.registration_state,
                "proof": _proof(receipts.get(one.id), said, proofs),
            },
        }
        for one in query.order_by(row.occurred_at.desc(), row.created_at.desc(), row.id)
    ]


def events(family: Sequence[models.DataSubject]) -> Rows:
    """What came in about them, newest first: from where, what kind, when; what it said isn't opened."""
    row = models.Event
    columns = (row.source, row.topic, row.state, row.received_at)
    query = row.select(*columns).where(row.subject_id.in_(_ids(family)))
    return [
        {
            "source": one.source,
            "topic": one.topic,
            "state": one.state,
            "received_at": moments.to_text(one.received_at),
        }
        for one in query.order_by(row.seq.desc())
    ]


def requests(core: Core, family: Sequence[models.DataSubject]) -> Rows:
    """Their rights requests, newest first. The words of one that nobody has proven to be theirs, by a channel
    on file or better, may be somebody else's, and stay out."""
    row = models.RightsRequest
    query = row.select().where(row.subject_id.in_(_ids(family)))
    return [
        {
            "id": one.id,
            "type": one.type,
            "state": one.state,
            "regime": one.regime,
            "source": one.source,
            "received_at": moments.to_text(one.received_at),
            "due": one.due,
            "decision": one.decision,
            "words": details_of(core, one) if proof.personal(one) else None,
        }
        for one in query.order_by(row.received_at.desc(), row.id)
    ]


def limits(family: Sequence[models.DataSubject]) -> Rows:
    """What may not be done with their data."""
    found = limits_of(_ids(family)).values()
    return [
        {"kind": row.kind, "purpose": row.purpose, "began_at": moments.to_text(row.began_at)}
        for held in found
        for row in held.rows
    ]


def _proof(
    receipt: models.Registration | None, said: Any, proofs: dict[int, list[str]]
) -> dict[str, Any] | None:
    """None for what isn't registered yet, or was after the checkpoint that goes with this."""
    if receipt is None:
        return None
    if receipt.origin:
        return {"origin": receipt.origin, "log_index": receipt.log_index, "tlog_proof": receipt.proof}
    if receipt.log_index not in proofs:
        return None
    index = receipt.log_index
    return {"origin": "", "log_index": index, "leaf": said[index], "hashes": proofs[index]}


def _plain(link: models.DataSubjectLink, value: str) -> str:
    """A platform's id without the scope that it is normalised with."""
    return unquote(value.removeprefix(f"{link.scope.strip()}:")) if link.field == "external_id" else value


def _profile(stored: dict[str, object]) -> dict[str, Any]:
    texts: dict[str, Any] = {name: _text(stored.get(name)) for name in ("email", "phone", "name")}
    external = stored.get("external_ids")
    pairs = sorted(external.items()) if isinstance(external, dict) else []
    return texts | {"external_ids": [{"scope": str(scope), "id": str(value)} for scope, value in pairs]}


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _names(fields: object) -> list[str]:
    return [str(one) for one in fields] if isinstance(fields, list) else []


def _ids(family: Iterable[models.DataSubject]) -> list[str]:
    return [one.id for one in family]
