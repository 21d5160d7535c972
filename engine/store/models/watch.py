"""What people do at the dashboard: decisions about many events, and those who look in from outside."""

from __future__ import annotations

from peewee import CharField, CompositeKey, IntegerField, TextField

from ..fields import IdField, MomentField
from .base import Row, TenantRow


class BulkReplay(TenantRow):
    """Failed events that are decided about together: tried again, or given up where there is a
    ``discard_reason``. ``workflow``, ``step`` and ``error`` are their cause, ``since`` their receipt; null
    where it doesn't matter. ``from_seq`` is the first of them, ``after_seq`` how far it came, ``until_seq``
    where it ends. ``chosen`` is how many there were when somebody asked, ``decided`` how many of them were
    decided about here: others may have been faster with the rest."""

    id = IdField(primary_key=True)
    tenant_id = IdField()
    actor = CharField()
    workflow = CharField(null=True)
    step = CharField(null=True)
    error = TextField(null=True)
    since = MomentField(null=True)
    discard_reason = TextField(null=True)
    from_seq = IntegerField()
    after_seq = IntegerField()
    until_seq = IntegerField()
    chosen = IntegerField()
    decided = IntegerField()
    created_at = MomentField()
    finished_at = MomentField(null=True)

    class Meta:
        table_name = "bulk_replays"


class AuditorLink(TenantRow):
    """Lets somebody without an account read the log until it expires. ``name`` says whom it is for."""

    id = IdField(primary_key=True)
    tenant_id = IdField()
    name = CharField()
    token_hash = CharField()
    created_by = CharField()
    created_at = MomentField()
    expires_at = MomentField()
    revoked_at = MomentField(null=True)
    last_seen_at = MomentField(null=True)

    class Meta:
        table_name = "auditor_links"


class PasswordReset(Row):
    """A way to a new password for a user who forgot theirs; gone once it was used. ``maker_id`` is the data
    controller whose people made it to hand over, and ``role`` what the user was there then; null for one that
    was mailed, or made by who runs the installation."""

    token_hash = CharField(primary_key=True)
    user_id = IdField()
    created_at = MomentField()
    expires_at = MomentField()
    maker_id = IdField(null=True)
    role = CharField(null=True)

    class Meta:
        table_name = "password_resets"


class RefusedDeliveries(TenantRow):
    """How many deliveries of a connector weren't authentic on a ``day`` (``YYYY-MM-DD``, UTC), and why the last
    one wasn't."""

    connector_id = IdField()
    day = CharField()
    tenant_id = IdField()
    count = IntegerField()
    reason = TextField()
    first_at = MomentField()
    last_at = MomentField()

    class Meta:
        table_name = "refused_deliveries"
        primary_key = CompositeKey("connector_id", "day")
