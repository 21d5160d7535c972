"""Who may come in: data controllers, users with their memberships and sessions, API keys, connectors."""

from __future__ import annotations

from peewee import BooleanField, CharField, IntegerField, TextField

from ..fields import BytesField, DocumentField, IdField, MomentField
from .base import Row, TenantRow


class DataController(Row):
    """A tenant: whoever decides why and how personal data is processed (GDPR Art. 4(7)).

    ``queue_weight`` (1 to 100) is how many turns its queues get in a round of all tenants. ``log_access`` says
    who may read its log: ``public``, or ``key`` for whoever has an API key of the tenant. While ``paused_at``
    is set its events wait: they are accepted and kept, and no worker takes them.
    """

    id = IdField(primary_key=True)
    did = CharField(null=True)
    name = CharField()
    jurisdiction = CharField()
    region = CharField(null=True)
    created_at = MomentField()
    queue_weight = IntegerField(default=1)
    log_access = CharField(default="public")
    paused_at = MomentField(null=True)
    paused_by = CharField(null=True)

    class Meta:
        table_name = "data_controllers"


class Did(Row):
    """Registry of every DID issued here: no two rows of any kind ever share one."""

    did = CharField(primary_key=True)
    kind = CharField()
    entity_id = IdField()
    tenant_id = IdField()
    created_at = MomentField()
    deactivated_at = MomentField(null=True)

    class Meta:
        table_name = "dids"


class User(Row):
    """A person who signs in. ``tenant_id`` is the data controller that first brought them in.

    ``totp_sealed`` is the secret of their second factor, in force once ``totp_confirmed_at`` is set;
    ``totp_step`` the newest time step whose code was used.
    """

    id = IdField(primary_key=True)
    tenant_id = IdField()
    did = CharField(null=True)
    email_sealed = BytesField(null=True)
    email_link = CharField(null=True)
    password_hash = TextField(null=True)
    one_time_hash = TextField(null=True)
    subject_id = IdField(null=True)
    active = BooleanField()
    created_at = MomentField()
    totp_sealed = BytesField(null=True)
    totp_confirmed_at = MomentField(null=True)
    totp_step = IntegerField(default=0)

    class Meta:
        table_name = "users"


class Membership(TenantRow):
    """A user's role at one data controller. ``source`` is who decides about it: ``dxflow`` (its people),
    ``invitation``, ``hasura``, ``oidc`` or ``scim``. One that isn't ``active`` opens nothing. ``subject_id`` is
    the user as this data controller's data subject.

    ``vouched``: the account is another data controller's, and only our own provider or directory said that it
    is this person's; so only sessions that our provider opened lead here. ``removed_at``: let go, and kept so
    that nothing still under way brings them back.
    """

    id = IdField(primary_key=True)
    user_id = IdField()
    tenant_id = IdField()
    role = CharField()
    created_at = MomentField()
    active = BooleanField(default=True)
    source = CharField(default="dxflow")
    subject_id = IdField(null=True)
    vouched = BooleanField(default=False)
    removed_at = MomentField(null=True)

    class Meta:
        table_name = "memberships"


class Session(Row):
    """A signed-in browser; only the token's hash is kept.

    ``stage`` is ``second_factor`` until a code was given, then ``open``; ``method`` is how its owner showed who
    they are (``password``, ``one_time_password``, ``oidc``); ``client_sealed`` says which browser it was.
    """

    id = IdField(primary_key=True)
    token_hash = CharField(unique=True)
    user_id = IdField()
    tenant_id = IdField()
    csrf = CharField()
    stage = CharField(default="open")
    method = CharField(default="password")
    client_sealed = BytesField(null=True)
    created_at = MomentField()
    seen_at = MomentField()
    expires_at = MomentField()

    class Meta:
        table_name = "sessions"


class ApiKey(TenantRow):
    """An API key; only its hash is kept, ``prefix`` helps people tell keys apart.

    One with a ``user_id`` is that user's: it can do what its scopes and their role both allow.
    """

    id = IdField(primary_key=True)
    tenant_id = IdField()
    name = CharField()
    prefix = CharField()
    hash = CharField(unique=True)
    scopes = DocumentField()
    created_at = MomentField()
    revoked_at = MomentField(null=True)
    user_id = IdField(null=True)
    expires_at = MomentField(null=True)

    class Meta:
        table_name = "api_keys"


class Connector(TenantRow):
    """One address a platform delivers to."""

    id = IdField(primary_key=True)
    tenant_id = IdField()
    platform = CharField()
    name = CharField()
    options = DocumentField()
    created_at = MomentField()
    disabled_at = MomentField(null=True)

    class Meta:
        table_name = "connectors"


class ConnectorSecret(TenantRow):
    """One secret of a connector; several are in force during a rotation."""

    id = IdField(primary_key=True)
    connector_id = IdField()
    tenant_id = IdField()
    secret_sealed = BytesField()
    created_at = MomentField()
    expires_at = MomentField(null=True)

    class Meta:
        table_name = "connector_secrets"
