"""The second factor: codes of an authenticator app (TOTP, RFC 6238), set up, asked for and taken away.

A code works once: the time step it belongs to is moved forward by a compare-and-set, and a step that isn't
newer than the last one is refused (RFC 6238 section 5.2). Whoever brings one ends the half-open session made by
the password, and gets a new one under a new token. Every code counts as a guess before it is looked at.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import pyotp
import structlog

from ...core import Core
from ...errors import Conflict, Invalid, NotAuthentic
from ...store import models, scope
from .. import acts
from . import attempts, passwords, recovery_codes, session_rows, users
from .devices import NOWHERE, Client
from .session_rows import SECOND_FACTOR, Opening
from .sessions import Signed

ISSUER = "dxflow"
STEP = 30
"""Seconds a code is shown for; one step of drift either way is let pass."""

_REMOVED = "user.second_factor_removed"

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class State:
    """``since`` when the second factor is in force, None without one; how many recovery codes are left."""

    since: datetime | None
    codes_left: int


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app needs: the secret in base32, and the same as an ``otpauth:`` address."""

    secret: str
    uri: str


@dataclass(frozen=True, slots=True)
class Pending:
    """Somebody whose password was right and whose code is awaited."""

    id: str
    user_id: str
    tenant_id: str
    csrf: str
    method: str
    expires_at: datetime


def state(user_id: str) -> State:
    """Whether a user has a second factor."""
    return State(models.User.get_by_id(user_id).totp_confirmed_at, recovery_codes.left(user_id))


def begin(core: Core, signed: Signed, current: str | None, client: Client = NOWHERE) -> Enrolment:
    """Make a secret, in force once ``confirm`` was called; replaces one that never was. Takes the present
    password of whoever chose one. Raises Conflict, Forbidden, Invalid (current), TooManyAttempts."""
    user = _user(signed)
    users.require_present_password(core, user, current, client)
    secret = pyotp.random_base32()
    sealed = core.keys.seal_own(secret.encode(), **_place(user.id))
    model = models.User
    with core.store.transaction():
        unset = model.update(totp_sealed=sealed).where(model.id == user.id, model.totp_confirmed_at.is_null())
        if unset.execute() != 1:
            raise Conflict("there is a second factor already; switch it off first")
    return _enrolment(core, user, secret)


def enrolment(core: Core, signed: Signed) -> Enrolment | None:
    """The secret that waits to be confirmed, again; None when none does."""
    user = _user(signed)
    secret = _secret(core, user) if user.totp_confirmed_at is None else None
    return _enrolment(core, user, secret) if secret else None


def confirm(core: Core, signed: Signed, code: str, client: Client = NOWHERE) -> list[str]:
    """Put the secret in force, shown that the app has it; returns the recovery codes, which can't be shown
    again. Raises Conflict, Forbidden, Invalid (code), TooManyAttempts."""
    user, model = _user(signed), models.User
    secret = _secret(core, user)
    if secret is None or user.totp_confirmed_at is not None:
        raise Conflict("no second factor waits to be confirmed; set one up first")
    with _guess(core, user, client):
        step = _step(core, secret, code)
        if step is None:
            raise _wrong(user)
        same = (model.id == user.id) & (model.totp_sealed == user.totp_sealed)
        put = model.update(totp_confirmed_at=core.clock(), totp_step=step)
        if put.where(same, model.totp_confirmed_at.is_null()).execute() != 1:
            raise Conflict("another second factor was set up meanwhile")
        codes = recovery_codes.make(user.id)
        acts.record(core, signed.tenant_id, "user.second_factor_set", signed.actor, user=user.id)
    return codes


def renew_codes(core: Core, signed: Signed, code: str, client: Client = NOWHERE) -> list[str]:
    """New recovery codes in place of the old ones, for a code. Raises what ``confirm`` does."""
    user = _user(signed)
    with _guess(core, user, client):
        spent = _spend(core, user, code)
        codes = recovery_codes.make(user.id)
        spent.tell(core, signed.tenant_id, user.id)
        acts.record(core, signed.tenant_id, "user.recovery_codes_made", signed.actor, user=user.id)
    return codes


def switch_off(core: Core, signed: Signed, current: str | None, code: str, client: Client = NOWHERE) -> None:
    """Do without, for the present password and a code. Raises what ``confirm`` does, Invalid (current)."""
    user = _user(signed)
    users.require_present_password(core, user, current, client)
    with _guess(core, user, client):
        spent = _spend(core, user, code)
        _remove(user.id)
        spent.tell(core, signed.tenant_id, user.id)
        acts.record(core, signed.tenant_id, _REMOVED, signed.actor, user=user.id)


def reset(core: Core, tenant_id: str, user_id: str, actor: str = acts.SYSTEM) -> bool:
    """The operator's way out for somebody who lost app and codes; False when there was nothing to take away.

    For the command line alone: a data controller would open what the user may do elsewhere.
    """
    with core.store.transaction():
        if models.User.get_by_id(user_id).totp_sealed is None:
            return False
        _remove(user_id)
        acts.record(core, tenant_id, _REMOVED, actor, user=user_id)
    return True


