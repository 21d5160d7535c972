"""What may not be done with a person's data any more, as the places that act on it ask.

A *restriction* (GDPR Art. 18) lets nothing happen but storage. An *objection* (Art. 21) ends what is done for
one purpose; without a purpose, what rests on legitimate interests or a public task, and direct marketing
whatever it rests on (Art. 21(2)-(3)). Opt-outs are California's (Cal. Civ. Code 1798.120, 1798.121; 11 CCR
7026, 7027) and GDPR Art. 22's: they end what is done for purposes of their kind.

The rule: ``DataSubject.limited`` is true while any limit is in force, and is set under the lock of that row.
Whoever has the row knows without a query that there is nothing to look up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from peewee import fn

from ..errors import Invalid
from ..platforms.activities import DIRECT_MARKETING
from ..store import models

RESTRICTION, OBJECTION = "restriction", "objection"
KINDS = (
    RESTRICTION,
    OBJECTION,
    "sale_opt_out",
    "sensitive_limit",
    "tracking_opt_out",
    "automated_decision_opt_out",
)

_OBJECTED_BASES = ("legitimate_interests", "public_task")
"""What Art. 21(1) lets people object to: Art. 6(1)(e) and (f)."""
_SPEAKS_OF = {
    "sale_opt_out": r"sale|sell(ing)?|shar(e|ing)|cross.context|(targeted|behaviou?ral|personal\w*) ad\w+",
    "sensitive_limit": r"sensitive|special categor\w+|health|biometric|genetic|precise (geo)?location",
    "tracking_opt_out": r"track(ing|er)?|analytics|cookies?|(targeted|behaviou?ral) advertis\w+|retargeting",
    "automated_decision_opt_out": r"profiling|scoring|automated (individual )?decision(.making|s)?",
}
"""By which words of its text a purpose is of an opt-out's kind: purposes are data controllers' own texts."""
_WORDS = {kind: re.compile(rf"\b({words})\b") for kind, words in _SPEAKS_OF.items()}


@dataclass(frozen=True, slots=True)
class Limits:
    """Those of one person that are in force, oldest first."""

    rows: tuple[models.SubjectLimit, ...] = ()

    @property
    def restricted(self) -> bool:
        """Whether their data may only be stored."""
        return any(row.kind == RESTRICTION for row in self.rows)

    def forbids(self, purpose: str, legal_basis: str = "") -> models.SubjectLimit | None:
        """The limit that ends what is done for this purpose on this basis; None when none does. A restriction
        isn't about purposes, and asked for by itself."""
        return next((row for row in self.rows if _ends(row, purpose, legal_basis)), None)

    def lets_back(self, purpose: str, stated_at: datetime | None) -> bool:
        """Whether a consent for this purpose counts: without a time of its own, or from before the limit, it
        is older news and brings nothing back."""
        limit = self.forbids(purpose, "consent")
        return limit is None or (stated_at is not None and stated_at > limit.began_at)


NONE = Limits()


def of(subject_ids: Iterable[str]) -> dict[str, Limits]:
    """What is in force, by data subject; those without limits are left out. One query."""
    ids, row = list(dict.fromkeys(subject_ids)), models.SubjectLimit
    found: dict[str, list[models.SubjectLimit]] = {}
    query = row.select().where(row.subject_id.in_(ids), row.lifted_at.is_null())
    for limit in query.order_by(row.began_at, row.id) if ids else ():
        found.setdefault(limit.subject_id, []).append(limit)
    return {subject_id: Limits(tuple(rows)) for subject_id, rows in found.items()}


def of_subject(subject: models.DataSubject) -> Limits:
    """Those of somebody whose row is at hand; no query where there are none."""
    return of([subject.id]).get(subject.id, NONE) if subject.limited else NONE


def restricts(subject: models.DataSubject) -> bool:
    """Whether nothing but storing may happen to what comes in about them."""
    return of_subject(subject).restricted


def carry(giver: str, taker: str) -> None:
    """Limits of somebody who was merged hold for the one they were merged into; inside a transaction. Whose
    they were at first stays written at them."""
    row = models.SubjectLimit
    changes = {"subject_id": taker, "carried_from": fn.COALESCE(row.carried_from, giver)}
    if row.update(**changes).where(row.subject_id == giver, row.lifted_at.is_null()).execute():
        models.DataSubject.update(limited=True).where(models.DataSubject.id == taker).execute()


def give_back(ids: Iterable[str], holder: str, owner: str) -> None:
    """These limits of ``holder`` are again those of ``owner``, from whom they were carried; inside a
    transaction."""
    row = models.SubjectLimit
    mine = row.id.in_(list(ids)) & (row.subject_id == holder)
    row.update(subject_id=owner).where(mine).execute()
    row.update(carried_from=None).where(row.subject_id == owner, row.carried_from == owner).execute()


def count(subject: models.DataSubject) -> None:
    """``DataSubject.limited`` is true while any limit is in force; inside a transaction that holds them."""
    row = models.SubjectLimit
    subject.limited = row.select().where(row.subject_id == subject.id, row.lifted_at.is_null()).exists()
    subject.save(only=["limited"])


def require_kind(kind: str) -> str:
    """The kind. Raises Invalid for one that there isn't."""
    if kind not in KINDS:
        raise Invalid("kind", f"{kind[:40]!r}; allowed are {', '.join(KINDS)}")
    return kind


def same_purpose(one: str, other: str) -> bool:
    """``Direct marketing`` is ``direct_marketing``."""
    return _plain(one) == _plain(other)


def _ends(row: models.SubjectLimit, purpose: str, legal_basis: str) -> bool:
    if row.kind == OBJECTION and not row.purpose:
        return legal_basis in _OBJECTED_BASES or same_purpose(purpose, DIRECT_MARKETING)
    if row.kind == OBJECTION:
        return same_purpose(row.purpose, purpose)
    words = _WORDS.get(row.kind)
    return words is not None and words.search(_plain(purpose)) is not None


def _plain(purpose: str) -> str:
    return " ".join(re.split(r"[\s_-]+", purpose.strip().lower()))
