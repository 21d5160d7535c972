"""What came in, what became of it, and the log that shows it."""

from __future__ import annotations

import peewee
from peewee import CharField, IntegerField, TextField

from ..fields import BytesField, DocumentField, IdField, MomentField
from .base import Row, TenantRow


class Event(TenantRow):
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


class AuditEntry(TenantRow):
    """One leaf of a tenant's log, in its canonical bytes. The database itself refuses to change it."""

    tenant_id = IdField()
    seq = IntegerField()
    kind = CharField()
    leaf = TextField()
    recorded_at = MomentField()

    class Meta:
        table_name = "audit_entries"
        primary_key = peewee.CompositeKey("tenant_id", "seq")


class AuditHead(TenantRow):
    """Where a tenant's log ends: size, root, the signed checkpoint, and the fence of the last lock holder.

    The installation's log speaks of its first ``covered_size`` leaves.
    """

    tenant_id = IdField(primary_key=True)
    origin = CharField()
    size = IntegerField()
    root = CharField()
    frontier = BytesField()
    fence = IntegerField()
    checkpoint = TextField()
    updated_at = MomentField()
    covered_size = IntegerField()

    class Meta:
        table_name = "audit_heads"


class AuditTile(TenantRow):
    """Hashes of the tree in C2SP tiles: up to 256 hashes of tree level ``8 * level``."""

    tenant_id = IdField()
    level = IntegerField()
    idx = IntegerField()
    hashes = BytesField()

    class Meta:
        table_name = "audit_tiles"
        primary_key = peewee.CompositeKey("tenant_id", "level", "idx")


class AuditSalt(TenantRow):
    """The salt of a leaf's commitment: without it nobody can confirm what the leaf commits to."""

    tenant_id = IdField()
    seq = IntegerField()
    salt = BytesField()

    class Meta:
        table_name = "audit_salts"
        primary_key = peewee.CompositeKey("tenant_id", "seq")


class Registration(TenantRow):
    """The dx-agent's receipt for one processing activity; one activity is registered once.

    ``origin`` is empty for the tenant's own log; for an agent elsewhere it names the log, and ``proof`` is the
    C2SP tlog-proof that came with the receipt.
    """

    activity_id = IdField(primary_key=True)
    tenant_id = IdField()
    did = CharField()
    origin = CharField(default="")
    log_index = IntegerField()
    tree_size = IntegerField()
    commitment = CharField(null=True)
    proof = TextField(null=True)
    registered_at = MomentField()

    class Meta:
        table_name = "registrations"


class ActivitySalt(TenantRow):
    """What the leaf of a registered activity commits to, and the salt; without it the leaf can't be opened.

    Made with the first publication and kept: however often the dx-agent is asked, it hears the same.
    """

    activity_id = IdField(primary_key=True)
    tenant_id = IdField()
    salt = BytesField()
    commitment = CharField()

    class Meta:
        table_name = "activity_salts"


class CoveredCheckpoint(Row):
    """Leaf ``seq`` of the installation's log commits to this tenant's signed checkpoint."""

    seq = IntegerField(primary_key=True)
    tenant_id = IdField()
    size = IntegerField()
    checkpoint = TextField()
    covered_at = MomentField()

    class Meta:
        table_name = "covered_checkpoints"


class AgentEngine(Row):
    """An engine that may register activities with the dx-agent that runs here; ``public_key`` is hex."""

    id = IdField(primary_key=True)
    name = CharField()
    public_key = CharField()
    created_at = MomentField()
    revoked_at = MomentField(null=True)

    class Meta:
        table_name = "agent_engines"


class AgentTenant(Row):
    """Whose log a tenant's DID names at this dx-agent; it belongs to the engine that came with it first."""

    id = IdField(primary_key=True)
    did = CharField()
    engine_id = IdField()
    created_at = MomentField()

    class Meta:
        table_name = "agent_tenants"


class AgentCheckpoint(TenantRow):
    """What the engine remembers of a tenant's log at a dx-agent: its last checkpoint and its keys.

    The row that was seen last is of the agent in use.
    """

    tenant_id = IdField()
    origin = CharField()
    size = IntegerField()
    checkpoint = TextField()
    vkeys = DocumentField()
    seen_at = MomentField()

    class Meta:
        table_name = "agent_checkpoints"
        primary_key = peewee.CompositeKey("tenant_id", "origin")


class IdempotencyKey(TenantRow):
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
    """An Ed25519 key that signs checkpoints until it is retired; its public half is inside ``vkey``."""

    id = peewee.AutoField()
    name = CharField()
    vkey = TextField()
    seed_sealed = BytesField()
    created_at = MomentField()
    retired_at = MomentField(null=True)

    class Meta:
        table_name = "log_keys"


class LogKeyLeaf(TenantRow):
    """Leaf ``seq`` of this log says that a key was added or retired; ``public_key`` is hex."""

    public_key = CharField()
    tenant_id = IdField()
    kind = CharField()
    seq = IntegerField()

    class Meta:
        table_name = "log_key_leaves"
        primary_key = peewee.CompositeKey("public_key", "kind", "tenant_id")


class ActPayload(TenantRow):
    """What an administrative act changed; its leaf commits to it, and names it as ``act``."""

    id = IdField(primary_key=True)
    tenant_id = IdField()
    payload_sealed = BytesField()

    class Meta:
        table_name = "act_payloads"
