"""Whose data it is, and what was done, agreed to and asked for."""

from __future__ import annotations

import peewee
from peewee import BooleanField, CharField, IntegerField, TextField

from ..fields import BytesField, DocumentField, IdField, MomentField
from .base import TenantRow


class DataSubject(TenantRow):
    """An identified or identifiable person (GDPR Art. 4(1)).

    ``profile_sealed`` and ``key_wrapped`` are null until the ``data_subject`` workflow has sealed what plain
    SQL left in ``intake``. ``sources`` maps a source to the newest time it spoke of this person. ``limited``:
    some ``SubjectLimit`` of theirs is in force.
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
    limited = BooleanField(default=False)
    created_at = MomentField()
    updated_at = MomentField()

    class Meta:
        table_name = "data_subjects"


class DataSubjectLink(TenantRow):
    """A keyed blind index of one identifier: equal identifiers of one tenant meet here, nobody else's do.

    ``value_sealed`` is the normalised identifier under its subject's own key, for the day the link key changes.
    """

    id = peewee.AutoField()
    tenant_id = IdField()
    subject_id = IdField()
    field = CharField()
    scope = CharField()
    key_version = IntegerField()
    link = CharField()
    value_sealed = BytesField(null=True)
    created_at = MomentField()

    class Meta:
        table_name = "data_subject_links"


class LinkHistory(TenantRow):
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


class LinkConflict(TenantRow):
    """Two identifiers of one body belong to two data subjects: a person must decide. ``state`` is open, merged
    (by ``merge_id``, where a person did it) or kept_apart."""

    id = IdField(primary_key=True)
    tenant_id = IdField()
    event_id = IdField(null=True)
    subject_id = IdField()
    other_subject_id = IdField()
    field = CharField()
    state = CharField()
    created_at = MomentField()
    decided_by = CharField(null=True)
    decided_at = MomentField(null=True)
    reason_sealed = BytesField(null=True)
    merge_id = IdField(null=True)

    class Meta:
        table_name = "link_conflicts"


class SubjectMerge(TenantRow):
    """A person merged ``gone_id`` into ``kept_id``. ``moved_sealed`` is what moved, for the day they take it
    back (``engine.merging``)."""

    id = IdField(primary_key=True)
    tenant_id = IdField()
    kept_id = IdField()
    gone_id = IdField()
    reason_sealed = BytesField()
    moved_sealed = BytesField()
    merged_by = CharField()
    merged_at = MomentField()
    undone_by = CharField(null=True)
    undone_at = MomentField(null=True)

    class Meta:
        table_name = "subject_merges"


class Consent(TenantRow):
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


class UndoneConsent(TenantRow):
    """A statement that a merge restated for the one it kept, and that doesn't hold since it was taken back."""

    consent_id = IdField(primary_key=True)
    tenant_id = IdField()
    merge_id = IdField()
    undone_at = MomentField()

    class Meta:
        table_name = "undone_consents"


class ProcessingActivity(TenantRow):
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


class RightsRequest(TenantRow):
    """What a person asks for, and the legal clock that runs since.

    ``version`` moves with every change of the desk. ``held_from`` is the state that a request on hold goes back
    to, ``decision`` how it was answered (fulfilled, partly, denied), ``verified_by`` what proved who asks.
    ``fulfilled_at`` is since when what was asked for is done (limits, withdrawals, rectification).
    ``warn_at`` is when the next warning is due, ``warned`` the percent of the time that the last one told of;
    ``acknowledge_warned_at`` is when it was told that nobody had confirmed receipt by the day to do it.
    ``agent_sealed`` is how an agent calls its request and where it is told of it, ``agent_told`` the status
    that it knows (``rights.following``).
    """

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
    agent_sealed = BytesField(null=True)
    agent_told = DocumentField(null=True)
    event_id = IdField(null=True)
    received_at = MomentField()
    acknowledge_by = CharField(null=True)
    due = CharField(null=True)
    clock = DocumentField()
    created_at = MomentField()
    version = IntegerField(default=0)
    language = CharField(default="en")
    held_from = CharField(null=True)
    verified_at = MomentField(null=True)
    verified_by = CharField(null=True)
    acknowledged_at = MomentField(null=True)
    extended_at = MomentField(null=True)
    fulfilled_at = MomentField(null=True)
    responded_at = MomentField(null=True)
    closed_at = MomentField(null=True)
    decision = CharField(null=True)
    denial_reason = CharField(null=True)
    duplicate_of = IdField(null=True)
    privacy_agent_id = IdField(null=True)
    warn_at = MomentField(null=True)
    warned = IntegerField(default=0)
    acknowledge_warned_at = MomentField(null=True)

    class Meta:
        table_name = "rights_requests"


class Notification(TenantRow):
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
