"""API keys: shown once, kept as hashes."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from ..core import Core
from ..errors import Invalid, NotAuthentic, NotFound
from ..identity import did
from ..store import models
from . import acts

ALL_SCOPES = ("read", "write", "admin")
_MARK = "dxk_"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking, as far as the engine cares."""

    tenant_id: str
    actor: str
    scopes: frozenset[str]


def create_key(
    core: Core, tenant_id: str, name: str, scopes: Sequence[str], actor: str
) -> tuple[models.ApiKey, str]:
    """Make a key; returns its row and the secret, which can't be shown again. Raises Invalid."""
    unknown = sorted(set(scopes) - set(ALL_SCOPES))
    if unknown or not scopes:
        raise Invalid("scopes", f"{', '.join(unknown) or 'none given'}; allowed are {', '.join(ALL_SCOPES)}")
    if not name.strip() or len(name) > 100:
        raise Invalid("name", "must have 1 to 100 characters")
    secret = _MARK + secrets.token_urlsafe(32)
    with core.store.transaction():
        row = models.ApiKey.create(
            id=core.new_id(),
            tenant_id=tenant_id,
            name=name.strip(),
            prefix=secret[:12],
            hash=_hash(secret),
            scopes=sorted(set(scopes)),
            created_at=core.clock(),
            force_insert=True,
        )
        changed = {"name": row.name, "prefix": row.prefix}
        acts.record(core, tenant_id, "api_key.created", actor, changed, key=row.id, scopes=list(row.scopes))
    return row, secret


def authenticate(secret: str) -> Caller:
    """Who a presented key belongs to. Raises NotAuthentic for unknown and revoked ones alike."""
    row = models.ApiKey.get_or_none(hash=_hash(secret)) if secret.startswith(_MARK) else None
    if row is None or row.revoked_at is not None:
        raise NotAuthentic("this API key is unknown or revoked")
    return Caller(row.tenant_id, f"key:{row.id}", frozenset(row.scopes))


def keys(tenant_id: str) -> list[models.ApiKey]:
    """A tenant's keys, oldest first."""
    return list(
        models.ApiKey.select().where(models.ApiKey.tenant_id == tenant_id).order_by(models.ApiKey.created_at)
    )


def revoke(core: Core, tenant_id: str, key_id: str, actor: str) -> models.ApiKey:
    """Revoke a key, at once and for good. Raises NotFound."""
    try:
        row = models.ApiKey.get_or_none(id=did.canonical(key_id), tenant_id=tenant_id)
    except Invalid:
        row = None
    if row is None:
        raise NotFound("no such API key")
    if row.revoked_at is None:
        with core.store.transaction():
            row.revoked_at = core.clock()
            row.save(only=["revoked_at"])
            acts.record(core, tenant_id, "api_key.revoked", actor, key=row.id)
    return row


def _hash(secret: str) -> str:
    """A plain hash is enough: the secret has 256 random bits, there is nothing to guess."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
