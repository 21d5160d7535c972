"""Proof of who asks: a code and a link, sent to a channel that was on file before the request came.

The rule: whoever asks learns nothing about who is on file. Sending looks the same whether something was sent,
and a wrong code is answered like one that is over. A guess is counted, and committed, before it is looked at.
Only the newest code of a request counts; it lives ten minutes and takes three guesses. Its link holds 256
random bits, takes no guessing, and isn't ended by others' guesses.

Kept are a keyed MAC of the code and a hash of the link. Never call ``send`` and ``confirm`` inside a
transaction: what is counted must stand whatever follows.
"""

from __future__ import annotations

import hmac
import math
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ..core import Core
from ..errors import Conflict, Invalid, NotAuthentic, TooManyAttempts
from ..mail.queue import queue
from ..rights import proof
from ..rights.proof import Level
from ..rights.types import RequestState
from ..services import acts
from ..services.people import attempts
from ..services.people.attempts import Kind
from ..services.people.devices import NOWHERE, Client
from ..store import models, quick, scope
from . import channels, links, moves, proving

LIVES = timedelta(minutes=10)
GUESSES = 3
AN_HOUR = 5
"""Codes for one request in an hour."""
LINK = "/request/{tenant}/confirm?token={token}"
"""Where links lead below the public address, unless the caller says otherwise."""
NO_CHANNEL = "none"
"""The channel of a check that was sent to nobody: there was nowhere to send it, and the asker isn't told."""

_CODE = re.compile(r"[0-9]{6}", re.ASCII)
_HOUR = timedelta(hours=1)


class Purpose(StrEnum):
    """What a check opens."""

    VERIFY = "verify"
    """That the request comes from whom it is about."""
    RELEASE = "release"
    """That a package is handed to them."""


_TEXTS = {Purpose.VERIFY: "code", Purpose.RELEASE: "release_code"}
"""The kind of message for each purpose."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A check that was passed; ``level`` is what it proves, ``enough`` whether that is enough for its purpose.
    A package is only ever handed to a channel on file."""

    tenant_id: str
    request_id: str
    check_id: str
    purpose: Purpose
    level: Level
    enough: bool


@dataclass(frozen=True, slots=True)
class _Sending:
    request_id: str
    purpose: Purpose
    link: str
    target: channels.Target | None


def send(
    core: Core,
    tenant_id: str,
    request_id: str,
    actor: str,
    channel: str = "email",
    *,
    purpose: str = Purpose.VERIFY,
    client: Client = NOWHERE,
    link: str = LINK,
) -> datetime:
    """Send a code and a link, if there is anybody to send them to; until when they would hold, either way. The
    codes before it end. Raises Invalid, NotFound, Conflict for a request that is over or proven and where no
    mail can be sent, TooManyAttempts."""
    _outside(core)
    if channel not in channels.CHANNELS:
        raise Invalid("channel", f"{channel[:40]!r}; allowed are {', '.join(channels.CHANNELS)}")
    if purpose not in set(Purpose):
        raise Invalid("purpose", f"{purpose[:40]!r}; allowed are {', '.join(Purpose)}")
    with core.store.transaction():
        request = moves.locked(core, tenant_id, request_id)
        _require_open(request, purpose)
    if core.post.transport is None:
        raise Conflict("no code can be sent: DXFLOW_SMTP_URL isn't set")
    attempts.spend(core, Kind.IDENTITY_SENDING, request_id, client.address)
    target = channels.target(core, request, given_too=purpose == Purpose.VERIFY)
    if not _may_receive(core, f"{purpose}:{target.mark if target else request_id}", client):
        target = None
    sending = _Sending(request_id, Purpose(purpose), link, target)
    with core.store.transaction():
        request = moves.locked(core, tenant_id, request_id)
        _require_open(request, purpose)
        return _sent(core, request, sending, actor)


