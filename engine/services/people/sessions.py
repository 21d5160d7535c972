"""Who is signed in, where else, and how that ends.

Membership, role and the account itself are looked up anew for each request, so what is taken away is gone at
once. How a session begins is told in ``entrance`` and ``second_factor``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ...access import members
from ...access.roles import MATRIX, Permission, Role, known, may, require
from ...core import Core
from ...errors import Forbidden, NotAuthentic, NotFound
from ...lookups import identifier
from ...store import models, quick, scope
from .. import acts
from . import session_rows
from .devices import Client
from .entrance import open_for, sign_in
from .session_rows import LIFETIME, OPEN, Opening, hash_of

OIDC = "oidc"
"""The method of sessions that a data controller's provider opened."""

_SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed-in person at one data controller. ``csrf`` is what each of their forms must bring back,
    ``method`` how they came in."""

    id: str
    token_hash: str
    user_id: str
    tenant_id: str
    tenant_name: str
    role: Role
    csrf: str
    method: str
    has_password: bool
    expires_at: datetime

    @property
    def actor(self) -> str:
        """How audit leaves name this person."""
        return f"user:{self.user_id}"

    @property
    def vouched_for(self) -> bool:
        """Whether it was the data controller's own provider that said who this is. Its word is good there and
        nowhere else: such a session leads to no other data controller, and to no way in of its own."""
        return self.method == OIDC

    @property
    def lacks_password(self) -> bool:
        """Whether they couldn't come in again by themselves."""
        return not self.has_password and not self.vouched_for

    @property
    def reach(self) -> frozenset[Permission]:
        """The most that they can give to others."""
        return MATRIX[self.role]

    def may(self, permission: Permission) -> bool:
        """Whether this person's role here includes ``permission``."""
        return may(self.role, permission)

    def require(self, permission: Permission) -> None:
        """Raises Forbidden unless it does."""
        require(self.role, permission)

    def require_own_proof(self) -> None:
        """Raises Forbidden unless this person showed by themselves who they are."""
        if self.vouched_for:
            raise Forbidden(
                "you signed in through your company's provider, which looks after your password and second "
                "factor; those of dxflow itself can be set after signing in with its own"
            )


@dataclass(frozen=True, slots=True)
class Open:
    """An open session, for its owner to look at."""

    id: str
    tenant_name: str
    method: str
    client: Client
    created_at: datetime
    seen_at: datetime


@scope.everyone("a session names its tenant")
def find(core: Core, token: str) -> Signed | None:
    """Whose session this is; None when it is unknown, over, or its owner has no place here any more."""
    session, user = models.Session, models.User
    membership, tenant = models.Membership, models.DataController
    here = (membership.user_id == session.user_id) & (membership.tenant_id == session.tenant_id)
    row = (
        session.select(session, user.password_hash, membership.role, tenant.name)
        .join(user, on=(user.id == session.user_id))
        .join_from(session, membership, on=here)
        .join_from(session, tenant, on=(tenant.id == session.tenant_id))
        .where(session.token_hash == hash_of(token), session.expires_at > core.clock())
        .where(session.stage == OPEN, user.active, membership.active)
        .where(~membership.vouched | (session.method == OIDC))
        .dicts()
        .first()
    )
    if row is None:
        return None
    _see(core, row["id"], row["seen_at"])
    return Signed(
        id=row["id"],
        token_hash=row["token_hash"],
        user_id=row["user_id"],
        tenant_id=row["tenant_id"],
        tenant_name=row["name"],
        role=known(row["role"]),
        csrf=row["csrf"],
        method=row["method"],
        has_password=row["password_hash"] is not None,
        expires_at=row["expires_at"],
    )


def sign_out(core: Core, signed: Signed) -> None:
    """End this session; once it is over, nothing happens."""
    session = models.Session
    with scope.of(signed.tenant_id), core.store.transaction():
        if session.delete().where(session.token_hash == signed.token_hash).execute():
            acts.record(core, signed.tenant_id, "user.signed_out", signed.actor)


def listing(core: Core, user_id: str, tenant_id: str | None = None) -> list[Open]:
    """A user's open sessions (at one data controller), the one that was used last first."""
    session, tenant = models.Session, models.DataController
    query = session.select().where(session.user_id == user_id, session.stage == OPEN)
    query = query.where(session.expires_at > core.clock()).order_by(session.seen_at.desc(), session.id)
    rows = list(query if tenant_id is None else query.where(session.tenant_id == tenant_id))
    names = quick.by_ids(tenant, [row.tenant_id for row in rows])
    return [
        Open(
            id=row.id,
            tenant_name=names[row.tenant_id].name,
            method=row.method,
            client=session_rows.client_of(core, row),
            created_at=row.created_at,
            seen_at=row.seen_at,
        )
        for row in rows
    ]


