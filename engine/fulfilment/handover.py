"""Handing a package over: to whoever proves again, by a code sent to a channel on file, that it is theirs.

The address of a package opens nothing by itself. Each proof shows the passphrase once and lets the file be
fetched for a little while; both are entries in the log.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ..core import Core
from ..desk import channels, checks, settings
from ..desk.checks import Purpose
from ..errors import Conflict, NotAuthentic
from ..lookups import identifier, there
from ..mail.queue import queue
from ..rights.types import RequestState
from ..services import acts
from ..services.people.devices import Client
from ..store import models, quick, scope
from . import package

REQUESTER = "requester"
"""The actor of what a person does with their own package."""
FETCHED_WITHIN = timedelta(minutes=15)
_UNANSWERED = (RequestState.REJECTED, RequestState.CANCELLED, RequestState.DUPLICATE)
PATH = "/request/{tenant_id}/package/{package_id}"


@dataclass(frozen=True, slots=True)
class Opened:
    """What a proof opens: the passphrase, and a token with which the file is fetched until ``until``."""

    passphrase: str = field(repr=False)
    token: str = field(repr=False)
    until: datetime


def invite(core: Core, request: models.RightsRequest) -> models.Message | None:
    """Write to the person, where they were reached before they asked, that their package can be fetched, for as
    long as the desk says from now on; in the caller's transaction. None without a package that can be, or
    without such an address."""
    found, subject = ready(core, request, keep=True), channels.subject_of(request)
    address = None if found is None or subject is None else channels.on_file(core, request, subject)
    if found is None or address is None:
        return None
    link = core.post.public_url + path_of(found)
    return queue(
        core,
        request.tenant_id,
        "package_ready",
        address,
        language=request.language,
        values={"link": link, "expires": found.expires_at},
        request_id=request.id,
        subject_id=found.subject_id,
    )


def ready(core: Core, request: models.RightsRequest, *, keep: bool = False) -> models.Package | None:
    """The request's package while it can be fetched; with ``keep`` its days begin now."""
    found = package.newest(request.tenant_id, request.id)
    if found is None or over(core, found):
        return None
    if keep:
        found.expires_at = core.clock() + timedelta(days=settings.of(request.tenant_id).package_days)
        here = {"id": found.id, "tenant_id": request.tenant_id}
        quick.update(models.Package, here, {"expires_at": found.expires_at})
    return found


def path_of(found: models.Package) -> str:
    """Where a package is fetched."""
    return PATH.format(tenant_id=found.tenant_id, package_id=found.id)


def find(tenant_id: str, package_id: str) -> models.Package:
    """A package of the scope's tenant, whether or not it is over; its content isn't read. Raises NotFound."""
    row = models.Package
    columns = [one for name, one in row._meta.fields.items() if name not in ("content", "passphrase_sealed")]
    wanted = identifier(package_id, "no such package")
    query = row.select(*columns).where(row.tenant_id == tenant_id, row.id == wanted)
    found: models.Package = there(query.first(), "no such package")
    return found


def over(core: Core, found: models.Package) -> bool:
    """Whether nothing can be fetched any more: its time is over, or its request ended without an answer."""
    if found.gone_at is not None or found.expires_at <= core.clock():
        return True
    request = quick.get(models.RightsRequest, id=found.request_id, tenant_id=found.tenant_id)
    return request is None or request.state in _UNANSWERED


def send_code(core: Core, found: models.Package, client: Client) -> datetime:
    """Send a code to the channel on file, if there is one; until when it would hold, either way. Raises
    Conflict where none can be sent or the package is over, TooManyAttempts."""
    _require_there(core, found)
    return checks.send(
        core,
        found.tenant_id,
        found.request_id,
        REQUESTER,
        purpose=Purpose.RELEASE,
        client=client,
        link=f"{path_of(found)}/{{token}}",
    )


def open_with_code(core: Core, found: models.Package, code: str, client: Client) -> Opened:
    """What the code opens. Raises NotAuthentic for a wrong one, Conflict for a package that is over,
    TooManyAttempts."""
    _require_there(core, found)
    proven = checks.confirm(
        core, found.tenant_id, found.request_id, code, purpose=Purpose.RELEASE, client=client
    )
    return _opened(core, found, proven)


def open_with_link(core: Core, found: models.Package, token: str) -> Opened:
    """What the token of a mailed link opens. Raises as ``open_with_code``."""
    _require_there(core, found)
    with scope.everyone("a link may be of another data controller's request, and opens nothing then"):
        proven = checks.confirm_link(core, token)
    return _opened(core, found, proven)


def for_download(core: Core, tenant_id: str, package_id: str, token: str) -> models.Package:
    """The package with its content, for who holds a token that was just handed out; counted. Raises NotFound,
    NotAuthentic for a token that is none of this package's or is over, Conflict for a package that is over."""
    found = find(tenant_id, package_id)
    _require_there(core, found)
    _require_token(core, found, token)
    with core.store.transaction():
        row = quick.lock(models.Package, id=found.id, tenant_id=tenant_id)
        if row is None or row.content is None or over(core, row):
            raise Conflict("this package is over")
        changes = {"fetches": row.fetches + 1, "fetched_at": core.clock()}
        quick.update(models.Package, {"id": row.id}, changes)
        body = {"package": row.id, "request": row.request_id, "fetches": row.fetches + 1}
        acts.record(core, tenant_id, "package.fetched", REQUESTER, None, [row.subject_id], **body)
    return row


def _opened(core: Core, found: models.Package, proven: checks.Confirmed) -> Opened:
    """The passphrase, once it is written down that it is shown. A proof of another request opens nothing."""
    mine = (proven.tenant_id, proven.request_id) == (found.tenant_id, found.request_id)
    if not mine or proven.purpose != Purpose.RELEASE or not proven.enough:
        raise NotAuthentic("this code is wrong, used or over")
    with scope.of(found.tenant_id), core.store.transaction():
        row = quick.lock(models.Package, id=found.id, tenant_id=found.tenant_id)
        if row is None or row.passphrase_sealed is None or over(core, row):
            raise Conflict("this package is over")
        raw = core.keys.unseal(row.tenant_id, bytes(row.passphrase_sealed), **package.place(row.id))
        body = {"package": row.id, "request": row.request_id, "check": proven.check_id}
        acts.record(core, row.tenant_id, "package.opened", REQUESTER, None, [row.subject_id], **body)
    until = core.clock() + FETCHED_WITHIN
    return Opened(raw.decode(), _token(core, found, int(until.timestamp()))[0], until)


def _token(core: Core, found: models.Package, until: int) -> list[str]:
    """``<seconds>.<MAC>``: the one of the key in use first, then those of a rotation under way."""
    macs = core.keys.macs(found.tenant_id, "package-token", found.id, str(until))
    return [f"{until}.{mac}" for mac in macs]


def _require_token(core: Core, found: models.Package, token: str) -> None:
    seconds = token.partition(".")[0]
    until = int(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) < 16 else 0
    given = token.encode("utf-8", "surrogatepass")
    equal = sum(hmac.compare_digest(given, one.encode()) for one in _token(core, found, until))
    if not equal or until < core.clock().timestamp():
        raise NotAuthentic("this page was open for too long; prove again that it is you")


def _require_there(core: Core, found: models.Package) -> None:
    if over(core, found):
        raise Conflict("this package is over")
