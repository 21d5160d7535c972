"""Where a data controller's people sign in: its one OpenID provider.

Whoever sets a provider decides who its people are, at this data controller and at no other.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ...access.roles import known, require_reach
from ...core import Core
from ...errors import Invalid, NotFound
from ...lookups import there
from ...outgoing import Refused, checked
from ...sso.code_flow import Client
from ...sso.discovery import Metadata, discover
from ...sso.faults import Unproven
from ...store import models, quick
from .. import acts
from . import sessions
from .membership import Reach

_LONGEST = 500


class Addresses(NamedTuple):
    """What is handed out: ``callback`` is registered at the provider, ``sign_in`` is where people go.

    Each data controller has a callback of its own, so that no provider can pass its people's browsers on to
    another's and be handed the code that comes back (RFC 9700 section 4.4.2).
    """

    sign_in: str
    callback: str


def addresses(base: str, tenant_id: str) -> Addresses:
    """Below the address at which people reach the installation."""
    sign_in = f"{base.rstrip('/')}/dashboard/sso/{tenant_id}"
    return Addresses(sign_in, f"{sign_in}/callback")


def set_provider(
    core: Core,
    tenant_id: str,
    issuer: str,
    client_id: str,
    secret: str,
    role: str | None = None,
    *,
    actor: str = acts.SYSTEM,
    reach: Reach = None,
) -> models.SsoProvider:
    """Put a provider in force, after asking it who it is. ``role`` is what those of its people become who are
    nobody here yet; without one only members and invited people come in.

    Another issuer has other people, so who was known under the one before is forgotten. Raises Invalid (issuer,
    client_id, secret, role), Forbidden for a role beyond the reach, TransientError for a provider that doesn't
    answer.
    """
    wanted = _newcomers(role, reach)
    for field, text in (("client_id", client_id), ("secret", secret)):
        if not text.strip() or len(text) > _LONGEST or not text.isprintable():
            raise Invalid(field, f"must have 1 to {_LONGEST} printable characters")
    _ask(core, issuer)
    with core.store.transaction():
        row = {"issuer": issuer, "client_id": client_id, "role": wanted, "disabled_at": None}
        provider_id = _put(core, tenant_id, row, secret)
        changed = {"issuer": issuer, "client_id": client_id}
        acts.record(
            core, tenant_id, "sso.provider_set", actor, changed, provider=provider_id, newcomers=wanted
        )
    return show(tenant_id)


def _newcomers(role: str | None, reach: Reach) -> str | None:
    """The role that newcomers get, if they get any. Raises Invalid, Forbidden beyond the reach."""
    if role is None:
        return None
    wanted = known(role)
    if reach is not None:
        require_reach(reach, wanted)
    return wanted.value


def _put(core: Core, tenant_id: str, row: dict[str, Any], secret: str) -> str:
    """Write the one provider, over the one before; its id. Whom another issuer named is forgotten."""
    before = quick.lock(models.SsoProvider, tenant_id=tenant_id)
    if before is not None and before.issuer != row["issuer"]:
        _forget(before)
    provider_id = core.new_id() if before is None else str(before.id)
    sealed = {"secret_sealed": core.keys.seal(tenant_id, secret.encode(), **_place(provider_id))}
    if before is not None:
        quick.update(models.SsoProvider, {"id": provider_id}, {**row, **sealed})
    else:
        first = {"id": provider_id, "tenant_id": tenant_id, "created_at": core.clock()}
        quick.insert(models.SsoProvider, {**first, **row, **sealed})
    return provider_id


def show(tenant_id: str) -> models.SsoProvider:
    """The data controller's provider, in force or not. Raises NotFound."""
    return there(quick.get(models.SsoProvider, tenant_id=tenant_id), "this data controller has no provider")


def in_force(tenant_id: str) -> models.SsoProvider:
    """The provider through which people sign in here. Raises NotFound."""
    found = show(tenant_id)
    if found.disabled_at is not None:
        raise NotFound("this data controller has no provider")
    return found


def disable(core: Core, tenant_id: str, *, actor: str = acts.SYSTEM) -> models.SsoProvider:
    """Nobody signs in through it any more; the sessions that it opened end, and whom it named is forgotten.

    Raises NotFound.
    """
    with core.store.transaction():
        row = there(
            quick.lock(models.SsoProvider, tenant_id=tenant_id), "this data controller has no provider"
        )
        _forget(row)
        if row.disabled_at is None:
            quick.update(models.SsoProvider, {"id": row.id}, {"disabled_at": core.clock()})
            acts.record(core, tenant_id, "sso.provider_disabled", actor, provider=row.id)
    return show(tenant_id)


def check(core: Core, tenant_id: str) -> Metadata:
    """What the provider says of itself at this moment. Raises NotFound, Invalid (issuer), TransientError for
    one that doesn't answer."""
    return _ask(core, show(tenant_id).issuer)


def client(core: Core, provider: models.SsoProvider, callback: str) -> Client:
    """Who we are at a provider."""
    secret = core.keys.unseal(provider.tenant_id, bytes(provider.secret_sealed), **_place(provider.id))
    return Client(provider.client_id, secret.decode(), callback)


def _ask(core: Core, issuer: str) -> Metadata:
    """Its document. Raises Invalid (issuer) unless a provider answers for this issuer, to the letter."""
    try:
        if "?" in checked(issuer):
            raise Invalid("issuer", "must hold no query")
        return discover(core.outgoing, issuer)
    except Invalid as error:
        raise Invalid("issuer", error.detail) from None
    except (Refused, Unproven) as error:
        raise Invalid("issuer", str(error)) from error


def _forget(provider: models.SsoProvider) -> None:
    identity, flow, session = models.SsoIdentity, models.SsoFlow, models.Session
    identity.delete().where(identity.provider_id == provider.id).execute()
    flow.delete().where(flow.provider_id == provider.id).execute()
    here = (session.tenant_id == provider.tenant_id) & (session.method == sessions.OIDC)
    session.delete().where(here).execute()


def _place(provider_id: str) -> dict[str, str]:
    return {"table": "sso_providers", "column": "secret_sealed", "row_id": provider_id}
