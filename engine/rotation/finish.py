"""Destroying retired keys, once nothing is left that needs them. For a periodic caller."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from ..core import Core
from ..errors import DxflowError
from ..identity.keys import LINK, SEAL
from ..inbox import open_payload
from ..store import models, quick
from . import sealed, versions
from .sealed import PAGE

KEPT_FOR = {SEAL: timedelta(hours=24), LINK: timedelta(days=30)}
"""A process that was stopped in the middle of a transaction may still write under a retired seal key. A retired
link key recognises deliveries that a platform sends again: Stripe lets people do so for 30 days."""


def finish(core: Core) -> list[str]:
    """Destroy what is due: ``owner purpose version`` of each key that is gone now."""
    row = models.WrappedKey
    due = [
        one
        for one in row.select().where(row.retired_at.is_null(False))
        if one.retired_at + KEPT_FOR[one.purpose] <= core.clock()
    ]
    return [f"{one.owner_id} {one.purpose} {one.version}" for one in due if _destroy(core, one)]


def _destroy(core: Core, key: models.WrappedKey) -> bool:
    """False while something is left that only this key opens."""
    if key.purpose == SEAL and not _nothing_left(core, key.owner_id):
        return False
    if key.purpose == LINK and _keeps_people_out(key):
        return False
    if key.purpose == LINK:
        _remember_bodies(core, key.owner_id)
    row = models.WrappedKey
    with core.store.transaction():
        gone = row.delete().where(
            row.owner_id == key.owner_id,
            row.purpose == key.purpose,
            row.version == key.version,
            row.retired_at.is_null(False),
        )
        if gone.execute():
            versions.tell(core, key.owner_id, versions.DESTROYED, key.purpose, key.version)
    core.keys.refresh()
    return True


def _keeps_people_out(key: models.WrappedKey) -> bool:
    """Whether marks of people who were erased were made under it: of what, nobody knows, so none can be made
    again, and with the key whoever it keeps out would come back."""
    row = models.Suppression
    mine = (row.tenant_id == key.owner_id) & (row.key_version == key.version) & row.lifted_at.is_null()
    return row.select().where(mine).exists()


def _nothing_left(core: Core, owner_id: str) -> bool:
    newest = core.keys.versions(owner_id, SEAL).newest
    try:
        for place in sealed.places(owner_id):
            sealed.reseal(core, owner_id, place, newest, lambda _: None)
    except DxflowError:
        return False  # what can't be opened now isn't to be made impossible to open
    return sealed.remaining(owner_id, newest) == 0


def _remember_bodies(core: Core, tenant_id: str) -> None:
    """By the MAC of its body a delivery is recognised for as long as the body is kept: make it again."""
    last: int | None = 0
    while last is not None:
        last = core.store.in_one_go(partial(_remember_page, core, tenant_id, last))


def _remember_page(core: Core, tenant_id: str, last: int) -> int | None:
    """The last of a page of events; None when there are no more."""
    row = models.Event
    query = row.select().where(row.tenant_id == tenant_id, row.seq > last, row.body_mac.is_null(False))
    page = list(query.where(row.payload_sealed.is_null(False)).order_by(row.seq).limit(PAGE))
    for event in page:
        mac = core.keys.mac(tenant_id, "body", open_payload(core, event))
        quick.update(row, {"id": event.id, "body_mac": event.body_mac}, {"body_mac": mac})
    return page[-1].seq if page else None
