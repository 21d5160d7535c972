"""Whoever was erased stays erased: keyed marks of their identifiers, by which an event about them is known.

A mark is an HMAC under the tenant's link key. It opens nothing and finds nothing; it can only tell, to who has
the keys and guesses the identifier, that it was erased here. That is what it is for: a platform that speaks of
the person again must not bring them back. It is lifted when they come back on their own.

The rule: what an event says of somebody is suppressed when the strongest of its identifiers that anything is
known of is marked. A living person's stronger identifier lets it through, and so does a telephone alone beside
identifiers that nobody knows: households share telephones.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from ..core import Core
from ..identity.linkage import Identifier
from ..store import models

PURPOSE = "suppress"

K = TypeVar("K", bound=Hashable)


def mark(
    core: Core, tenant_id: str, identifiers: Iterable[Identifier], *, reason: str, order_id: str | None
) -> int:
    """Mark them, in the caller's transaction; how many are new."""
    wanted = list(dict.fromkeys(identifiers))
    there, made, row = marked(core, tenant_id, wanted), 0, models.Suppression
    for one in wanted:
        if one in there:
            continue
        version, digits = core.keys.versioned_macs(tenant_id, PURPOSE, one.field, one.value)[0]
        new = {
            "id": core.new_id(),
            "tenant_id": tenant_id,
            "field": one.field,
            "mark": digits,
            "key_version": version,
            "order_id": order_id,
            "reason": reason,
            "created_at": core.clock(),
        }
        made += bool(row.insert(new).on_conflict_ignore().execute())
    return made


def marked(core: Core, tenant_id: str, identifiers: Sequence[Identifier]) -> dict[Identifier, str]:
    """The id of the mark that holds for each of these identifiers, whatever version of the key made it; one
    query. Those that aren't marked are left out."""
    row = models.Suppression
    if not identifiers or not in_force(core, tenant_id):
        return {}
    made = {
        digits: one
        for one in dict.fromkeys(identifiers)
        for digits in core.keys.macs(tenant_id, PURPOSE, one.field, one.value)
    }
    holding = (row.tenant_id == tenant_id) & row.lifted_at.is_null()
    found = row.select(row.id, row.mark).where(holding, row.mark.in_(list(made)))
    return {made[one.mark]: one.id for one in found}


def in_force(core: Core, tenant_id: str) -> bool:
    """Whether anybody is kept out here at all: nearly everywhere nobody is, and nothing has to be normalised.
    Asked for each delivery that creates somebody, so it is written out."""
    ask = "SELECT 1 FROM suppressions WHERE tenant_id = ? AND lifted_at IS NULL LIMIT 1"
    found: Any = core.store.database.execute_sql(ask.replace("?", core.store.database.param), (tenant_id,))
    return found.fetchone() is not None


def suppressed(core: Core, tenant_id: str, people: Mapping[K, Sequence[Identifier]]) -> dict[K, list[str]]:
    """Of all these people (identifiers strongest first) those whom nobody may bring back, with the marks that
    say so."""
    every = [one for identifiers in people.values() for one in identifiers]
    marks = marked(core, tenant_id, every)
    if not marks:
        return {}
    touched = {key: found for key, found in people.items() if any(one in marks for one in found)}
    living = _living(core, tenant_id, {one for found in touched.values() for one in found})
    verdicts = {key: _verdict(found, marks, living) for key, found in touched.items()}
    return {key: verdict for key, verdict in verdicts.items() if verdict}


def holds(core: Core, tenant_id: str, identifiers: Sequence[Identifier]) -> bool:
    """Whether somebody who was just created is one who must not come back."""
    return bool(_verdict(identifiers, marked(core, tenant_id, identifiers), frozenset()))


def hit(ids: Iterable[str]) -> None:
    """Count that these marks kept somebody out, in the caller's transaction."""
    row = models.Suppression
    row.update(hits=row.hits + 1).where(row.id.in_(list(ids))).execute()


def _verdict(
    identifiers: Sequence[Identifier], marks: Mapping[Identifier, str], living: Iterable[Identifier]
) -> list[str]:
    """The marks that hold for somebody; none where they may come in."""
    known = set(living)
    for one in identifiers:
        if one in known:
            return []
        if one in marks:
            alone = one.field != "phone" or all(other.field == "phone" for other in identifiers)
            return [marks[other] for other in dict.fromkeys(identifiers) if other in marks] if alone else []
    return []


def _living(core: Core, tenant_id: str, identifiers: Iterable[Identifier]) -> set[Identifier]:
    """Those that belong to somebody now."""
    links = [(core.keys.link(tenant_id, one.field, one.scope, one.value), one) for one in identifiers]
    owners = core.subjects.links.owners(tenant_id, [link for link, _ in links])
    return {one for link, one in links if link.link in owners}
