"""Signing in by password.

A refusal never says which part was wrong, and takes the same time whoever was meant; how many guesses anybody
has, ``attempts`` decides before a password is looked at.
"""

from __future__ import annotations

import structlog

from ...access import members
from ...core import Core
from ...errors import NotAuthentic
from ...identity import normalise
from ...store import models, scope
from .. import acts
from . import attempts, passwords, session_rows, users
from .devices import NOWHERE, Client
from .session_rows import OPEN, SECOND_FACTOR, Opening

_REFUSAL = "this e-mail address and password don't fit together"

logger = structlog.get_logger(__name__)


def sign_in(core: Core, email: str, password: str, client: Client = NOWHERE) -> str:
    """Open a session at the user's first data controller; returns its token. Of somebody with a second factor
    the session is only half open: ``second_factor.enter`` opens it. Raises NotAuthentic, TooManyAttempts.

    A one-time password opens one session, ever: using it up and opening are one transaction, and of two who
    bring it at once one is refused.
    """
    user = users.by_email(core, email)
    with attempts.guess(core, attempts.Kind.ACCOUNT, _guessed(email), client, user) as tried:
        chosen, one_time = (user.password_hash, user.one_time_hash) if user else (None, None)
        right = passwords.matches(password, chosen=chosen, one_time=one_time)
        membership = _first_membership(user.id) if user and right else None
        if user is None or membership is None:
            logger.info("sign_in_refused", user=user.id if user else None)
            raise NotAuthentic(_REFUSAL)
        return _open(core, user, membership.tenant_id, client, tried)


def _open(core: Core, user: models.User, tenant_id: str, client: Client, tried: attempts.Tried) -> str:
    """A session, or half of one for whoever has a second factor."""
    stage = OPEN if user.totp_confirmed_at is None else SECOND_FACTOR
    method = "password" if user.password_hash else "one_time_password"
    with scope.of(tenant_id), core.store.transaction():
        attempts.forgive(core, tried)
        _use(user)
        token = session_rows.insert(core, Opening(user.id, tenant_id, method, client, stage))
        if stage == OPEN:
            acts.record(core, tenant_id, "user.signed_in", f"user:{user.id}", method=method)
    return token


def open_for(core: Core, user_id: str, tenant_id: str, method: str, client: Client = NOWHERE) -> str:
    """Open a session for somebody whom others vouch for; returns its token, which is always a new one. Raises
    NotAuthentic for a user or membership that isn't active."""
    here, user = members.find(tenant_id, user_id), models.User
    with core.store.transaction():
        if here is None or not here.active or user.get_or_none(id=user_id, active=True) is None:
            raise NotAuthentic(_REFUSAL)
        token = session_rows.insert(core, Opening(user_id, tenant_id, method, client))
        acts.record(core, tenant_id, "user.signed_in", f"user:{user_id}", method=method)
    return token


def _guessed(email: str) -> str:
    """The address that is guessed at: one spelling each, whether or not it is anybody's."""
    return normalise.email(email) or f"not an address: {email.strip().casefold()[:320]}"


@scope.everyone("whoever signs in says who they are, not where")
def _first_membership(user_id: str) -> models.Membership | None:
    membership = models.Membership
    found: models.Membership | None = (
        membership.select()
        .where(membership.user_id == user_id, membership.active)
        .where(~membership.vouched)
        .order_by(membership.created_at, membership.id)
        .first()
    )
    return found


def _use(user: models.User) -> None:
    """Compare-and-set on what was just proven: uses a one-time password up, and refuses whoever was late, for
    it or for a second factor that was set meanwhile."""
    model = models.User
    if user.password_hash is not None:
        proven = model.password_hash == user.password_hash
    else:
        proven = model.one_time_hash == user.one_time_hash
    as_it_was = model.totp_confirmed_at.is_null(user.totp_confirmed_at is None)
    if (
        model.update(one_time_hash=None).where(model.id == user.id, model.active, proven, as_it_was).execute()
        != 1
    ):
        raise NotAuthentic(_REFUSAL)
