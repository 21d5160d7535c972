"""``/api/v1/data-subjects/{id}/merge`` and ``/api/v1/link-conflicts``: are two data subjects one person?"""

from __future__ import annotations

from typing import Annotated, Literal

from ...engine.access.roles import Permission
from ...engine.errors import NotThere
from ...engine.merging import conflicts, merges, undoing
from ...engine.services.pages import Order
from ...engine.services.subjects import subjects
from ...engine.store import models
from .events import Reason
from .operation import Call, Operation, get, post
from .values import Id, Listed, Moment, Nothing, Paging, Shape, place_in


class NewMerge(Shape):
    """Whom to merge into this data subject, and what shows that they are one person: kept sealed."""

    other: Id
    reason: Reason


class Decision(Shape):
    """What shows it: kept sealed."""

    reason: Reason


class Resolution(Shape):
    """They are one person; which of the two stays, and what shows it."""

    kept_id: Id
    reason: Reason


class Merge(Shape):
    """A merge that a person made, in force while ``undone_at`` is null."""

    id: Id
    kept_id: Id
    gone_id: Id
    merged_by: str
    merged_at: Moment
    undone_by: str | None
    undone_at: Moment | None


class LinkConflict(Shape):
    """Two data subjects that one identifier of the kind ``field`` points at. ``state``: open, merged or
    kept_apart."""

    id: Id
    event_id: Id | None
    subject_id: Id
    other_subject_id: Id
    field: str
    state: str
    created_at: Moment
    decided_by: str | None
    decided_at: Moment | None


class LinkConflictPage(Listed[LinkConflict]):
    """Conflicts in one state, newest first."""


class LinkConflictQuery(Paging):
    """Those to decide, unless another state is asked for."""

    cursor: Annotated[str | None, place_in("link_conflicts", Order.TIME)] = None
    state: Literal["open", "merged", "kept_apart"] = "open"


def merge(call: Call[Nothing, NewMerge]) -> Merge:
    """Make another data subject a part of this one."""
    subjects.get(call.tenant_id, call.id)
    if models.DataSubject.get_or_none(id=call.body.other, tenant_id=call.tenant_id) is None:
        raise NotThere("other", "no such data subject")
    made = merges.merge(
        call.core, call.tenant_id, call.id, call.body.other, call.body.reason, call.caller.actor
    )
    return _merge(made)


def unmerge(call: Call[Nothing, Decision]) -> Merge:
    """Take the merge back by which this data subject is gone."""
    subjects.get(call.tenant_id, call.id)
    standing = merges.standing(call.tenant_id, call.id)
    undone = undoing.unmerge(call.core, call.tenant_id, standing.id, call.body.reason, call.caller.actor)
    return _merge(undone)


def listing(call: Call[LinkConflictQuery, Nothing]) -> LinkConflictPage:
    """Newest first."""
    query = call.query
    page = conflicts.listing(call.tenant_id, state=query.state, limit=query.limit, cursor=query.cursor)
    return LinkConflictPage.of(page, _conflict)


def show(call: Call[Nothing, Nothing]) -> LinkConflict:
    """One."""
    return _conflict(conflicts.get(call.tenant_id, call.id))


def resolve(call: Call[Nothing, Resolution]) -> Merge:
    """They are one."""
    body = call.body
    made = conflicts.merge(call.core, call.tenant_id, call.id, body.kept_id, body.reason, call.caller.actor)
    return _merge(made)


def keep_apart(call: Call[Nothing, Decision]) -> LinkConflict:
    """They are two."""
    row = conflicts.keep_apart(call.core, call.tenant_id, call.id, call.body.reason, call.caller.actor)
    return _conflict(row)


def _merge(row: models.SubjectMerge) -> Merge:
    return Merge.model_validate({name: getattr(row, name) for name in Merge.model_fields})


def _conflict(row: models.LinkConflict) -> LinkConflict:
    return LinkConflict.model_validate({name: getattr(row, name) for name in LinkConflict.model_fields})


_HANDLE = Permission.HANDLE_REQUESTS
OPERATIONS: tuple[Operation, ...] = (
    post(
        "/data-subjects/{id}/merge", _HANDLE, merge, "Merge another data subject into this one",
        body=NewMerge, answer=Merge, status=201,
    ),
    post(
        "/data-subjects/{id}/unmerge", _HANDLE, unmerge, "Take a merge back",
        body=Decision, answer=Merge,
    ),
    get(
        "/link-conflicts", Permission.LOOK, listing, "List link conflicts",
        query=LinkConflictQuery, answer=LinkConflictPage,
    ),
    get(
        "/link-conflicts/{id}", Permission.LOOK, show, "Show a link conflict",
        query=Nothing, answer=LinkConflict,
    ),
    post(
        "/link-conflicts/{id}/merge", _HANDLE, resolve, "Decide that both are one person",
        body=Resolution, answer=Merge,
    ),
    post(
        "/link-conflicts/{id}/keep-apart", _HANDLE, keep_apart, "Decide that they are two people",
        body=Decision, answer=LinkConflict,
    ),
)  # fmt: skip
