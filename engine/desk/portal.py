"""What a person may do with their own request, without an account: make it, see it, prove themselves, withdraw.

The rule: the page of a request opens to its key alone. The key is a MAC of the request's id under the data
controller's key, so nothing is stored by which it could be found. And nothing here depends on whether the
person is on file: known or not, they see, and wait for, the same.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from ..core import Core
from ..errors import CallerError, Invalid, NotFound, TooManyAttempts
from ..fulfilment import handover, package
from ..identity import did, normalise
from ..platforms.base import Person
from ..rights.languages import LANGUAGES
from ..services import tenants
from ..services.people import attempts
from ..services.people.attempts import Kind
from ..services.people.devices import Client
from ..services.rights import requests
from ..services.rights.arrivals import Arrival, record_once
from ..store import models, scope
from . import actions, checks, links, moves, settings

SOURCE = "form"
REQUESTER = "requester"
"""The actor of what a person does with their own request, by its key."""

_KEY_BYTES = 15
_KEY_SIGNS = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no sign that could be read as another."""
_KEY_SPELLED = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", _KEY_SIGNS)
_KEY_MISREAD = str.maketrans("oil", "011")


@dataclass(frozen=True, slots=True)
class Portal:
    """A data controller's form, as its desk has it."""

    tenant_id: str
    name: str
    open: bool
    languages: tuple[str, ...]
    embed_origins: tuple[str, ...]
    zone: str
    privacy_url: str
    authority: str

    def day(self, moment: datetime) -> str:
        """``YYYY-MM-DD`` in the desk's time zone."""
        return moment.astimezone(ZoneInfo(self.zone)).date().isoformat()


@dataclass(frozen=True, slots=True)
class Wish:
    """A form as somebody sent it, checked. ``once`` names the form itself: sent twice, it is one request."""

    type: str
    person: Person
    jurisdiction: str | None
    details: str
    language: str
    once: str


@scope.everyone("a form names its data controller by its address")
def find(name: str) -> Portal:
    """The form of the data controller with this id or DID. Raises NotFound."""
    tenant = tenants.find(name)
    desk = settings.of(tenant.id)
    return Portal(
        tenant.id,
        tenant.name,
        desk.form_open,
        tuple(one for one in LANGUAGES if one in desk.languages) or LANGUAGES[:1],
        desk.embed_origins,
        desk.zone,
        desk.privacy_url or "",
        desk.authority or "",
    )


def submit(core: Core, portal: Portal, wish: Wish, client: Client) -> models.RightsRequest:
    """Record a request, and have its code sent. Raises Invalid, TooManyAttempts: each client has so many, and
    of those that name the same address a share."""
    named = normalise.email(wish.person.email or "") or wish.person.phone or ""
    attempts.spend(core, Kind.REQUEST_FORM, "", client.address)
    if named:
        attempts.share(core, Kind.REQUEST_FORM, f"{portal.tenant_id}:{named}", client.address)
    arrival = Arrival(
        SOURCE,
        _name(wish),
        wish.type,
        wish.person,
        jurisdiction=wish.jurisdiction,
        details=wish.details,
        language=wish.language,
    )
    row, new = record_once(core, portal.tenant_id, REQUESTER, arrival)
    if new:
        with suppress(
            CallerError
        ):  # what can't be sent is no business of whoever asks: it tells who is on file
            checks.send(core, row.tenant_id, row.id, REQUESTER, client=client)
    return row


def key_of(core: Core, row: models.RightsRequest) -> str:
    """The key of a request's page, in groups of four signs."""
    text = _keys(core, row)[0]
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def by_key(core: Core, portal: Portal, request_id: str, key: str, client: Client) -> models.RightsRequest:
    """The request that a key opens. Raises NotFound, for a wrong key as for no request; TooManyAttempts, by the
    client alone: nobody guesses 120 bits, and nobody may shut a person out by trying."""
    tried = attempts.spend(core, Kind.REQUEST_KEY, "", client.address)
    try:
        row = requests.get(portal.tenant_id, did.canonical(request_id))
    except (NotFound, Invalid):
        raise NotFound("no request has this key") from None
    given = "".join(key.lower().replace("-", "").split()).translate(_KEY_MISREAD).encode("utf-8", "replace")
    if not any(hmac.compare_digest(known.encode(), given) for known in _keys(core, row)):
        raise NotFound("no request has this key")
    attempts.forgive(core, tried)
    return row


def may_prove(row: models.RightsRequest) -> bool:
    """Whether a code is asked for. Not whether there is an address to send it to: that would tell."""
    return "verify" in moves.allowed(row)


def may_withdraw(row: models.RightsRequest) -> bool:
    """Whether there is anything left to withdraw."""
    return "cancel" in moves.allowed(row)


def package_of(core: Core, row: models.RightsRequest) -> models.Package | None:
    """What the request was answered with, while it can be fetched. Its page asks for a proof of its own."""
    found = package.newest(row.tenant_id, row.id) if row.responded_at is not None else None
    return None if found is None or handover.over(core, found) else found


def new_code(core: Core, row: models.RightsRequest, client: Client) -> bool:
    """Have another code sent; False where none is. Raises TooManyAttempts."""
    return _done(lambda: checks.send(core, row.tenant_id, row.id, REQUESTER, client=client))


def confirm(core: Core, row: models.RightsRequest, code: str, client: Client) -> bool:
    """Whether a code was the right one. Raises TooManyAttempts."""
    return _done(lambda: checks.confirm(core, row.tenant_id, row.id, code, client=client))


def confirm_link(core: Core, token: str) -> bool:
    """Whether the token of a link was right; in nobody's scope, for it names its request itself."""
    return _done(lambda: checks.confirm_link(core, token))


def asked_by_link(core: Core, portal: Portal, token: str) -> models.RightsRequest | None:
    """What the token of a link would confirm; None for one that holds no longer. In nobody's scope."""
    return links.asked(core, portal.tenant_id, token)


def disown(core: Core, portal: Portal, token: str) -> bool:
    """Whoever got this link didn't ask; False for one that holds no longer. In nobody's scope."""
    return links.disown(core, portal.tenant_id, token)


def withdraw(core: Core, row: models.RightsRequest) -> models.RightsRequest:
    """Take the request back, in its person's name. Raises Conflict when it is over."""
    return actions.cancel(core, row.tenant_id, row.id, REQUESTER)


def _done(act: Callable[[], object]) -> bool:
    """Whether the identity checks did it: they raise for what they refuse. Raises TooManyAttempts."""
    try:
        act()
    except TooManyAttempts:
        raise
    except CallerError:
        return False
    return True


def _name(wish: Wish) -> tuple[str, ...]:
    """The form with what was typed into it: sent again after a change, it is another request."""
    person = wish.person
    said = (wish.type, person.email or "", person.phone or "", person.name or "", wish.jurisdiction or "")
    return (wish.once, *said, wish.details)


def _keys(core: Core, row: models.RightsRequest) -> list[str]:
    """Its key, and those of before the data controller's key was rotated."""
    macs = core.keys.macs(row.tenant_id, "request-key", row.id)
    raws = (bytes.fromhex(mac)[:_KEY_BYTES] for mac in macs)
    return [base64.b32encode(raw).decode().translate(_KEY_SPELLED) for raw in raws]
