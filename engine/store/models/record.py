"""What came in, what became of it, and the log that shows it."""

from __future__ import annotations

import peewee
from peewee import CharField, IntegerField, TextField

from ..fields import BytesField, DocumentField, IdField, MomentField
from .base import Row


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
