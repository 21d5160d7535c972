"""A new password for somebody who forgot theirs: a link that works once, within the hour.

The rules: whoever asks is told the same, and waits as long, whether or not there is such an account. What opens
the account is its mailbox, or a link that somebody hands over who could take nothing by it; such a one ends as
soon as they could. The token is kept as its hash and stands in the fragment of the address, which no server is
sent. A second factor stays, and is asked for at the next sign-in; every session ends, everywhere.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from ...access.roles import MATRIX, known, require_reach
from ...core import Core
from ...errors import Conflict, Forbidden, NotFound
from ...identity import normalise
from ...mail.queue import queue
from ...store import models, quick, scope
from .. import acts
from . import attempts, membership, passwords, session_rows, sessions, users
from .attempts import Kind
from .devices import NOWHERE, Client

LIFETIME = timedelta(hours=1)
UNKNOWN = "this link is unknown, used or over; ask for a new one"

_MARK = "dxr_"
_BY_OTHERS = ("oidc", "scim")
"""Memberships of people whom a provider or a directory answers for."""
_EVERYWHERE = "an account is one, wherever it leads"


@dataclass(frozen=True, slots=True)
class Link:
    """A way to a new password, shown only now. ``user_id`` is whose."""

    user_id: str
    token: str
    expires_at: datetime


class _Nobody(Exception):
    """Undoes what was done for the sake of its time alone."""


def can_mail(core: Core) -> bool:
    """Whether people can help themselves here; else an owner or whoever runs the installation does."""
    return core.post.transport is not None


def address(base: str, token: str = "") -> str:
    """Where a new password is chosen; the token, if there is one, in the part that browsers keep to
    themselves."""
    return f"{base.rstrip('/')}/dashboard/reset-password{f'#{token}' if token else ''}"


def ask(core: Core, email: str, client: Client = NOWHERE) -> None:
    """Send a link to this address if somebody here signs in with it. Raises TooManyAttempts, and nothing that
    tells whether there is such an account."""
    wanted = normalise.email(email)
    attempts.spend(core, Kind.RESET, "", client.address)
    if wanted is None:
        return
    attempts.share(core, Kind.RESET, wanted, client.address)  # nobody keeps the owner from asking
    user, stand_in = users.by_email(core, wanted), _anybody()
    somebody = user or stand_in
    if somebody is None:
        return
    letter = _letter_for(somebody)  # asked of everybody, whoever it is
    kind = letter if user is not None else None
    with scope.everyone(_EVERYWHERE), core.store.transaction():
        # So that a disk is waited for, whatever is undone.
        attempts.touch(core, Kind.RESET, wanted, client.address)
        with suppress(_Nobody), core.store.transaction():
            _send(core, somebody, kind or "password_reset", wanted)
            if kind is None:
                raise _Nobody
    core.bell.set()


def make(
    core: Core, tenant_id: str, user_id: str, *, actor: str = acts.SYSTEM, reach: membership.Reach = None
) -> Link:
    """A link for a member, to be handed to them. What they have now works until it is used.

    Only the data controller that first brought them in can make one, and only while they belong to no other:
    whoever makes it could use it themselves. It ends where that changes before it is used. The command line
    always can. Raises NotFound, Conflict, Forbidden for somebody who may do more.
    """
    found = membership.get(tenant_id, user_id)
    user = models.User.get_by_id(found.user_id)
    with core.store.transaction():
        quick.lock(models.User, id=user.id)  # whoever makes a membership refers to this row, and waits for it
        if actor != acts.SYSTEM:
            _require_own(tenant_id, user)
        if reach is not None:
            require_reach(reach, found.role)
        if not found.active:
            raise Conflict("this person is shut out; bring them back first")
        made_at = {} if actor == acts.SYSTEM else {"maker_id": tenant_id, "role": found.role.value}
        link = _new(core, user.id, **made_at)
        acts.record(core, tenant_id, "user.password_reset_link_made", actor, user=user.id)
    return link


def make_for_operator(core: Core, email: str) -> Link:
    """A link for whoever has this address, made by whoever runs the installation. Raises NotFound."""
    user = users.by_email(core, email)
    if user is None or not user.active:
        raise NotFound("nobody signs in here with this address")
    with scope.everyone(_EVERYWHERE), core.store.transaction():
        link = _new(core, user.id)
        acts.record(core, user.tenant_id, "user.password_reset_link_made", acts.SYSTEM, user=user.id)
    return link


def check(core: Core, token: str) -> str:
    """The address of whose link this is. Raises NotFound, which never says what was wrong."""
    return users.email_of(core, _owner(core, token))


def use(core: Core, token: str, password: str) -> None:
    """Put a new password in force, and end every session of the account. Raises NotFound, Invalid (password),
    and then nothing is used up."""
    user = _owner(core, token)
    email = users.email_of(core, user)
    passwords.check(password, email)
    hashed, row = passwords.hash_chosen(password), models.PasswordReset
    with scope.everyone(_EVERYWHERE), core.store.transaction():
        attempts.begin_anew(core, Kind.ACCOUNT, email)
        fresh = quick.lock(models.User, id=user.id)
        mine = (row.token_hash == session_rows.hash_of(token)) & (row.expires_at > core.clock())
        link = row.get_or_none(mine)
        if link is None or fresh is None or not fresh.active or _opens_more(link):
            raise NotFound(UNKNOWN)
        row.delete().where(row.user_id == user.id).execute()
        quick.update(models.User, {"id": user.id}, {"password_hash": hashed, "one_time_hash": None})
        _write_down(core, user, sessions.end_everywhere(user.id))
        if email and can_mail(core):
            sign_in = f"{core.post.public_url}/dashboard/sign-in"
            _queue(core, user, "password_changed", email, link=sign_in)
    core.bell.set()


def forget(core: Core) -> int:
    """Delete every link that is over; returns how many. For a periodic caller."""
    row = models.PasswordReset
    with core.store.transaction():
        return int(row.delete().where(row.expires_at <= core.clock()).execute())


def _write_down(core: Core, user: models.User, ended: dict[str, int]) -> None:
    """In one order everywhere, for logs are locked: what ended at each data controller, and where the account
    began how it came to that."""
    for tenant_id in sorted({*ended, str(user.tenant_id)}):
        if tenant_id in ended:
            facts = {"user": user.id, "sessions": ended[tenant_id]}
            acts.record(core, tenant_id, "user.session_ended", f"user:{user.id}", **facts)
        if tenant_id == user.tenant_id:
            acts.record(core, tenant_id, "user.password_reset", f"user:{user.id}", user=user.id)


def _send(core: Core, user: models.User, kind: str, email: str) -> None:
    link = _new(core, user.id) if kind == "password_reset" else None
    if link is not None:
        acts.record(core, user.tenant_id, "user.password_reset_sent", acts.SYSTEM, user=user.id)
        to = address(core.post.public_url, link.token)
        _queue(core, user, kind, email, link=to, token=link.token, until=link.expires_at)
    else:
        _queue(core, user, kind, email, link=f"{core.post.public_url}/dashboard/sign-in")


def _queue(
    core: Core, user: models.User, kind: str, email: str, *, until: datetime | None = None, **values: str
) -> None:
    """A letter in the first language of the desk where the account began."""
    desk = quick.get(models.RightsDesk, tenant_id=user.tenant_id)
    language = next(iter(desk.languages if desk else ()), "en")
    queue(core, user.tenant_id, kind, email, language=language, values=values, valid_until=until)


def _new(core: Core, user_id: str, **made_at: str) -> Link:
    token, now = _MARK + secrets.token_urlsafe(32), core.clock()
    row = {"token_hash": session_rows.hash_of(token), "user_id": user_id, "created_at": now}
    quick.insert(models.PasswordReset, {**row, "expires_at": now + LIFETIME, **made_at})
    return Link(user_id, token, now + LIFETIME)


def _owner(core: Core, token: str) -> models.User:
    row = models.PasswordReset.get_or_none(token_hash=session_rows.hash_of(token))
    if row is None or row.expires_at <= core.clock() or _opens_more(row):
        raise NotFound(UNKNOWN)
    user: models.User = models.User.get_by_id(row.user_id)
    if not user.active:
        raise NotFound(UNKNOWN)
    return user


@scope.everyone(_EVERYWHERE)
def _opens_more(link: models.PasswordReset) -> bool:
    """Whether a link that a colleague made would let them into more by now than when they made it: into another
    data controller, or into a role that may do more; or whether its owner was shut out since."""
    if link.maker_id is None:
        return False
    row, then = models.Membership, MATRIX[known(str(link.role))]
    places = row.select(row.tenant_id, row.role, row.active).where(row.user_id == link.user_id)
    return any(
        one.tenant_id != link.maker_id or not one.active or not MATRIX[known(one.role)] <= then
        for one in places
    )


@scope.everyone("where somebody comes in is a matter of all their memberships")
def _letter_for(user: models.User) -> str | None:
    """Which letter somebody gets: a link, word that their company's sign-in looks after passwords, or none
    because no door is open to them."""
    row, named = models.Membership, models.SsoIdentity
    places = list(row.select(row.source, row.vouched).where(row.user_id == user.id, row.active))
    identified = named.select().where(named.user_id == user.id).exists()
    if not user.active or not places:
        return None
    if user.password_hash or user.one_time_hash:
        return "password_reset"
    return "password_by_provider" if identified or _vouched_for(places) else "password_reset"


def _vouched_for(places: Iterable[models.Membership]) -> bool:
    return all(place.vouched or place.source in _BY_OTHERS for place in places)


def _anybody() -> models.User | None:
    """Whose letter is written, and torn up again, for an address that is nobody's."""
    row = models.User
    found: models.User | None = row.select().order_by(row.id).first()
    return found


def _require_own(tenant_id: str, user: models.User) -> None:
    if user.tenant_id != tenant_id:
        raise Forbidden(
            "another data controller made this person's account; they can ask for a link by mail, or whoever "
            "runs this installation makes one: `dxflow user reset-password`"
        )
    users.require_no_other(user.id, tenant_id)
