"""Every place where something lies sealed under a tenant's or the installation's key."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import peewee

from ..agent import key as engine_key
from ..anchoring import account as chain_account
from ..core import Core
from ..identity import vault
from ..identity.keys import INSTALLATION
from ..store import models, quick

PAGE = 128
"""Rows in one transaction: meanwhile, on SQLite, nobody else writes."""


@dataclass(frozen=True, slots=True)
class Place:
    """A sealed column; ``row`` names the column by which a row is known, in the table and in its ciphertext."""

    model: type[peewee.Model]
    column: str
    row: str = "id"
    tenant: str | None = "tenant_id"

    @property
    def table(self) -> str:
        """The table's name, which is part of the ciphertext's place."""
        return str(self.model._meta.table_name)

    def older(self, owner_id: str, newest: int, after: str | None) -> peewee.ModelSelect[peewee.Model]:
        """A page of rows sealed under other versions than the newest, in the order of their names."""
        row, sealed = getattr(self.model, self.row), getattr(self.model, self.column)
        query = self.model.select(row, sealed).where(sealed.is_null(False))
        query = query.where(peewee.fn.SUBSTR(sealed, 2, 2) != newest.to_bytes(2, "big"))
        if self.tenant is not None:
            query = query.where(getattr(self.model, self.tenant) == owner_id)
        if after is not None:
            query = query.where(row > after)
        return query.order_by(row).limit(PAGE)


TENANTS = (
    Place(models.DataSubject, "key_wrapped"),
    Place(models.ConnectorSecret, "secret_sealed"),
    Place(models.RightsRequest, "requester_sealed"),
    Place(models.RightsRequest, "details_sealed"),
    Place(models.RightsRequest, "agent_sealed"),
    Place(models.ActPayload, "payload_sealed"),
    Place(models.IdempotencyKey, "response_sealed", "key"),
    Place(models.Event, "payload_sealed"),
    Place(models.SsoProvider, "secret_sealed"),
    Place(models.SsoFlow, "flow_sealed", "state_hash"),
    Place(models.ScimUser, "resource_sealed"),
    Place(models.RightsDesk, "team_email_sealed", "tenant_id"),
    Place(models.LegalHold, "reason_sealed"),
    Place(models.Message, "to_sealed"),
    Place(models.Message, "text_sealed"),
    Place(models.Package, "passphrase_sealed"),
    Place(models.ErasureOrder, "receipt_sealed"),
    Place(models.Obligation, "target_sealed"),
    Place(models.ConnectorApi, "credentials_sealed", "connector_id"),
    Place(models.WebhookEndpoint, "secret_sealed"),
    Place(models.WebhookEndpoint, "former_sealed"),
    Place(models.LinkConflict, "reason_sealed"),
    Place(models.SubjectMerge, "reason_sealed"),
)
OWN = (
    Place(models.User, "email_sealed", tenant=None),
    Place(models.User, "totp_sealed", tenant=None),
    Place(models.Session, "client_sealed", tenant=None),
    Place(models.Invitation, "email_sealed", tenant=None),
    Place(models.SsoIdentity, "subject_sealed", tenant=None),
    Place(models.LogKey, "seed_sealed", "vkey", tenant=None),
)


def places(owner_id: str) -> tuple[Place, ...]:
    """Where the owner's key sealed something."""
    return OWN if owner_id == INSTALLATION else TENANTS


def reseal(core: Core, owner_id: str, place: Place, newest: int, progress: Callable[[int], None]) -> int:
    """Bring every row of a place under the newest version; how many there were."""
    last, total = None, 0
    while True:
        rows = core.store.in_one_go(partial(_reseal_page, core, owner_id, place, newest, last))
        if not rows:
            return total
        last = str(getattr(rows[-1], place.row))
        total += len(rows)
        progress(len(rows))


def _reseal_page(
    core: Core, owner_id: str, place: Place, newest: int, last: str | None
) -> list[peewee.Model]:
    rows = list(place.older(owner_id, newest, last))
    for row in rows:
        _reseal_row(core, owner_id, place, row)
    return rows


def remaining(owner_id: str, newest: int) -> int:
    """How many rows are sealed under other versions than the newest."""
    return sum(int(place.older(owner_id, newest, None).limit(None).count()) for place in places(owner_id))


def reseal_own_rows(core: Core, newest: int) -> None:
    """What the installation keeps sealed inside texts: its keys for dx-agents and chains."""
    for row in models.Installation.select().where(models.Installation.name.in_(SEALED_TEXTS)):
        public, _, text = str(row.value).partition(" ")
        sealed = base64.b64decode(text)
        if vault.key_version(sealed) != newest:
            place = {"table": "installation", "column": "value", "row_id": str(row.name)}
            again = core.keys.seal_own(core.keys.unseal_own(sealed, **place), **place)
            value = f"{public} {base64.b64encode(again).decode('ascii')}"
            quick.update(models.Installation, {"name": row.name, "value": row.value}, {"value": value})


SEALED_TEXTS = (engine_key.NAME, chain_account.NAME)


def _reseal_row(core: Core, owner_id: str, place: Place, row: peewee.Model) -> None:
    """Unless somebody wrote the row meanwhile: then it is under the newest version already."""
    name, old = str(getattr(row, place.row)), bytes(getattr(row, place.column))
    if place.column == "key_wrapped":
        new = core.keys.wrap_subject_key(owner_id, name, core.keys.subject_key(owner_id, name, old))
    elif not old:
        return  # an answer that is still being made
    else:
        where = {"table": place.table, "column": place.column, "row_id": name}
        new = core.keys.seal(owner_id, core.keys.unseal(owner_id, old, **where), **where)
    quick.update(place.model, {place.row: name, place.column: old}, {place.column: new})
