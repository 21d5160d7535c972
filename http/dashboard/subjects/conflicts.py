"""Link conflicts and merges: two data subjects side by side, and a person decides whether they are one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ....engine.access.roles import Permission
from ....engine.errors import CallerError, Invalid, NotFound
from ....engine.merging import conflicts, merges, obstacles, portrait
from ....engine.services import acts
from ....engine.services.subjects import subjects as service
from ....engine.store import models, quick
from .. import words
from ..answers import Page, Redirect
from ..desk import Desk
from ..screens import Screen, Visit, Way
from . import subject_page, subjects

_PER_PAGE = 50


def screens(shared: Desk) -> dict[str, Screen]:
    """The list of conflicts, one of them, and a merge of two that nothing points at.

    Merging takes what working on requests takes: a wrong merge shows one person's data to another when they ask
    for access. Who may merely enter data may not do that.
    """
    look, reads, handles = Permission.LOOK, Permission.READ_PEOPLE, Permission.HANDLE_REQUESTS
    one = "/subjects/conflicts/{conflict_id}"
    return {
        "/subjects/conflicts": Screen(shared, get=Way(listing, look)),
        one: Screen(shared, get=Way(show, look), post=Way(reveal, reads)),
        f"{one}/merge": Screen(shared, post=Way(merge, handles)),
        f"{one}/keep-apart": Screen(shared, post=Way(keep_apart, handles)),
        "/subjects/{subject_id}/merge": Screen(
            shared, get=Way(with_another, handles), post=Way(merge_with, handles)
        ),
        "/subjects/{subject_id}/merge/find": Screen(shared, post=Way(find, reads)),
    }


def listing(visit: Visit) -> Page:
    """``?state=`` open, merged or kept_apart; ``?cursor=`` continues."""
    state, cursor = visit.query.get("state", conflicts.OPEN), visit.query.get("cursor")
    state = state if state in conflicts.STATES else conflicts.OPEN
    page = conflicts.listing(visit.tenant_id, state=state, limit=_PER_PAGE, cursor=cursor)
    ids = [one for row in page.rows for one in (row.subject_id, row.other_subject_id)]
    events = [row.event_id for row in page.rows if row.event_id]
    values = {
        "state": state,
        "states": conflicts.STATES,
        "conflicts": page.rows,
        "waiting": conflicts.waiting(visit.tenant_id),
        "subjects": quick.by_ids(models.DataSubject, ids, tenant_id=visit.tenant_id),
        "events": quick.by_ids(models.Event, events, tenant_id=visit.tenant_id),
        "cursor": page.next_cursor,
        "paged": cursor is not None,
    }
    return Page("subjects/conflicts.html", values)


def show(visit: Visit) -> Page:
    """One conflict; who the two are stays covered."""
    return _page(visit, _get(visit))


def reveal(visit: Visit) -> Page:
    """The same with both profiles in the clear: an audit entry before they are shown."""
    row = _get(visit)
    sides = conflicts.sides(visit.tenant_id, row)
    return _page(visit, row, revealed=_revealed(visit, sides, "link_conflict"))


def merge(visit: Visit) -> Page | Redirect:
    """They are one person: the form says who stays, and why."""
    row, form = _get(visit), visit.form
    try:
        made = conflicts.merge(
            visit.core,
            visit.tenant_id,
            row.id,
            subject_page.identifier(form.get("kept", "")),
            form.get("reason", ""),
            visit.signed.actor,
        )
    except CallerError as error:
        return _page(visit, row, act="merge", refusal=_words(error))
    return Redirect(f"{visit.base}/subjects/{made.kept_id}", note="subject.merged")


def keep_apart(visit: Visit) -> Page | Redirect:
    """They are two people, and why."""
    row, why = _get(visit), visit.form.get("reason", "")
    try:
        conflicts.keep_apart(visit.core, visit.tenant_id, row.id, why, visit.signed.actor)
    except CallerError as error:
        return _page(visit, row, act="apart", refusal=_words(error))
    return Redirect(f"{visit.base}/subjects/conflicts", note="conflict.apart")


def with_another(visit: Visit) -> Page:
    """A data subject, and the one it is to be merged with (``?with=`` its DID or id), side by side."""
    return _merging(visit, visit.query.get("with", "").replace("\0", "").strip())


def find(visit: Visit) -> Page | Redirect:
    """The other one by an identifier, which travels in the form alone."""
    subject = subject_page.get(visit)
    try:
        found = subjects.look_up(visit, visit.form.get("kind", ""), visit.form.get("value", "").strip())
    except CallerError as error:
        return _merging(visit, "", refusal=_words(error), act="find")
    return Redirect(f"{visit.base}/subjects/{subject.id}/merge?with={found.id}")


def merge_with(visit: Visit) -> Page | Redirect:
    """Merge the two that the form names."""
    subject, form = subject_page.get(visit), visit.form
    other, kept = (subject_page.identifier(form.get(name, "")) for name in ("other", "kept"))
    gone = other if kept == subject.id else subject.id
    try:
        if kept not in (subject.id, other):
            raise Invalid("kept", "choose which of the two stays")
        merges.merge(visit.core, visit.tenant_id, kept, gone, form.get("reason", ""), visit.signed.actor)
    except CallerError as error:
        return _merging(visit, other, refusal=_words(error), act="merge")
    return Redirect(f"{visit.base}/subjects/{kept}", note="subject.merged")


def _page(
    visit: Visit,
    row: models.LinkConflict,
    *,
    revealed: Mapping[str, Mapping[str, object]] | None = None,
    act: str = "",
    refusal: str = "",
) -> Page:
    sides = conflicts.sides(visit.tenant_id, row)
    values = {
        "conflict": row,
        "event": quick.get(models.Event, id=row.event_id, tenant_id=visit.tenant_id)
        if row.event_id
        else None,
        "sides": [portrait.of(one) for one in sides],
        "revealed": revealed,
        "reason": "" if revealed is None else conflicts.reason_of(visit.core, row),
        "may_reveal": visit.may(Permission.READ_PEOPLE),
        "may_merge": visit.may(Permission.HANDLE_REQUESTS),
        **_form(visit, act, refusal),
    }
    return Page("subjects/conflict.html", values, 422 if refusal else 200)


def _merging(visit: Visit, named: str, *, refusal: str = "", act: str = "") -> Page:
    subject, other, missed = subject_page.get(visit), None, False
    if named:
        try:
            other = service.named(visit.tenant_id, named)
        except NotFound:
            missed = True
    same = other is not None and other.id == subject.id
    values = {
        "subject": subject,
        "sides": [portrait.of(one) for one in (subject, other) if one is not None and not same],
        "other": None if same else other,
        "missed": missed,
        "same": same,
        "kinds": subjects.KINDS,
        "may_look_up": visit.may(Permission.READ_PEOPLE),
        **_form(visit, act, refusal),
    }
    return Page("subjects/merge.html", values, 422 if refusal else 200)


def _form(visit: Visit, act: str, refusal: str) -> dict[str, object]:
    return {
        "act": act,
        "refusal": refusal,
        "chosen": visit.form,
        "reason_length": obstacles.REASON_LENGTH,
    }


def _revealed(visit: Visit, sides: Sequence[models.DataSubject], page: str) -> dict[str, dict[str, object]]:
    core, ids = visit.core, [one.id for one in sides]
    acts.people_read(core, visit.tenant_id, visit.signed.actor, page, ids)
    profiles = {one.id: core.subjects.profile(one) for one in sides}
    return {
        name: {key: value for key, value in profile.items() if value} for name, profile in profiles.items()
    }


def _get(visit: Visit) -> models.LinkConflict:
    return conflicts.get(visit.tenant_id, subject_page.identifier(visit.path["conflict_id"]))


def _words(error: CallerError) -> str:
    return words.sentence(error.detail if isinstance(error, Invalid) else str(error))
