"""Marks that keep erased people out: listed, and lifted when somebody comes back on their own."""

from __future__ import annotations

from collections.abc import Sequence

from ...core import Core
from ...errors import Invalid, NotFound
from ...identity.linkage import identifiers
from ...platforms.base import Person
from ...rights import suppression
from ...store import models
from .. import acts
from ..pages import Page, newest

_LONGEST = 2000


def listing(
    tenant_id: str, *, order_id: str | None = None, limit: int = 50, cursor: str | None = None
) -> Page[models.Suppression]:
    """Newest first, lifted ones too; of one order, or all. They name nobody."""
    return newest(tenant_id, models.Suppression.created_at, limit=limit, cursor=cursor, order_id=order_id)


def of_person(core: Core, tenant_id: str, actor: str, person: Person) -> list[models.Suppression]:
    """The marks that keep this person out, with the others of the same erasure, once it is written down that
    ``actor`` asked; none where nobody is kept out by what they are known by. Raises Invalid for nobody."""
    if person.nameless:
        raise Invalid("email", "give an e-mail address or a telephone number")
    acts.people_read(core, tenant_id, actor, "suppressions", [None])
    wanted, row = list(_of_person(core, tenant_id, person)), models.Suppression
    query = row.select().where(row.tenant_id == tenant_id, row.id.in_(wanted), row.lifted_at.is_null())
    return list(query.order_by(row.created_at, row.id)) if wanted else []


def lift(
    core: Core,
    tenant_id: str,
    actor: str,
    reason: str,
    *,
    suppression_id: str | None = None,
    person: Person | None = None,
) -> int:
    """Let somebody in again who came back on their own: by a mark, or by what the person is known by, which
    also lifts the other marks of the same erasure. How many. Raises Invalid, NotFound where none holds."""
    if not reason.strip() or len(reason) > _LONGEST:
        raise Invalid("reason", f"must say why, in 1 to {_LONGEST} characters")
    with core.store.transaction():
        wanted = [suppression_id] if suppression_id else _of_person(core, tenant_id, person)
        row = models.Suppression
        gone = row.update(lifted_at=core.clock(), lifted_by=actor)
        held = (row.tenant_id == tenant_id) & row.lifted_at.is_null()
        count = int(gone.where(held, row.id.in_(wanted)).execute())
        if not count:
            raise NotFound("nobody is kept out by this")
        said = {"reason": reason.strip(), "suppressions": wanted}
        acts.record(core, tenant_id, "suppression.lifted", actor, said, marks=count)
    return count


def _of_person(core: Core, tenant_id: str, person: Person | None) -> Sequence[str]:
    if person is None or person.nameless:
        raise Invalid("suppression_id", "give it, or an email, phone or external_id")
    region = models.DataController.get_by_id(tenant_id).region
    found = suppression.marked(core, tenant_id, identifiers(person, region)).values()
    row = models.Suppression
    orders = [one.order_id for one in row.select().where(row.id.in_(list(found))) if one.order_id]
    same = row.select(row.id).where(row.order_id.in_(orders), row.lifted_at.is_null())
    return [*dict.fromkeys([*found, *(one.id for one in same)])]