@scope.everyone("a half-open session names its tenant")
def pending(core: Core, token: str) -> Pending | None:
    """Whose code this half-open session waits for; None when it is unknown, over, or its owner was shut out."""
    session, user, membership = models.Session, models.User, models.Membership
    here = (membership.user_id == session.user_id) & (membership.tenant_id == session.tenant_id)
    row = (
        session.select(session)
        .join(user, on=(user.id == session.user_id))
        .join_from(session, membership, on=here)
        .where(session.token_hash == session_rows.hash_of(token), session.expires_at > core.clock())
        .where(session.stage == SECOND_FACTOR, user.active, membership.active)
        .first()
    )
    if row is None:
        return None
    return Pending(row.id, row.user_id, row.tenant_id, row.csrf, row.method, row.expires_at)


def enter(core: Core, waiting: Pending, code: str, client: Client = NOWHERE) -> str:
    """Open a session for a code of the app, or a recovery code; returns its token. The half-open one ends.
    Raises Invalid (code), NotAuthentic, TooManyAttempts."""
    user, session = models.User.get_by_id(waiting.user_id), models.Session
    with scope.of(waiting.tenant_id), _guess(core, user, client):
        spent = _spend(core, user, code)
        half_open = session.delete().where(session.id == waiting.id, session.stage == SECOND_FACTOR)
        if half_open.execute() != 1:
            raise NotAuthentic("this sign-in is over; begin anew")
        token = session_rows.insert(core, Opening(user.id, waiting.tenant_id, waiting.method, client))
        spent.tell(core, waiting.tenant_id, user.id)
        shown = {"method": waiting.method, "second_factor": spent.by}
        acts.record(core, waiting.tenant_id, "user.signed_in", f"user:{user.id}", None, (), **shown)
    return token


@contextmanager
def _guess(core: Core, user: models.User, client: Client) -> Iterator[None]:
    """A transaction that checks a code: if it raises, the code was wrong and has been counted."""
    counted = attempts.guess(core, attempts.Kind.SECOND_FACTOR, user.id, client, user)
    with counted as tried, core.store.transaction():
        attempts.forgive(core, tried)
        yield


@dataclass(frozen=True, slots=True)
class _Spent:
    """Which kind of code was used up: ``totp`` or ``recovery_code``, and how many of those are left."""

    by: str
    left: int = 0

    def tell(self, core: Core, tenant_id: str, user_id: str) -> None:
        """Write down that a recovery code was used; after all other rows, because logs are locked last."""
        if self.by == "recovery_code":
            used = {"user": user_id, "left": self.left}
            acts.record(core, tenant_id, "user.recovery_code_used", f"user:{user_id}", None, (), **used)


def _spend(core: Core, user: models.User, given: str) -> _Spent:
    """Use a code up, in the caller's transaction. Raises Invalid (code)."""
    secret, model = _secret(core, user), models.User
    step = _step(core, secret, given) if secret and user.totp_confirmed_at else None
    if step is not None:
        same = (model.id == user.id) & (model.totp_confirmed_at == user.totp_confirmed_at)
        if model.update(totp_step=step).where(same, model.totp_step < step).execute() == 1:
            return _Spent("totp")
    elif user.totp_confirmed_at and recovery_codes.use(core, user.id, given):
        return _Spent("recovery_code", recovery_codes.left(user.id))
    raise _wrong(user)


def _wrong(user: models.User) -> Invalid:
    logger.info("second_factor_refused", user=user.id)
    return Invalid("code", "is not right, or was used before")


def _step(core: Core, secret: str, given: str) -> int | None:
    """The time step whose code this is. All are compared, each in constant time."""
    raw, app = passwords.read_out(given), pyotp.TOTP(secret, interval=STEP)
    now = int(core.clock().timestamp()) // STEP
    found = [
        step for step in (now - 1, now, now + 1) if hmac.compare_digest(raw, app.generate_otp(step).encode())
    ]
    return max(found, default=None)


def _remove(user_id: str) -> None:
    user, session = models.User, models.Session
    user.update(totp_sealed=None, totp_confirmed_at=None).where(user.id == user_id).execute()
    recovery_codes.drop(user_id)
    session.delete().where(session.user_id == user_id, session.stage == SECOND_FACTOR).execute()


def _user(signed: Signed) -> models.User:
    signed.require_own_proof()
    user: models.User = models.User.get_by_id(signed.user_id)
    return user


def _secret(core: Core, user: models.User) -> str | None:
    if user.totp_sealed is None:
        return None
    return core.keys.unseal_own(bytes(user.totp_sealed), **_place(user.id)).decode()


def _enrolment(core: Core, user: models.User, secret: str) -> Enrolment:
    name = users.email_of(core, user) or "account"
    return Enrolment(
        secret, pyotp.TOTP(secret, interval=STEP).provisioning_uri(name=name, issuer_name=ISSUER)
    )


def _place(user_id: str) -> dict[str, str]:
    return {"table": "users", "column": "totp_sealed", "row_id": user_id}
