"""The rights desk: how it works, how people prove who they are, what they are told and given."""

from __future__ import annotations

from peewee import BooleanField, CharField, IntegerField, TextField

from ..fields import BytesField, DocumentField, IdField, MomentField
from .base import TenantRow


class RightsDesk(TenantRow):
    """How a data controller's desk works. ``zone`` is the IANA time zone that its days are counted in,
    ``languages`` those that the form speaks, ``authority`` whom people may complain to."""

    tenant_id = IdField(primary_key=True)
    team_email_sealed = BytesField(null=True)
    zone = CharField()
    languages = DocumentField()
    embed_origins = DocumentField()
    form_open = BooleanField()
    privacy_url = TextField(null=True)
    authority = TextField(null=True)
    package_days = IntegerField()
    updated_at = MomentField()

    class Meta:
        table_name = "rights_desks"


class RequestHold(TenantRow):
    """A wait for the person; ``reason`` is identity, clarification or fee. Open while ``ended_at`` is null."""

    id = IdField(primary_key=True)
    tenant_id = IdField()
    request_id = IdField()
    reason = CharField()
    began_at = MomentField()
    ended_at = MomentField(null=True)

    class Meta:
        table_name = "request_holds"


class LegalHold(TenantRow):
    """Keeps a data subject from being erased until it is lifted."""

    id = IdField(primary_key=True)
    tenant_id = IdField()
    subject_id = IdField()
    reason_sealed = BytesField()
    placed_by = CharField()
    placed_at = MomentField()
    lifted_by = CharField(null=True)
    lifted_at = MomentField(null=True)

    class Meta:
        table_name = "legal_holds"


class IdentityCheck(TenantRow):
    """A code, and a link, sent over a ``channel`` (email, phone) to prove who asks (``purpose`` verify) or to
    hand a package over (``purpose`` release). ``on_file``: the channel was known before the request came."""

    id = IdField(primary_key=True)
    tenant_id = IdField()
    request_id = IdField()
    purpose = CharField()
    channel = CharField()
    on_file = BooleanField()
    code_mac = CharField()
    link_hash = CharField(null=True)
    failures = IntegerField()
    sent_at = MomentField()
    expires_at = MomentField()
    passed_at = MomentField(null=True)
    ended_at = MomentField(null=True)

    class Meta:
        table_name = "identity_checks"


class Message(TenantRow):
    """An e-mail to a person or to the privacy team: pending, sent, unsent (there is no mail server), or
    withdrawn (nobody to send it to any more). ``text_sealed`` is ``{"subject", "text", "valid_until"?}`` as
    JSON; what is sent is forgotten. Until ``claimed_until`` one worker is sending it."""

    id = IdField(primary_key=True)
    tenant_id = IdField()
    request_id = IdField(null=True)
    subject_id = IdField(null=True)
    kind = CharField()
    language = CharField()
    to_sealed = BytesField(null=True)
    text_sealed = BytesField(null=True)
    state = CharField()
    created_at = MomentField()
    sent_at = MomentField(null=True)
    claimed_until = MomentField(null=True)

    class Meta:
        table_name = "messages"


class Package(TenantRow):
    """What a person was given: an archive encrypted under its passphrase, gone when it expires."""

    id = IdField(primary_key=True)
    tenant_id = IdField()
    request_id = IdField()
    subject_id = IdField(null=True)
    content = BytesField(null=True)
    size = IntegerField()
    digest = CharField()
    manifest = DocumentField()
    passphrase_sealed = BytesField(null=True)
    made_at = MomentField()
    expires_at = MomentField()
    fetched_at = MomentField(null=True)
    fetches = IntegerField()
    gone_at = MomentField(null=True)

    class Meta:
        table_name = "packages"


class PrivacyAgent(TenantRow):
    """Somebody authorised to ask for others (Data Rights Protocol 1.0); ``verify_key`` is Ed25519, base64.
    ``business`` is how they name the data controller; empty where they take its DID."""

    id = IdField(primary_key=True)
    tenant_id = IdField()
    agent = CharField()
    name = CharField()
    business = CharField()
    verify_key = CharField()
    token_hash = CharField(null=True)
    token_issued_at = MomentField(null=True)
    created_at = MomentField()
    disabled_at = MomentField(null=True)

    class Meta:
        table_name = "privacy_agents"


class StatusCallback(TenantRow):
    """One word to an agent about the status of a request: pending, delivered, superseded (a later one tells
    more), withdrawn (there is nobody to tell) or failed. ``number`` counts those of one request."""

    id = IdField(primary_key=True)
    tenant_id = IdField()
    request_id = IdField()
    number = IntegerField()
    state = CharField()
    status = IntegerField(null=True)
    created_at = MomentField()
    ended_at = MomentField(null=True)

    class Meta:
        table_name = "status_callbacks"


class WebhookEndpoint(TenantRow):
    """Who is told of what happens at the desk; no ``topics`` means all. ``former_sealed`` is the secret before
    the last rotation, which signs beside the new one until ``former_until``."""

    id = IdField(primary_key=True)
    tenant_id = IdField()
    url = TextField()
    secret_sealed = BytesField()
    former_sealed = BytesField(null=True)
    former_until = MomentField(null=True)
    topics = DocumentField()
    created_at = MomentField()
    disabled_at = MomentField(null=True)
    disabled_because = CharField(null=True)

    class Meta:
        table_name = "webhook_endpoints"


class Announcement(TenantRow):
    """One telling: pending, delivered or withdrawn. ``body`` names things by id, never a person."""

    id = IdField(primary_key=True)
    tenant_id = IdField()
    endpoint_id = IdField()
    topic = CharField()
    body = DocumentField()
    state = CharField()
    created_at = MomentField()
    delivered_at = MomentField(null=True)
    status = IntegerField(null=True)

    class Meta:
        table_name = "announcements"
