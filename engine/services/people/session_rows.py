"""The rows behind sessions: how one is made, found by its token, and swept.

A token is 256 random bits in a browser; the database keeps its hash. Every change of what a session may do
makes a new one under a new token, so one that somebody planted in a browser never becomes anybody's session.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from ...core import Core
from ...store import models
from .devices import Client

LIFETIME = timedelta(hours=12)
HALF_OPEN = timedelta(minutes=5)
"""How long there is for the second factor."""
MOST = 20
"""Sessions of one user in one stage at one data controller; the oldest goes."""

OPEN, SECOND_FACTOR = "open", "second_factor"


@dataclass(frozen=True, slots=True)
class Opening:
    """Who gets a session, where, and how they showed who they are: ``password``, ``one_time_password`` or
    ``oidc``. ``until`` is for one that goes on in place of another."""

    user_id: str
    tenant_id: str
    method: str
    client: Client
    stage: str = OPEN
    until: datetime | None = None


def insert(core: Core, opening: Opening) -> str:
    """Make a session, in the caller's transaction; returns its token."""
    token, row_id, now = secrets.token_urlsafe(32), core.new_id(), core.clock()
    _make_room(opening, now)
    models.Session.create(
        id=row_id,
        token_hash=hash_of(token),
        user_id=opening.user_id,
        tenant_id=opening.tenant_id,
        csrf=secrets.token_urlsafe(32),
        stage=opening.stage,
        method=opening.method,
        client_sealed=_sealed(core, row_id, opening.client),
        created_at=now,
        seen_at=now,
        expires_at=opening.until or now + (LIFETIME if opening.stage == OPEN else HALF_OPEN),
        force_insert=True,
    )
    return token


def hash_of(token: str) -> str:
    """A plain hash is enough: the token has 256 random bits, there is nothing to guess."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def client_of(core: Core, row: models.Session) -> Client:
    """Where a session was opened."""
    if row.client_sealed is None:
        return Client()
    kept = json.loads(core.keys.unseal_own(bytes(row.client_sealed), **_place(row.id)))
    return Client(kept["address"], kept["browser"])


def forget(core: Core) -> int:
    """Delete every session that is over, with what it says of its owner's whereabouts; returns how many. For a
    periodic caller."""
    session = models.Session
    with core.store.transaction():
        return int(session.delete().where(session.expires_at <= core.clock()).execute())


def _make_room(opening: Opening, now: datetime) -> None:
    session = models.Session
    mine = session.user_id == opening.user_id
    session.delete().where(mine, session.expires_at <= now).execute()
    here = (session.tenant_id == opening.tenant_id) & (session.stage == opening.stage)
    newest = session.select(session.id).where(mine, here)
    older = newest.order_by(session.created_at.desc(), session.id).offset(MOST - 1).limit(1000)
    session.delete().where(session.id.in_([row.id for row in older])).execute()


def _sealed(core: Core, row_id: str, client: Client) -> bytes:
    kept = json.dumps({"address": client.address, "browser": client.browser}).encode()
    return core.keys.seal_own(kept, **_place(row_id))


def _place(row_id: str) -> dict[str, str]:
    return {"table": "sessions", "column": "client_sealed", "row_id": row_id}