def revoke(core: Core, signed: Signed, session_id: str) -> None:
    """End a session of one's own. Raises NotFound for one that is over, or isn't theirs to end."""
    wanted = identifier(session_id, "no such session")
    if not _end(core, signed.actor, *_within_reach(signed), models.Session.id == wanted):
        raise NotFound("no such session")


def revoke_others(core: Core, signed: Signed) -> int:
    """End all sessions of one's own but this one, the half-open ones too; returns how many."""
    return _end(core, signed.actor, *_within_reach(signed), models.Session.id != signed.id)


def end_all(core: Core, tenant_id: str, user_id: str, actor: str) -> int:
    """End all sessions that a member has at this data controller, and no others; returns how many."""
    session = models.Session
    return _end(core, actor, session.user_id == user_id, session.tenant_id == tenant_id)


def end_everywhere(user_id: str) -> dict[str, int]:
    """End all sessions of a user, the half-open ones too, inside the caller's transaction and everyone's scope;
    how many there were at each data controller, for the caller to write down."""
    session = models.Session
    rows = list(session.select(session.id, session.tenant_id).where(session.user_id == user_id))
    session.delete().where(session.id.in_([row.id for row in rows])).execute()
    return Counter(str(row.tenant_id) for row in rows)


def switch(core: Core, signed: Signed, tenant_id: str) -> str:
    """Go on at another data controller that the user belongs to, until this session would have ended; returns
    the token of the session there. Raises NotFound, Forbidden, NotAuthentic."""
    signed.require_own_proof()
    there = next((place for place in members.places(signed.user_id) if place.tenant_id == tenant_id), None)
    if there is None:
        raise NotFound("you don't belong to such a data controller")
    session = models.Session
    with scope.everyone("both logs are told"), core.store.transaction():
        row = session.get_or_none(session.token_hash == signed.token_hash)
        if row is None or session.delete().where(session.id == row.id).execute() != 1:
            raise NotAuthentic("this session is over; sign in again")
        client = session_rows.client_of(core, row)
        opening = Opening(signed.user_id, there.tenant_id, signed.method, client, until=signed.expires_at)
        token = session_rows.insert(core, opening)
        # Neither log says where to or where from: whom else somebody works for is their own affair.
        directions = {signed.tenant_id: "away", there.tenant_id: "here"}
        for log, direction in sorted(directions.items()):  # in one order everywhere: logs are locked
            acts.record(core, log, "user.switched", signed.actor, direction=direction)
    return token


def _within_reach(signed: Signed) -> tuple[object, ...]:
    session = models.Session
    mine = (session.user_id == signed.user_id,)
    return (*mine, session.tenant_id == signed.tenant_id) if signed.vouched_for else mine


def _end(core: Core, actor: str, *which: object) -> int:
    """End sessions, each written down where it was; returns how many."""
    session = models.Session
    with scope.everyone("each log is told of what ended there"), core.store.transaction():
        rows: Sequence[Any] = list(core.store.for_update(session.select().where(*which).order_by(session.id)))
        session.delete().where(session.id.in_([row.id for row in rows])).execute()
        for tenant_id in sorted({row.tenant_id for row in rows}):
            here = [row for row in rows if row.tenant_id == tenant_id]
            ended = {"user": here[0].user_id, "sessions": len(here)}
            acts.record(core, tenant_id, "user.session_ended", actor, **ended)
    return len(rows)


def _see(core: Core, session_id: str, seen: datetime) -> None:
    """When a session was used, to the minute: a page view is no reason to write."""
    session, now = models.Session, core.clock()
    if now - seen >= _SEEN_EVERY:
        with core.store.transaction():
            session.update(seen_at=now).where(session.id == session_id, session.seen_at < now).execute()


__all__ = [
    "LIFETIME",
    "OIDC",
    "Open",
    "Signed",
    "end_all",
    "end_everywhere",
    "find",
    "listing",
    "open_for",
    "revoke",
    "revoke_others",
    "sign_in",
    "sign_out",
    "switch",
]
