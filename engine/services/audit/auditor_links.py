"""Links by which somebody without an account reads a data controller's log: an auditor, a regulator.

The token is the credential. It is shown once, kept as its hash, and looked for anew with every page, so that a
link that was taken back opens nothing from that moment. It stands behind the # of the link, which browsers send
to nobody, so that no proxy's log has it; the page there sends it in a form. What it opens is the log as
outsiders may see it: leaves, checkpoint, proofs, bundle. They name no data subject; what they commit to stays
closed.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from ...access.roles import Permission
from ...core import Core
from ...errors import Forbidden, Invalid, NotFound
from ...lookups import identifier
from ...store import models, scope
from .. import acts
from ..people import attempts
from ..people.devices import Client

LONGEST_NAME = 100
DAYS = (1, 90)
"""The shortest and the longest time that a link may hold."""
MARK = "dxl_"
"""What every token begins with."""
SHOWN = 100
"""Links that a list holds, the newest; whoever has more than these has the log itself to look in."""

_SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Auditor:
    """Whoever came by a link. ``csrf`` is what each of their forms must bring back."""

    id: str
    name: str
    tenant_id: str
    tenant_name: str
    expires_at: datetime
    csrf: str

    @property
    def actor(self) -> str:
        """How audit leaves name them."""
        return f"auditor:{self.id}"

    def may(self, permission: Permission) -> bool:
        """They may look, and nothing else."""
        return permission is Permission.LOOK

    def require(self, permission: Permission) -> None:
        """Raises Forbidden for anything but looking."""
        if not self.may(permission):
            raise Forbidden("this link opens the log alone")


def create(core: Core, tenant_id: str, name: str, days: int, actor: str) -> tuple[models.AuditorLink, str]:
    """Make a link for ``days`` days; returns it and its token, which can't be shown again. Raises Invalid."""
    clean = " ".join(name.split())
    if not clean or len(clean) > LONGEST_NAME:
        raise Invalid("name", f"must have 1 to {LONGEST_NAME} characters")
    if not DAYS[0] <= days <= DAYS[1]:
        raise Invalid("days", f"must be {DAYS[0]} to {DAYS[1]}")
    token, now = MARK + secrets.token_urlsafe(32), core.clock()
    with core.store.transaction():
        row: models.AuditorLink = models.AuditorLink.create(
            id=core.new_id(),
            tenant_id=tenant_id,
            name=clean,
            token_hash=hash_of(token),
            created_by=actor,
            created_at=now,
            expires_at=now + timedelta(days=days),
            force_insert=True,
        )
        changed = {"name": clean, "expires_at": row.expires_at.isoformat()}
        acts.record(core, tenant_id, "auditor_link.created", actor, changed, link=row.id, days=days)
    return row, token


def address(public_url: str, token: str) -> str:
    """The link as it is sent to somebody."""
    return f"{public_url.rstrip('/')}/dashboard/auditor/link#{token}"


def listing(tenant_id: str) -> list[models.AuditorLink]:
    """Newest first, those that are over too; ``SHOWN`` at the most."""
    row = models.AuditorLink
    query = row.select().where(row.tenant_id == tenant_id)
    return list(query.order_by(row.created_at.desc(), row.id).limit(SHOWN))


def state(row: models.AuditorLink, now: datetime) -> str:
    """``in force``, ``revoked`` or ``expired``."""
    if row.revoked_at is not None:
        return "revoked"
    return "in force" if row.expires_at > now else "expired"


def revoke(core: Core, tenant_id: str, link_id: str, actor: str) -> None:
    """From now on it opens nothing; revoked twice is revoked. Raises NotFound."""
    row = models.AuditorLink
    with core.store.transaction():
        found = row.get_or_none(id=_identifier(link_id), tenant_id=tenant_id)
        if found is None:
            raise NotFound("there is no such link")
        changed = row.update(revoked_at=core.clock()).where(row.id == found.id, row.revoked_at.is_null())
        if changed.execute():
            acts.record(core, tenant_id, "auditor_link.revoked", actor, {"name": found.name}, link=found.id)


def token_in(given: str) -> str:
    """The token of a link that was copied whole, or by itself."""
    return given.strip().rpartition("#")[2]


def enter(core: Core, token: str, client: Client) -> Auditor:
    """Whoever shows this token at the entrance. Raises NotFound for every token that opens nothing, whatever
    the reason; TooManyAttempts after many such from one address."""
    tried = attempts.spend(core, attempts.Kind.AUDITOR_LINK, "", client.address)
    found = find(core, token)
    if found is None:
        raise NotFound("this link opens nothing")
    attempts.forgive(core, tried)
    return found


@scope.everyone("a link names its data controller")
def find(core: Core, token: str) -> Auditor | None:
    """Whom this token lets in; None when it is unknown, revoked or over."""
    link, tenant, now = models.AuditorLink, models.DataController, core.clock()
    row = (
        link.select(link, tenant.name.alias("tenant_name"))
        .join(tenant, on=(tenant.id == link.tenant_id))
        .where(link.token_hash == hash_of(token), link.expires_at > now, link.revoked_at.is_null())
        .dicts()
        .first()
    )
    if row is None:
        return None
    _see(core, row, now)
    return Auditor(
        id=row["id"],
        name=row["name"],
        tenant_id=row["tenant_id"],
        tenant_name=row["tenant_name"],
        expires_at=row["expires_at"],
        csrf=hash_of(f"form:{token}"),
    )


def hash_of(token: str) -> str:
    """A plain hash is enough: the token has 256 random bits, there is nothing to guess."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _see(core: Core, row: dict[str, object], now: datetime) -> None:
    """When a link was used, to the minute; the first use of each day (UTC) is an entry of the log."""
    link, seen = models.AuditorLink, row["last_seen_at"]
    if isinstance(seen, datetime) and now - seen < _SEEN_EVERY:
        return
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    mine = link.id == row["id"]
    with core.store.transaction():
        fresh = link.update(last_seen_at=now).where(
            mine, link.last_seen_at.is_null() | (link.last_seen_at < today)
        )
        if fresh.execute():  # of two who come at once, one is told so
            actor = f"auditor:{row['id']}"
            acts.record(core, str(row["tenant_id"]), "auditor_link.used", actor, None, (), link=row["id"])
        else:
            link.update(last_seen_at=now).where(mine, link.last_seen_at < now).execute()


def _identifier(link_id: str) -> str:
    return identifier(link_id, "there is no such link")
