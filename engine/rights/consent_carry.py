"""Consents across a merge: what held for the one who is gone is restated for the one who is kept, and holds for
them until the merge is taken back.

Statements are append-only. One that was restated and then taken back stays where it is, and is named in
``undone_consents``: the view of what holds passes it over, and so does whoever reads statements by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .. import moments
from ..core import Core
from ..store import models, quick
from . import consent_sync
from .consent_order import ALL, Statement

SOURCE, AGAIN = "merge", "unmerge"
"""Who says a statement that a merge, or its end, restates."""


def carry(core: Core, giver: str, taker: str, event_id: str | None = None) -> list[str]:
    """Restate what holds for ``giver`` for ``taker``, each with its own time and as any other statement: of two
    of one moment the more private holds. Returns the ids of what was written; inside a transaction."""
    row, before = models.ConsentCurrent, newest(taker)
    rows = list(row.select().where(row.subject_id == giver))
    for one in sorted(
        rows, key=lambda one: str(one.channel) == ALL
    ):  # what is special before what is general
        evidence = {"from_subject": giver, "stated_at": moments.to_text(one.occurred_at)}
        said = Statement(
            one.tenant_id, taker, one.purpose, one.channel, one.state, SOURCE, one.occurred_at,
            event_id=event_id, evidence=evidence,
        )  # fmt: skip
        consent_sync.take(core, said)
    statement = models.Consent
    written = statement.select(statement.id).where(statement.subject_id == taker, statement.seq > before)
    return [str(one.id) for one in written]


def undo(core: Core, tenant_id: str, merge_id: str, consent_ids: Sequence[str]) -> None:
    """These statements hold no more; inside a transaction."""
    row = {"tenant_id": tenant_id, "merge_id": merge_id, "undone_at": core.clock()}
    quick.insert_all(models.UndoneConsent, [{"consent_id": one, **row} for one in consent_ids])


def undone(subject_ids: Iterable[str]) -> set[str]:
    """Ids of the statements about these people that were taken back with a merge."""
    row, statement = models.UndoneConsent, models.Consent
    about = statement.subject_id.in_(list(subject_ids))
    found = row.select(row.consent_id).join(statement, on=(statement.id == row.consent_id)).where(about)
    return {str(one.consent_id) for one in found}


def newest(subject_id: str) -> int:
    """The number of the newest statement about somebody; 0 where there is none."""
    row = models.Consent
    found = row.select(row.seq).where(row.subject_id == subject_id).order_by(row.seq.desc()).first()
    return 0 if found is None else int(found.seq)
