"""The tables as Peewee models. The truth about columns, defaults and constraints is in ``migrations``.

Every row but those of ``Installation`` and ``LogKey`` belongs to one tenant (a data controller). Columns named
``*_sealed`` hold AES-256-GCM ciphertext (``engine.identity.vault``); nothing else may hold personal data.
"""

from __future__ import annotations

import peewee
from peewee import BooleanField, CharField, IntegerField, TextField

from .fields import BytesField, DocumentField, IdField, MomentField

database = peewee.DatabaseProxy()
"""Set by ``Store``; models carry no connection of their own."""


class Row(peewee.Model):
    """Common ground of all tables."""

    class Meta:
        database = database
        legacy_table_names = False


class Installation(Row):
    """Facts about this installation: one row per name."""

    name = CharField(primary_key=True)
    value = TextField()


class LogKey(Row):
    """An Ed25519 key that signs checkpoints; ``vkey`` is its C2SP verifier key, safe to publish."""

    id = peewee.AutoField()
    name = CharField()
    vkey = TextField()
    seed_sealed = BytesField()
    created_at = MomentField()

    class Meta:
        table_name = "log_keys"


class DataController(Row):
    """A tenant: whoever decides why and how personal data is processed (GDPR Art. 4(7))."""

    id = IdField(primary_key=True)
    did = CharField(null=True)
    name = CharField()
    jurisdiction = CharField()
    region = CharField(null=True)
    created_at = MomentField()

    class Meta:
        table_name = "data_controllers"


class TenantKey(Row):
    """One version of a tenant's key, wrapped under the root key."""

    tenant_id = IdField()
    version = IntegerField()
    wrapped = BytesField()
    created_at = MomentField()

    class Meta:
        table_name = "tenant_keys"
        primary_key = peewee.CompositeKey("tenant_id", "version")


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


class DataSubject(Row):
    """An identified or identifiable person (GDPR Art. 4(1)).

    ``profile_sealed`` and ``key_wrapped`` are null until the ``data_subject`` workflow has sealed what plain
    SQL left in ``intake``. ``sources`` maps a source to the newest time it spoke of this person.
    """

    id = IdField(primary_key=True)
    tenant_id = IdField()
    did = CharField(null=True)
    key_wrapped = BytesField(null=True)
    profile_sealed = BytesField(null=True)
    intake = DocumentField(null=True)
    sources = DocumentField()
    state = CharField()
    merged_into = IdField(null=True)
    created_at = MomentField()
    updated_at = MomentField()

    class Meta:
        table_name = "data_subjects"


class DataSubjectLink(Row):
    """A keyed blind index of one identifier: equal identifiers of one tenant meet here, nobody else's do."""

    id = peewee.AutoField()
    tenant_id = IdField()
    subject_id = IdField()
    field = CharField()
    scope = CharField()
    key_version = IntegerField()
    link = CharField()
    created_at = MomentField()

    class Meta:
        table_name = "data_subject_links"


class LinkHistory(Row):
    """Every move of a link: who had it, who has it now (null = nobody), why."""

    id = peewee.AutoField()
    tenant_id = IdField()
    field = CharField()
    scope = CharField()
    from_subject_id = IdField(null=True)
    to_subject_id = IdField(null=True)
    event_id = IdField(null=True)
    reason = CharField()
    moved_at = MomentField()

    class Meta:
        table_name = "link_history"


class LinkConflict(Row):
    """Two identifiers of one body belong to two data subjects: a person must decide."""

    id = IdField(primary_key=True)
    tenant_id = IdField()
    event_id = IdField(null=True)
    subject_id = IdField()
    other_subject_id = IdField()
    field = CharField()
    state = CharField()
    created_at = MomentField()

    class Meta:
        table_name = "link_conflicts"


class Consent(Row):
    """One statement about consent. Append-only; ``ConsentCurrent`` is the newest per purpose and channel."""

    seq = peewee.AutoField()
    id = IdField()
    tenant_id = IdField()
    subject_id = IdField()
    purpose = CharField()
    channel = CharField()
    state = CharField()
    source = CharField()
    evidence = DocumentField()
    event_id = IdField(null=True)
    occurred_at = MomentField()
    recorded_at = MomentField()

    class Meta:
        table_name = "consents"


class ConsentCurrent(Consent):
    """The view of what holds now."""

    class Meta:
        table_name = "consents_current"


class ProcessingActivity(Row):
    """What was done with whose data, why, and on which legal basis."""

    id = IdField(primary_key=True)
    tenant_id = IdField()
    did = CharField(null=True)
    subject_id = IdField(null=True)
    activity_type = CharField()
    legal_basis = CharField()
    purpose = CharField()
    fields = DocumentField()
    source = CharField()
    event_id = IdField(null=True)
    occurred_at = MomentField()
    created_at = MomentField()
    registration_state = CharField()
    log_index = IntegerField(null=True)
    tree_size = IntegerField(null=True)
    registered_at = MomentField(null=True)

    class Meta:
        table_name = "data_processing_activities"


