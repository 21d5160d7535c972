"""Coming in through a data controller's provider: off to it with a state, back with a code, in as somebody.

The rule: a provider's word counts at its own data controller alone. What it says of an address brings nobody
in who isn't a member there, invited there, or a newcomer to whom that data controller gives a role; and the
session is one at that data controller.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

import peewee
import structlog

from ...core import Core
from ...errors import Conflict, NotAuthentic
from ...sso import code_flow
from ...sso.code_flow import Client
from ...sso.discovery import Directory
from ...sso.id_tokens import Claims, Expected, proven
from ...store import models, quick
from . import sessions, sso, sso_people
from .devices import NOWHERE
from .devices import Client as Device

LIFETIME = timedelta(minutes=10)
"""How long a browser may be away."""

logger = structlog.get_logger(__name__)


class Astray(NotAuthentic):
    """Raised when a browser comes back that nobody waits for: another one, too late, or for the second time."""


class Departure(NamedTuple):
    """Where the browser goes, and what it keeps to be known by when it comes back."""

    to: str
    browser: str


class Arrival(NamedTuple):
    """The new session's token, and where the browser wanted to go."""

    token: str
    following: str


class _Flow(NamedTuple):
    nonce: str
    verifier: str
    following: str


def begin(core: Core, directory: Directory, tenant_id: str, callback: str, following: str) -> Departure:
    """Send a browser to the provider. Raises NotFound, Unproven, Refused, TransientError, Busy."""
    provider = sso.in_force(tenant_id)
    client = sso.client(core, provider, callback)
    with directory.turn(provider.issuer):
        metadata = directory.of(provider.issuer)
    state, browser = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    flow = _Flow(secrets.token_urlsafe(32), secrets.token_urlsafe(48), following)
    _keep(core, provider, state, browser, flow)
    return Departure(code_flow.address(metadata, client, state, flow.nonce, flow.verifier), browser)


def finish(
    core: Core,
    directory: Directory,
    tenant_id: str,
    callback: str,
    answer: Mapping[str, str],
    browser: str | None,
    device: Device = NOWHERE,
) -> Arrival:
    """Let the browser in that came back with this answer.

    Raises NotFound, Astray, Unproven, ``sso_people.Unwelcome``, Refused, TransientError, Busy.
    """
    provider = sso.in_force(tenant_id)
    client = sso.client(core, provider, callback)
    with directory.turn(provider.issuer):
        flow = _take(core, provider, answer.get("state", ""), browser or "")
        claims = _proven(core, directory, provider, client, answer, flow)
    return Arrival(_enter(core, provider, claims, device), flow.following)


def _proven(
    core: Core,
    directory: Directory,
    provider: models.SsoProvider,
    client: Client,
    answer: Mapping[str, str],
    flow: _Flow,
) -> Claims:
    metadata = directory.of(provider.issuer)
    code = code_flow.code_of(metadata, answer)
    tokens = code_flow.exchange(core.outgoing, metadata, client, code, flow.verifier)
    now = int(core.clock().timestamp())
    expected = Expected(client.id, flow.nonce, tokens.access_token, now)
    claims = proven(directory, metadata, tokens.id_token, expected)
    if sso_people.known(core, provider, claims) is not None:
        return claims
    return code_flow.with_address(core.outgoing, metadata, claims, tokens.access_token)


def _enter(core: Core, provider: models.SsoProvider, claims: Claims, device: Device) -> str:
    """Who it is, and their session, in one transaction. Once more if somebody else was faster with the same
    person's first sign-in."""
    for _ in range(2):
        try:
            with core.store.transaction():
                _require_unchanged(provider)
                user_id = sso_people.find(core, provider, claims)
                return sessions.open_for(core, user_id, provider.tenant_id, sessions.OIDC, device)
        except peewee.IntegrityError:
            continue
        except NotAuthentic:
            raise sso_people.Unwelcome("shut out") from None
    raise Conflict("this sign-in met another of the same person; try again")


def _require_unchanged(provider: models.SsoProvider) -> None:
    """Raises Astray where the provider was switched off or replaced while it was asked."""
    now = quick.lock(models.SsoProvider, id=provider.id)
    kept = ("issuer", "client_id", "role", "disabled_at")
    if now is None or any(getattr(now, name) != getattr(provider, name) for name in kept):
        raise Astray("the provider was changed meanwhile")


def _keep(core: Core, provider: models.SsoProvider, state: str, browser: str, flow: _Flow) -> None:
    row, now, name = models.SsoFlow, core.clock(), _hash(state)
    sealed = core.keys.seal(provider.tenant_id, json.dumps(flow).encode(), **_place(name))
    with core.store.transaction():
        row.delete().where(row.expires_at <= now).execute()
        quick.insert(
            row,
            {
                "state_hash": name,
                "provider_id": provider.id,
                "tenant_id": provider.tenant_id,
                "browser_hash": _hash(browser),
                "flow_sealed": sealed,
                "expires_at": now + LIFETIME,
            },
        )


def _take(core: Core, provider: models.SsoProvider, state: str, browser: str) -> _Flow:
    """What this state stands for, once, in the browser that it was made for. Raises Astray."""
    row, name = models.SsoFlow, _hash(state)
    with core.store.transaction():
        found = quick.lock(row, state_hash=name, provider_id=provider.id)
        taken = row.delete().where(row.state_hash == name, row.provider_id == provider.id).execute()
    if found is None or not taken or found.expires_at <= core.clock():
        raise Astray("this sign-in is over, or was never begun here")
    if not secrets.compare_digest(found.browser_hash, _hash(browser)):
        raise Astray("this sign-in was begun in another browser")
    opened = core.keys.unseal(provider.tenant_id, bytes(found.flow_sealed), **_place(name))
    return _Flow(*json.loads(opened))


def _hash(secret: str) -> str:
    """A plain hash is enough: there are 256 random bits, and nothing to guess."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _place(state_hash: str) -> dict[str, str]:
    return {"table": "sso_flows", "column": "flow_sealed", "row_id": state_hash}
