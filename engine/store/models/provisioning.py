"""How people come in: invitations, second factors, single sign-on, and what a directory says of them."""

from __future__ import annotations

import peewee
from peewee import BooleanField, CharField, IntegerField

from ..fields import BytesField, IdField, MomentField
from .base import Row, TenantRow


class Invitation(TenantRow):
    """One person may join one data controller in one role, once, until ``expires_at``.

    The address is known by the same keyed index as users' are; ``invited_by`` is an actor.
    """

    id = IdField(primary_key=True)
    tenant_id = IdField()
    email_link = CharField()
    email_sealed = BytesField()
    role = CharField()
    token_hash = CharField(unique=True)
    invited_by = CharField()
    created_at = MomentField()
    expires_at = MomentField()
    accepted_at = MomentField(null=True)
    revoked_at = MomentField(null=True)
    user_id = IdField(null=True)

    class Meta:
        table_name = "invitations"


class RecoveryCode(Row):
    """A code that stands in for a lost second factor, once; only its hash is kept."""

    user_id = IdField()
    hash = CharField()
    used_at = MomentField(null=True)

    class Meta:
        table_name = "recovery_codes"
        primary_key = peewee.CompositeKey("user_id", "hash")


class Attempt(Row):
    """How often somebody failed to sign in, since when; ``name`` is a keyed index of account or address."""

    name = CharField(primary_key=True)
    failures = IntegerField()
    since = MomentField()
    blocked_until = MomentField(null=True)

    class Meta:
        table_name = "attempts"


class SsoProvider(TenantRow):
    """Where a data controller's people sign in (OpenID Connect). Newcomers get ``role``, or aren't let in."""

    id = IdField(primary_key=True)
    tenant_id = IdField(unique=True)
    issuer = CharField()
    client_id = CharField()
    secret_sealed = BytesField()
    role = CharField(null=True)
    created_at = MomentField()
    disabled_at = MomentField(null=True)

    class Meta:
        table_name = "sso_providers"


class SsoIdentity(TenantRow):
    """A provider's name for a user (the claim ``sub``), known by a keyed index."""

    id = IdField(primary_key=True)
    provider_id = IdField()
    tenant_id = IdField()
    user_id = IdField()
    subject_link = CharField(unique=True)
    subject_sealed = BytesField()
    created_at = MomentField()

    class Meta:
        table_name = "sso_identities"


class SsoFlow(TenantRow):
    """A browser on its way through a provider; ``flow_sealed`` holds nonce, verifier and where to go on."""

    state_hash = CharField(primary_key=True)
    provider_id = IdField()
    tenant_id = IdField()
    browser_hash = CharField()
    flow_sealed = BytesField()
    expires_at = MomentField()

    class Meta:
        table_name = "sso_flows"


class ScimUser(TenantRow):
    """What a data controller's directory says of one person (RFC 7643 section 4.1), sealed as a whole.

    ``user_id`` is the account it stands for, of which ``active`` says whether it may come in; ``role`` is what
    the attribute ``roles`` gives; ``shut_out`` is set while the directory has switched off a membership that
    people made. ``version`` is the ETag.
    """

    id = IdField(primary_key=True)
    tenant_id = IdField()
    user_id = IdField(null=True)
    user_name_link = CharField(unique=True)
    external_id_link = CharField(null=True)
    resource_sealed = BytesField()
    active = BooleanField(default=True)
    role = CharField(null=True)
    shut_out = BooleanField(default=False)
    version = IntegerField(default=1)
    created_at = MomentField()
    updated_at = MomentField()

    class Meta:
        table_name = "scim_users"


class ScimGroup(TenantRow):
    """A directory's group (RFC 7643 section 4.2); members get its ``role``, if it stands for one."""

    id = IdField(primary_key=True)
    tenant_id = IdField()
    display_name = CharField()
    name_key = CharField()
    external_id = CharField(null=True)
    role = CharField(null=True)
    version = IntegerField(default=1)
    created_at = MomentField()
    updated_at = MomentField()

    class Meta:
        table_name = "scim_groups"


class ScimGroupMember(TenantRow):
    """Who is in a group."""

    group_id = IdField()
    scim_user_id = IdField()
    tenant_id = IdField()

    class Meta:
        table_name = "scim_group_members"
        primary_key = peewee.CompositeKey("group_id", "scim_user_id")