def _sent(core: Core, request: models.RightsRequest, sending: _Sending, actor: str) -> datetime:
    """Write the check down, and the message where there is somebody to send it to."""
    now, target = core.clock(), sending.target
    _require_few(request, now)
    _end(request, sending.purpose, now)
    check_id, code, token = core.new_id(), f"{secrets.randbelow(10**6):06d}", secrets.token_urlsafe(32)
    expires = now + LIVES
    models.IdentityCheck.create(
        id=check_id,
        tenant_id=request.tenant_id,
        request_id=request.id,
        purpose=sending.purpose,
        channel=NO_CHANNEL if target is None else target.channel,
        on_file=target is not None and target.on_file,
        code_mac=core.keys.mac(request.tenant_id, "identity-code", check_id, code),
        link_hash=None if target is None else links.hashed(token),
        failures=0,
        sent_at=now,
        expires_at=expires,
        force_insert=True,
    )
    link = sending.link.format(tenant=request.tenant_id, token=token)
    values = {"code": code, "link": f"{core.post.public_url}{link}"}
    about = {"request_id": request.id, "subject_id": request.subject_id, "language": request.language}
    to = None if target is None else target.address
    queue(core, request.tenant_id, _TEXTS[sending.purpose], to, values=values, valid_until=expires, **about)
    changed = {"sent": target is not None, "on_file": target is not None and target.on_file}
    facts = {"request": request.id, "check": check_id, "purpose": str(sending.purpose)}
    acts.record(core, request.tenant_id, "identity_check.sent", actor, changed, [request.subject_id], **facts)
    core.bell.set()
    return expires


def confirm(
    core: Core,
    tenant_id: str,
    request_id: str,
    code: str,
    *,
    purpose: str = Purpose.VERIFY,
    client: Client = NOWHERE,
) -> Confirmed:
    """The code that was sent. Raises NotAuthentic for any other, one that is over, and one that was never sent,
    in the same words; TooManyAttempts."""
    _outside(core)
    with attempts.guess(core, Kind.IDENTITY_CODE, request_id, client, None) as tried:
        check = _counted(core, tenant_id, request_id, purpose)
        if check is None or not _matches(core, check, code):
            _note_end(core, check)
            raise _refused()
        return _passed(core, check, tried)


def confirm_link(core: Core, token: str) -> Confirmed:
    """The link that was sent. For a form that is sent off, not for a page that is looked at: mail programs
    follow links before people do. Raises NotAuthentic."""
    check = links.check_of(token)
    if check is None:
        raise _refused()
    with scope.of(check.tenant_id):
        return _passed(core, check, None)


def passed(core: Core, tenant_id: str, request_id: str, purpose: str, within: timedelta) -> str | None:
    """The id of the newest check of this purpose that was passed this lately; None without one."""
    row = models.IdentityCheck
    mine = (row.tenant_id == tenant_id) & (row.request_id == request_id) & (row.purpose == purpose)
    query = row.select().where(mine, row.passed_at > core.clock() - within)
    newest = query.order_by(row.passed_at.desc()).first()
    return None if newest is None else str(newest.id)


def listing(tenant_id: str, request_id: str) -> list[models.IdentityCheck]:
    """The checks of a request, oldest first."""
    row = models.IdentityCheck
    query = row.select().where(row.tenant_id == tenant_id, row.request_id == request_id)
    return list(query.order_by(row.sent_at, row.id))


def _counted(core: Core, tenant_id: str, request_id: str, purpose: str) -> models.IdentityCheck | None:
    """The check that a guess is for, which was counted and committed; None where none is open."""
    row, now = models.IdentityCheck, core.clock()
    with core.store.transaction(urgent=True):
        mine = (row.tenant_id == tenant_id) & (row.request_id == request_id) & (row.purpose == purpose)
        newest = row.select().where(mine).order_by(row.sent_at.desc(), row.id).first()
        if newest is None:
            return None
        open_ = (row.failures < GUESSES) & row.passed_at.is_null() & row.ended_at.is_null()
        counted = row.update(failures=row.failures + 1).where(
            row.id == newest.id, open_, row.expires_at > now
        )
        return quick.get(row, id=newest.id) if counted.execute() else None