class RightsRequest(Row):
    """What a person asks for, and the legal clock that runs since."""

    id = IdField(primary_key=True)
    tenant_id = IdField()
    subject_id = IdField(null=True)
    type = CharField()
    regime = CharField()
    jurisdiction = CharField()
    state = CharField()
    source = CharField()
    reference = CharField()
    requester_sealed = BytesField(null=True)
    details_sealed = BytesField(null=True)
    event_id = IdField(null=True)
    received_at = MomentField()
    acknowledge_by = CharField(null=True)
    due = CharField(null=True)
    clock = DocumentField()
    created_at = MomentField()

    class Meta:
        table_name = "rights_requests"


class Notification(Row):
    """A notice to the privacy team. Texts name things by id, never a person."""

    id = IdField(primary_key=True)
    tenant_id = IdField()
    kind = CharField()
    severity = CharField()
    title = TextField()
    body = TextField()
    entity_kind = CharField(null=True)
    entity_id = IdField(null=True)
    created_at = MomentField()
    read_at = MomentField(null=True)
    read_by = IdField(null=True)

    class Meta:
        table_name = "notifications"


class Event(Row):
    """Inbox and outbox in one: one row is one run of one workflow.

    ``due_at`` is when the relay must (again) hand it to a worker: now for fresh rows, the next attempt for
    retries, the end of the dispatch lease while Redis has it under ``message_id``, null once it is over.
    """

    seq = peewee.AutoField()
    id = IdField(unique=True)
    tenant_id = IdField()
    connector_id = IdField(null=True)
    source = CharField()
    topic = CharField()
    workflow = CharField()
    step = CharField()
    state = CharField()
    version = IntegerField()
    attempts = IntegerField()
    error = TextField(null=True)
    trust = CharField()
    dedup_key = CharField(null=True)
    body_mac = CharField(null=True)
    payload_sealed = BytesField(null=True)
    meta = DocumentField()
    result = DocumentField()
    history = DocumentField()
    entity_id = IdField(null=True)
    subject_id = IdField(null=True)
    due_at = MomentField(null=True)
    message_id = CharField(null=True)
    received_at = MomentField()
    updated_at = MomentField()

    class Meta:
        table_name = "events"


class AuditEntry(Row):
    """One leaf of a tenant's log, in its canonical bytes. The database itself refuses to change it."""

    tenant_id = IdField()
    seq = IntegerField()
    kind = CharField()
    leaf = TextField()
    recorded_at = MomentField()

    class Meta:
        table_name = "audit_entries"
        primary_key = peewee.CompositeKey("tenant_id", "seq")


class AuditHead(Row):
    """Where a tenant's log ends: size, root, the signed checkpoint, and the fence of the last lock holder."""

    tenant_id = IdField(primary_key=True)
    origin = CharField()
    size = IntegerField()
    root = CharField()
    frontier = BytesField()
    fence = IntegerField()
    checkpoint = TextField()
    updated_at = MomentField()

    class Meta:
        table_name = "audit_heads"


class AuditTile(Row):
    """Hashes of the tree in C2SP tiles: up to 256 hashes of tree level ``8 * level``."""

    tenant_id = IdField()
    level = IntegerField()
    idx = IntegerField()
    hashes = BytesField()

    class Meta:
        table_name = "audit_tiles"
        primary_key = peewee.CompositeKey("tenant_id", "level", "idx")


class AuditSalt(Row):
    """The salt of a leaf's commitment: without it nobody can confirm what the leaf commits to."""

    tenant_id = IdField()
    seq = IntegerField()
    salt = BytesField()

    class Meta:
        table_name = "audit_salts"
        primary_key = peewee.CompositeKey("tenant_id", "seq")


class Registration(Row):
    """The dx-agent's receipt for one processing activity; one activity is registered once."""

    activity_id = IdField(primary_key=True)
    tenant_id = IdField()
    did = CharField()
    log_index = IntegerField()
    tree_size = IntegerField()
    registered_at = MomentField()

    class Meta:
        table_name = "registrations"


class IdempotencyKey(Row):
    """The answer given to a POST that carried an ``Idempotency-Key``."""

    tenant_id = IdField()
    key = CharField()
    fingerprint = CharField()
    status = IntegerField()
    response_sealed = BytesField()
    created_at = MomentField()

    class Meta:
        table_name = "idempotency_keys"
        primary_key = peewee.CompositeKey("tenant_id", "key")
