"""Who somebody is whom a data controller's provider names.

First by the provider's own name for them (``sub``), which never changes hands. An address does, so it counts
only once, when the two meet for the first time, and only if the provider verified it.
"""

from __future__ import annotations

from ...access import invitations, members
from ...core import Core
from ...errors import Forbidden
from ...identity import accounts, normalise
from ...sso.id_tokens import Claims
from ...store import models, quick
from .. import acts


class Unwelcome(Forbidden):
    """Raised when somebody proved who they are and has no place here; ``reason`` is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"nobody let this person in here: {reason}")
        self.reason = reason


def known(core: Core, provider: models.SsoProvider, claims: Claims) -> str | None:
    """The user whom this provider named so before."""
    row = models.SsoIdentity
    links = core.keys.links_own(accounts.SSO_SUBJECT, _name(provider, claims))
    query = row.select().where(row.provider_id == provider.id, row.subject_link.in_(links))
    found: models.SsoIdentity | None = query.first()
    return None if found is None else str(found.user_id)


def find(core: Core, provider: models.SsoProvider, claims: Claims) -> str:
    """The user, inside the transaction that opens their session; who comes for the first time is bound to the
    provider's name for them. Raises Unwelcome, and IntegrityError when somebody else was faster."""
    user_id = known(core, provider, claims)
    if user_id is not None:
        return user_id
    user = _by_address(core, provider, claims)
    if quick.get(models.SsoIdentity, provider_id=provider.id, user_id=user.id) is not None:
        raise Unwelcome("the address belongs to somebody whom the provider named otherwise")
    identity_id = core.new_id()
    place = {"table": "sso_identities", "column": "subject_sealed", "row_id": identity_id}
    name = _name(provider, claims)
    quick.insert(
        models.SsoIdentity,
        {
            "id": identity_id,
            "provider_id": provider.id,
            "tenant_id": provider.tenant_id,
            "user_id": user.id,
            "subject_link": core.keys.link_own(accounts.SSO_SUBJECT, name),
            "subject_sealed": core.keys.seal_own(name.encode(), **place),
            "created_at": core.clock(),
        },
    )
    return str(user.id)


def _by_address(core: Core, provider: models.SsoProvider, claims: Claims) -> models.User:
    """A member, somebody invited, or a newcomer, here at this data controller. Raises Unwelcome."""
    address = normalise.email(claims.email or "")
    if address is None or not claims.email_verified:
        raise Unwelcome("no verified address")
    tenant_id, user = provider.tenant_id, accounts.find(core.keys, address)
    if user is not None and not user.active:
        raise Unwelcome("shut out")
    membership = None if user is None else members.find(tenant_id, user.id)
    if user is not None and membership is not None and membership.active:
        return user
    invitation = invitations.pending_for(core, tenant_id, address)
    if invitation is None and (membership is not None or provider.role is None):
        raise Unwelcome("neither a member nor invited")
    fresh = user is None
    user = user or accounts.insert(core.keys, core.clock, core.new_id(), tenant_id, address)
    source = "oidc" if invitation is None else "invitation"
    role = str(provider.role if invitation is None else invitation.role)
    vouched = members.is_foreign(tenant_id, user)
    if invitation is None:
        members.join(core, tenant_id, user.id, role, source, vouched=vouched)
    elif not invitations.use(core, invitation, user.id, vouched=vouched):
        raise Unwelcome("the invitation was used up meanwhile")
    kind = "user.created" if fresh else "user.joined"
    acts.record(core, tenant_id, kind, f"user:{user.id}", user=user.id, role=role, source=source)
    return user


def _name(provider: models.SsoProvider, claims: Claims) -> str:
    return f"{provider.id} {claims.sub}"
