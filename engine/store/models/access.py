"""Who may come in: data controllers with their keys, users, API keys, connectors."""

from __future__ import annotations

from peewee import BooleanField, CharField, IntegerField, TextField

from ..fields import BytesField, DocumentField, IdField, MomentField
from .base import Row


class DataController(Row):
    """A tenant: whoever decides why and how personal data is processed (GDPR Art. 4(7)).

    ``queue_weight`` (1 to 100) is how many turns its queues get in a round of all tenants. ``log_access`` says
    who may read its log: ``public``, or ``key`` for whoever has an API key of the tenant.
    """

    id = IdField(primary_key=True)
    did = CharField(null=True)
    name = CharField()
    jurisdiction = CharField()
    region = CharField(null=True)
    created_at = MomentField()
    queue_weight = IntegerField(default=1)
    log_access = CharField(default="public")

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
    """A person who signs in. ``tenant_id`` is the data controller that first brought them in."""

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

    class Meta:
        table_name = "users"


class Membership(Row):
    """A user's role at one data controller."""

    id = IdField(primary_key=True)
    user_id = IdField()
    tenant_id = IdField()
    role = CharField()
    created_at = MomentField()

    class Meta:
        table_name = "memberships"


class Session(Row):
    """A signed-in browser; only the token's hash is kept."""

    token_hash = CharField(primary_key=True)
    user_id = IdField()
    tenant_id = IdField()
    csrf = CharField()
    created_at = MomentField()
    expires_at = MomentField()

    class Meta:
        table_name = "sessions"


class ApiKey(Row):
    """An API key; only its hash is kept, ``prefix`` helps people tell keys apart."""

    id = IdField(primary_key=True)
    tenant_id = IdField()
    name = CharField()
    prefix = CharField()
    hash = CharField(unique=True)
    scopes = DocumentField()
    created_at = MomentField()
    revoked_at = MomentField(null=True)

    class Meta:
        table_name = "api_keys"


class Connector(Row):
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


class ConnectorSecret(Row):
    """One secret of a connector; several are in force during a rotation."""

    id = IdField(primary_key=True)
    connector_id = IdField()
    tenant_id = IdField()
    secret_sealed = BytesField()
    created_at = MomentField()
    expires_at = MomentField(null=True)

    class Meta:
        table_name = "connector_secrets"