def _matches(core: Core, check: models.IdentityCheck, code: str) -> bool:
    """Whether this is the check's code, however blanks are set. A check that was sent to nobody has none."""
    given = "".join(code.split())
    wellformed = _CODE.fullmatch(given) is not None
    macs = core.keys.macs(check.tenant_id, "identity-code", check.id, given if wellformed else "")
    equal = sum(hmac.compare_digest(check.code_mac, mac) for mac in macs)
    return bool(equal) and wellformed and check.channel != NO_CHANNEL


def _passed(core: Core, check: models.IdentityCheck, tried: attempts.Tried | None) -> Confirmed:
    """Once: of two who are right at the same moment one is."""
    row, now, level = models.IdentityCheck, core.clock(), Level.CHANNEL if check.on_file else Level.ASSERTED
    with core.store.transaction():
        if tried is not None:
            attempts.forgive(core, tried)
        request = moves.locked(core, check.tenant_id, check.request_id)
        open_ = row.passed_at.is_null() & row.ended_at.is_null() & (row.expires_at > now)
        won = row.update(passed_at=now).where(row.id == check.id, open_).execute()
        if not won or _over(request, check.purpose):
            raise _refused()
        facts = {"request": request.id, "check": check.id, "purpose": check.purpose}
        about = [request.subject_id]
        acts.record(core, check.tenant_id, "identity_check.passed", acts.SYSTEM, None, about, **facts)
        verifies = check.purpose == Purpose.VERIFY
        enough = proving.prove(core, request, level) if verifies else level == Level.CHANNEL
    core.bell.set()
    return Confirmed(check.tenant_id, request.id, check.id, Purpose(check.purpose), level, enough)


def _note_end(core: Core, check: models.IdentityCheck | None) -> None:
    """The last wrong guess at a code is an entry in the log."""
    if check is None or check.failures < GUESSES:
        return
    facts = {"request": check.request_id, "check": check.id, "purpose": check.purpose}
    with core.store.transaction():
        acts.record(core, check.tenant_id, "identity_check.failed", acts.SYSTEM, **facts)


def _require_open(request: models.RightsRequest, purpose: str) -> None:
    if _over(request, purpose):
        raise Conflict(f"this request is {request.state}")
    if purpose == Purpose.VERIFY and request.verified_at is not None and proof.enough(request):
        raise Conflict("who sent this request is proven already")


def _over(request: models.RightsRequest, purpose: str) -> bool:
    """Nothing more to prove. A package may still be fetched when its request was answered and closed."""
    answered = purpose == Purpose.RELEASE and request.state == RequestState.COMPLETED
    return request.closed_at is not None and not answered


def _require_few(request: models.RightsRequest, now: datetime) -> None:
    """Counted under the lock on the request: two who send at once can't pass the limit together."""
    row = models.IdentityCheck
    lately = row.select().where(row.request_id == request.id, row.sent_at > now - _HOUR).order_by(row.sent_at)
    times = [one.sent_at for one in lately]
    if len(times) >= AN_HOUR:
        until = times[-AN_HOUR] + _HOUR
        raise TooManyAttempts(until, max(1, math.ceil((until - now).total_seconds())))


def _may_receive(core: Core, whose: str, client: Client) -> bool:
    """Whether this address may be written to again: many requests in its name are no way to fill a mailbox, to
    use up what the person themselves may have sent from elsewhere, nor to keep a package's codes from it, which
    are counted apart. Not told to who asks, because it would tell that the address is on file; and where there
    is none the request is counted, which takes as long."""
    try:
        attempts.share(core, Kind.IDENTITY_TARGET, whose, client.address)
    except TooManyAttempts:
        return False
    return True


def _end(request: models.RightsRequest, purpose: str, now: datetime) -> None:
    row = models.IdentityCheck
    mine = (row.request_id == request.id) & (row.purpose == purpose)
    row.update(ended_at=now).where(mine, row.passed_at.is_null(), row.ended_at.is_null()).execute()


def _outside(core: Core) -> None:
    if core.store.database.in_transaction():
        raise RuntimeError("a check inside a transaction would not stay counted")


def _refused() -> NotAuthentic:
    return NotAuthentic("this code is wrong, used or over")
