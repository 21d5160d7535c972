"""The keys of the installation, who was forgotten, what a chain witnessed, and logs that began anew."""

from __future__ import annotations

import peewee
from peewee import CharField, IntegerField, TextField

from ..fields import BytesField, IdField, MomentField
from .base import Row, TenantRow


class RootKeyRecord(Row):
    """A root key this installation knows; ``sealed`` is the key as a key service keeps it, null where the
    operator keeps it. The key itself is never here in the clear."""

    id = CharField(primary_key=True)
    sealed = TextField(null=True)
    created_at = MomentField()
    retired_at = MomentField(null=True)

    class Meta:
        table_name = "root_keys"


class WrappedKey(Row):
    """One version of a tenant's (or the installation's) key, wrapped under the root key of ``root_id``.

    ``purpose`` is ``seal`` (what encrypts) or ``link`` (what makes blind indexes). A retired version opens and
    recognises what it made, and makes nothing new.
    """

    owner_id = IdField()
    purpose = CharField()
    version = IntegerField()
    root_id = CharField()
    wrapped = BytesField()
    created_at = MomentField()
    retired_at = MomentField(null=True)

    class Meta:
        table_name = "wrapped_keys"
        primary_key = peewee.CompositeKey("owner_id", "purpose", "version")


class AuditSaltSubject(TenantRow):
    """Whom the leaf of a salt concerns."""

    subject_id = IdField()
    tenant_id = IdField()
    seq = IntegerField()

    class Meta:
        table_name = "audit_salt_subjects"
        primary_key = peewee.CompositeKey("subject_id", "tenant_id", "seq")


class Erasure(TenantRow):
    """A data subject who was erased; ``log_index`` is the leaf that says so."""

    subject_id = IdField(primary_key=True)
    tenant_id = IdField()
    log_index = IntegerField(null=True)
    erased_at = MomentField()

    class Meta:
        table_name = "erasures"


class Anchor(Row):
    """One root of the installation's log, on its way to a chain.

    ``state``: signed → sent → anchored (in a block) → confirmed; lost when its nonce was used up by another
    transaction. ``raw`` are the signed bytes, which are sent as they are however often; ``fee`` is in wei.
    """

    id = peewee.AutoField()
    origin = CharField()
    size = IntegerField()
    root = CharField()
    checkpoint = TextField()
    chain_id = IntegerField()
    account = CharField()
    nonce = IntegerField()
    raw = BytesField()
    tx_hash = CharField(unique=True)
    state = CharField(default="signed")
    block_number = IntegerField(null=True)
    block_hash = CharField(null=True)
    block_time = MomentField(null=True)
    confirmations = IntegerField(default=0)
    gas_used = IntegerField(null=True)
    fee = CharField(null=True)
    error = TextField(null=True)
    created_at = MomentField()
    sent_at = MomentField(null=True)
    anchored_at = MomentField(null=True)
    confirmed_at = MomentField(null=True)

    class Meta:
        table_name = "anchors"


class LogEpoch(TenantRow):
    """A log that was restored from a backup older than a checkpoint already published goes on under ``origin``.

    Its leaf ``seq`` says what is missing: the entries from ``seq`` to ``published_size`` of the log under
    ``previous_origin``.
    """

    tenant_id = IdField()
    epoch = IntegerField()
    origin = CharField(unique=True)
    seq = IntegerField()
    previous_origin = CharField()
    restored_checkpoint = TextField()
    published_size = IntegerField()
    published_checkpoint = TextField()
    opened_at = MomentField()

    class Meta:
        table_name = "log_epochs"
        primary_key = peewee.CompositeKey("tenant_id", "epoch")
