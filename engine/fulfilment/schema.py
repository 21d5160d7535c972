"""The JSON Schema (2020-12) of ``data.json``; it travels in every package. Nothing that isn't in it is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .collecting import ACCESS, CATEGORIES, FORMAT, PORTABILITY, VERSION

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
MAYBE: Schema = {"type": ["string", "null"]}
TEXTS: Schema = {"type": "array", "items": TEXT}
NUMBER: Schema = {"type": "integer", "minimum": 0}
YES_OR_NO: Schema = {"type": "boolean"}
MOMENT: Schema = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,6}Z$",
}
MAYBE_DAY: Schema = {"type": ["string", "null"], "pattern": r"^\d{4}-\d\d-\d\d$"}


def _object(**members: Schema) -> Schema:
    """All of these members and no other."""
    return {
        "type": "object",
        "properties": members,
        "required": list(members),
        "additionalProperties": False,
    }


def _list(**members: Schema) -> Schema:
    return {"type": "array", "items": _object(**members)}


_OWN_PROOF = _object(origin={"const": ""}, log_index=NUMBER, leaf=TEXT, hashes=TEXTS)
_AGENTS_PROOF = _object(origin={"type": "string", "minLength": 1}, log_index=NUMBER, tlog_proof=MAYBE)

PARTS: Mapping[str, Schema] = {
    "format": {"const": FORMAT},
    "version": {"const": VERSION},
    "kind": {"enum": [ACCESS, CATEGORIES, PORTABILITY]},
    "language": TEXT,
    "made_at": MOMENT,
    "controller": _object(name=TEXT, did=MAYBE, jurisdiction=TEXT, privacy_url=MAYBE),
    "request": _object(id=TEXT, type=TEXT, regime=TEXT, received_at=MOMENT),
    "subject": _object(did=MAYBE, since=MOMENT),
    "information": _object(
        purposes=_list(purpose=TEXT, legal_bases=TEXTS, activity_types=TEXTS, fields=TEXTS, sources=TEXTS),
        categories=TEXTS,
        sources=TEXTS,
        retention=TEXT,
        automated_decisions=TEXT,
        rights=TEXTS,
        authority=TEXT,
    ),
    "profiles": _list(
        did=MAYBE,
        merged=YES_OR_NO,
        since=MOMENT,
        email=MAYBE,
        phone=MAYBE,
        name=MAYBE,
        external_ids=_list(scope=TEXT, id=TEXT),
    ),
    "identifiers": _list(kind=TEXT, scope=TEXT, value=MAYBE, since=MOMENT),
    "consents": _list(
        purpose=TEXT,
        channel=TEXT,
        state=TEXT,
        current=YES_OR_NO,
        source=TEXT,
        occurred_at=MOMENT,
        recorded_at=MOMENT,
    ),
    "processing_activities": _list(
        did=MAYBE,
        activity_type=TEXT,
        purpose=TEXT,
        legal_basis=TEXT,
        fields=TEXTS,
        source=TEXT,
        occurred_at=MOMENT,
        registration=_object(state=TEXT, proof={"anyOf": [{"type": "null"}, _OWN_PROOF, _AGENTS_PROOF]}),
    ),
    "events": _list(source=TEXT, topic=TEXT, state=TEXT, received_at=MOMENT),
    "requests": _list(
        id=TEXT,
        type=TEXT,
        state=TEXT,
        regime=TEXT,
        source=TEXT,
        received_at=MOMENT,
        due=MAYBE_DAY,
        decision=MAYBE,
        words=MAYBE,
    ),
    "recipients": _list(name=TEXT, platform=TEXT, fields=TEXTS),
    "limits": _list(kind=TEXT, purpose=TEXT, began_at=MOMENT),
    "log": _object(origin=TEXT, size=NUMBER, checkpoint=TEXT, keys=TEXTS),
}
_FRAME = ("format", "version", "kind", "language", "made_at", "controller", "request", "subject")
MEMBERS: Mapping[str, tuple[str, ...]] = {
    ACCESS: tuple(PARTS),
    CATEGORIES: (*_FRAME, "information", "recipients"),
    PORTABILITY: (*_FRAME, "profiles", "identifiers", "consents"),
}
"""What a document of each kind has: all of these, and nothing else."""

SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": f"urn:dxflow:{FORMAT}:{VERSION}",
    "title": "The personal data of one person, as a data controller that runs dxflow gives them out",
    "type": "object",
    "properties": dict(PARTS),
    "additionalProperties": False,
    "oneOf": [
        {
            "properties": {"kind": {"const": kind}, **{name: True for name in members if name != "kind"}},
            "required": list(members),
            "maxProperties": len(members),
        }
        for kind, members in MEMBERS.items()
    ],
}
