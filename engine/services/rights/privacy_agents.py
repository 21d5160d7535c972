"""Authorised agents of people (Data Rights Protocol 1.0): who they are here, and the tokens they are known by.

Somebody at the data controller takes an agent's verify key from the network's directory; everything else hangs
on it. A token is shown once, to whoever signed for it, and kept as a hash; a newer one ends the older.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from datetime import datetime

import peewee

from ... import moments
from ...core import Core
from ...errors import Invalid, NotAuthentic, NotFound, Taken
from ...rights import drp
from ...store import models
from .. import acts

_AGENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
LONGEST_NAME = 200


def actor(agent: models.PrivacyAgent) -> str:
    """How audit leaves name an agent."""
    return f"agent:{agent.id}"


def add(
    core: Core, tenant_id: str, agent: str, name: str, verify_key: str, by: str, business: str = ""
) -> models.PrivacyAgent:
    """Let an agent ask for people. ``agent`` is its id in the network's directory, ``verify_key`` its Ed25519
    key there (32 bytes in base64), ``business`` the data controller's id there, where it isn't its DID.

    Raises Invalid, Taken.
    """
    if not _AGENT.fullmatch(agent):
        raise Invalid("agent", "must have 1 to 100 letters, digits, points, hyphens or underscores")
    if not name.strip() or len(name) > LONGEST_NAME:
        raise Invalid("name", f"must have 1 to {LONGEST_NAME} characters")
    if len(business) > LONGEST_NAME:
        raise Invalid("business", f"must have at most {LONGEST_NAME} characters")
    columns = {"agent": agent, "name": name.strip(), "business": business.strip()}
    try:
        with core.store.transaction():
            row: models.PrivacyAgent = models.PrivacyAgent.create(
                id=core.new_id(),
                tenant_id=tenant_id,
                verify_key=_key(verify_key),
                created_at=core.clock(),
                force_insert=True,
                **columns,
            )
            changed = {**columns, "verify_key": row.verify_key}
            acts.record(core, tenant_id, "privacy_agent.added", by, changed, agent=row.id)
    except peewee.IntegrityError:
        raise Taken(f"there is an agent {agent} here already; disabled ones keep their id") from None
    return row


def every(tenant_id: str) -> list[models.PrivacyAgent]:
    """All, oldest first, disabled ones too."""
    row = models.PrivacyAgent
    return list(row.select().where(row.tenant_id == tenant_id).order_by(row.created_at, row.id))


def disable(core: Core, tenant_id: str, agent: str, by: str) -> models.PrivacyAgent:
    """Let an agent ask for nothing more, at once; what it asked for stays. Raises NotFound."""
    row = named_in_directory(tenant_id, agent)
    if row is None:
        raise NotFound(f"no agent {agent[:100]!r} here; `dxflow desk agent list` shows them")
    if row.disabled_at is None:
        with core.store.transaction():
            row.disabled_at, row.token_hash = core.clock(), None
            row.save(only=["disabled_at", "token_hash"])
            acts.record(
                core, tenant_id, "privacy_agent.disabled", by, {"agent_name": row.agent}, agent=row.id
            )
    return row


def named_in_directory(tenant_id: str, agent: str) -> models.PrivacyAgent | None:
    """The agent with this id in the network's directory."""
    row = models.PrivacyAgent
    found: models.PrivacyAgent | None = row.get_or_none(row.tenant_id == tenant_id, row.agent == agent)
    return found


def issue_token(core: Core, row: models.PrivacyAgent, issued_at: datetime) -> str:
    """A new token, which ends the one before. ``issued_at`` is when the agent signed for it: a message as old
    as the last one that was taken, or older, was sent before. Raises NotAuthentic, also for who is disabled."""
    token, model = secrets.token_urlsafe(32), models.PrivacyAgent
    newer = model.token_issued_at.is_null() | (model.token_issued_at < moments.to_text(issued_at))
    with core.store.transaction():
        query = model.update(token_hash=_hash(token), token_issued_at=issued_at)
        taken = query.where(model.id == row.id, model.disabled_at.is_null(), newer).execute()
        if not taken:
            raise NotAuthentic("this message was used before")
        acts.record(core, row.tenant_id, "privacy_agent.token_issued", actor(row), agent=row.id)
    return token


def authenticate(tenant_id: str, token: str) -> models.PrivacyAgent:
    """Whom a token belongs to, at this data controller. Raises NotAuthentic."""
    row = models.PrivacyAgent
    found: models.PrivacyAgent | None = row.get_or_none(
        row.tenant_id == tenant_id, row.token_hash == _hash(token), row.disabled_at.is_null()
    )
    if found is None:
        raise NotAuthentic("this bearer token is no agent's")
    return found


def as_row(row: models.PrivacyAgent) -> dict[str, object]:
    """As the command line prints it."""
    disabled = moments.to_text(row.disabled_at) if row.disabled_at else None
    keyed = moments.to_text(row.token_issued_at) if row.token_issued_at else None
    return {
        "id": row.id,
        "agent": row.agent,
        "name": row.name,
        "business": row.business,
        "verify_key": row.verify_key,
        "created_at": moments.to_text(row.created_at),
        "token_issued_at": keyed,
        "disabled_at": disabled,
    }


def _key(text: str) -> str:
    """A verify key in standard base64. Raises Invalid."""
    try:
        raw = base64.b64decode(text.strip() + "=" * (-len(text.strip()) % 4), validate=True)
        drp.require_key(raw)
    except (binascii.Error, ValueError):
        raise Invalid("verify_key", "must be an Ed25519 public key: 32 bytes in base64") from None
    return base64.b64encode(raw).decode()


def _hash(token: str) -> str:
    """SHA-256: a token is 32 random bytes, which nobody guesses."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
