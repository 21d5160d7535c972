"""Rectification (GDPR Art. 16; Cal. Civ. Code 1798.106): what is stored is put right, recipients hear of it.

What it said before and says now is kept sealed beside the audit act, which only commits to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..announcing import announce
from ..core import Core
from ..errors import Invalid, Unfit
from ..identity import normalise
from ..identity.profiles import person_from
from ..identity.subjects import Origin
from ..rights.types import RequestType
from ..services import acts
from ..store import models
from . import effects, people, telling

TYPES = (str(RequestType.RECTIFICATION),)
TEXTS = ("email", "phone", "name")
FIELDS = (*TEXTS, "external_ids")
SOURCE = "rights_request"
LONGEST = 200

Changes = Mapping[str, Any]


def rectify(
    core: Core, tenant_id: str, request_id: str, actor: str, changes: Changes
) -> list[models.Obligation]:
    """Change what the profile says, and the identifiers with it; what recipients have to be told. ``changes``
    are texts under email, phone and name, null for what shall be gone, and under external_ids an object of
    scope and id. What is said already changes nothing.

    Raises NotFound, Invalid for a field that there isn't or isn't what its name says, Unfit for a telephone
    number that nobody can have, Conflict for another type of request, for one that isn't proven or isn't
    worked on, and for an identifier that is somebody else's.
    """
    region = models.DataController.get_by_id(tenant_id).region
    _check(changes, region)
    with core.store.transaction():
        request, subject = people.of_request(tenant_id, request_id)
        people.ready(request, TYPES)
        before = core.subjects.profile(subject)
        after = _laid_over(before, changes)
        if after == before:
            effects.note(core, request, actor)  # it is right already
            return []
        if person_from(after).nameless:
            raise Invalid("email", "at least one of email, phone, external_ids must stay")
        told = telling.holders(core, tenant_id, people.family(subject))
        core.subjects.correct(Origin(tenant_id, SOURCE, None, None), subject, after, region)
        _record(core, request, subject, actor, before, after)
        effects.note(core, request, actor)
        said = {
            name: str(after[name]) for name in TEXTS if after.get(name) and after[name] != before.get(name)
        }
        made = telling.tell(core, "rectify", subject, told, request.id, said)
    core.bell.set()
    return made


def _record(
    core: Core,
    request: models.RightsRequest,
    subject: models.DataSubject,
    actor: str,
    before: dict[str, object],
    after: dict[str, object],
) -> None:
    fields = [name for name in FIELDS if before.get(name) != after.get(name)]
    changed = {"subject": subject.id, "before": before, "after": after}
    body = {"request": request.id, "fields": fields}
    acts.record(core, subject.tenant_id, "data_subject.rectified", actor, changed, [subject.id], **body)
    told = {"subject_id": subject.id, "request_id": request.id, "fields": fields}
    announce(core, subject.tenant_id, "data_subject.rectified", told)


def _laid_over(before: dict[str, object], changes: Changes) -> dict[str, object]:
    """The profile with the changes in it; null, and an id of null, take away."""
    after = {**before, **{name: _clean(changes[name]) for name in TEXTS if name in changes}}
    if "external_ids" in changes:
        known = before.get("external_ids")
        ids = {**(known if isinstance(known, dict) else {}), **changes["external_ids"]}
        after["external_ids"] = {scope: value for scope, value in ids.items() if value is not None}
    return {name: value for name, value in after.items() if value not in (None, {})}


def _clean(value: str | None) -> str | None:
    return None if value is None else value.strip()


def _check(changes: Changes, region: str | None) -> None:
    unknown = sorted(set(changes) - set(FIELDS))
    if unknown or not changes:
        raise Invalid(unknown[0] if unknown else "changes", f"allowed are {', '.join(FIELDS)}, at least one")
    for name in TEXTS:
        value = changes.get(name)
        if value is not None and (not isinstance(value, str) or not 0 < len(value.strip()) <= LONGEST):
            raise Invalid(name, f"must be a text of 1 to {LONGEST} characters, or null")
    if changes.get("email") is not None and normalise.email(changes["email"]) is None:
        raise Invalid("email", "not an e-mail address")
    if changes.get("phone") is not None and normalise.phone(changes["phone"], region) is None:
        raise Unfit("phone", "no such telephone number; write it with + and the country code")
    _check_ids(changes.get("external_ids", {}))


def _check_ids(ids: object) -> None:
    texts = isinstance(ids, dict) and all(
        isinstance(scope, str)
        and scope.strip()
        and (value is None or (isinstance(value, str) and value.strip()))
        for scope, value in ids.items()
    )
    if not texts:
        raise Invalid("external_ids", "must be an object of scope and id, neither blank; null takes one away")
