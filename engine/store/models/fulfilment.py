"""What a rights request brings about: limits on processing, erasure, and what recipients are asked."""

from __future__ import annotations

from peewee import BooleanField, CharField, IntegerField, TextField

from ..fields import BytesField, DocumentField, IdField, MomentField
from .base import TenantRow


class SubjectLimit(TenantRow):
    """What may not be done with a person's data: ``kind`` is restriction, objection, sale_opt_out,
    sensitive_limit, tracking_opt_out or automated_decision_opt_out; ``purpose`` narrows an objection.
    ``carried_from`` is whose it was, where it came along with a merge."""

    id = IdField(primary_key=True)
    tenant_id = IdField()
    subject_id = IdField()
    kind = CharField()
    purpose = CharField()
    request_id = IdField(null=True)
    began_at = MomentField()
    lifted_at = MomentField(null=True)
    lifted_by = CharField(null=True)
    carried_from = IdField(null=True)

    class Meta:
        table_name = "subject_limits"


class ErasureOrder(TenantRow):
    """An erasure on its way: proposed, refused, approved, executed. ``plan`` is the dry run that was approved,
    ``certificate`` the signed note of what went and what remains; ``certified`` says which one it is:
    preliminary, or final once every obligation is over. ``adopted_by`` stands behind it where nobody did who
    proposed it (``engine/erasing/adopting.py``). ``by_command_line``: proposed, or adopted, by who runs the
    machine, in whosever name."""

    id = IdField(primary_key=True)
    tenant_id = IdField()
    request_id = IdField(null=True)
    subject_id = IdField()
    state = CharField()
    reason = CharField()
    plan = DocumentField()
    proposed_by = CharField()
    proposed_at = MomentField()
    decided_by = CharField(null=True)
    decided_at = MomentField(null=True)
    executed_at = MomentField(null=True)
    log_index = IntegerField(null=True)
    receipt_sealed = BytesField(null=True)
    certificate = TextField(null=True)
    certified = CharField(null=True)
    with_account = BooleanField()
    by_command_line = BooleanField(default=False)
    adopted_by = CharField(null=True)
    adopted_at = MomentField(null=True)

    class Meta:
        table_name = "erasure_orders"


class Obligation(TenantRow):
    """What a recipient has to be told (GDPR Art. 19): pending, waiting (until ``not_before``), manual (a person
    has to), done, closed (with a ``reason``) or failed. ``kind`` is erase, rectify, restrict,
    opt_out or lift; ``recipient`` a platform's name; ``target_sealed`` the ids there. ``remains`` says
    what the recipient keeps, why and until when."""

    id = IdField(primary_key=True)
    tenant_id = IdField()
    request_id = IdField(null=True)
    order_id = IdField(null=True)
    subject_id = IdField(null=True)
    kind = CharField()
    recipient = CharField()
    connector_id = IdField(null=True)
    target_sealed = BytesField(null=True)
    state = CharField()
    not_before = MomentField(null=True)
    receipt = DocumentField()
    remains = TextField(null=True)
    reason = TextField(null=True)
    closed_by = CharField(null=True)
    created_at = MomentField()
    finished_at = MomentField(null=True)

    class Meta:
        table_name = "obligations"


class Suppression(TenantRow):
    """A keyed mark by which somebody who was erased would be known again; ``hits`` counts how often it was.
    ``key_version`` is that of the tenant's link key, which isn't destroyed while the mark holds."""

    id = IdField(primary_key=True)
    tenant_id = IdField()
    field = CharField()
    mark = CharField()
    key_version = IntegerField()
    order_id = IdField(null=True)
    reason = CharField()
    created_at = MomentField()
    lifted_at = MomentField(null=True)
    lifted_by = CharField(null=True)
    hits = IntegerField()

    class Meta:
        table_name = "suppressions"


class ConnectorApi(TenantRow):
    """How a platform's API is called: ``credentials_sealed`` is a JSON object."""

    connector_id = IdField(primary_key=True)
    tenant_id = IdField()
    base_url = TextField()
    credentials_sealed = BytesField()
    created_at = MomentField()
    checked_at = MomentField(null=True)
    fault = TextField(null=True)

    class Meta:
        table_name = "connector_apis"


class ConsentPush(TenantRow):
    """A consent on its way to a platform: pending, done or dropped (for a ``reason``). ``calls`` are when the
    platform's API was called: what the platform says of then is our own word come back."""

    id = IdField(primary_key=True)
    tenant_id = IdField()
    subject_id = IdField()
    connector_id = IdField()
    purpose = CharField()
    channel = CharField()
    consent = CharField()
    stated_at = MomentField()
    state = CharField()
    reason = CharField(null=True)
    receipt = DocumentField(default=dict)
    calls = DocumentField(default=list)
    created_at = MomentField()
    finished_at = MomentField(null=True)

    class Meta:
        table_name = "consent_pushes"
