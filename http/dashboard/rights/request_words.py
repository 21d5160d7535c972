"""What the rights desk's names are called on a page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ....engine.access.roles import Permission, Role, may

REQUEST_TYPES: Mapping[str, str] = {
    "access": "Access to their data",
    "access_categories": "Access to categories of data",
    "rectification": "Rectification",
    "erasure": "Erasure",
    "restriction": "Restriction of processing",
    "portability": "Data portability",
    "objection": "Objection to processing",
    "automated_decision_opt_out": "Opt out of automated decisions",
    "sale_opt_out": "Opt out of sale or sharing",
    "sale_opt_in": "Opt in to sale or sharing",
    "sensitive_limit": "Limit use of sensitive data",
    "tracking_opt_out": "Opt out of tracking",
    "consent_withdrawal": "Withdrawal of consent",
    "complaint": "Complaint",
    "other": "Other",
}

SOURCES = ("form", "desk", "email", "csv", "api", "drp", "shopify", "hasura", "sql")
"""The doors by which requests come in (docs/rights-doors.md)."""

WAITS_FOR: Mapping[str, str] = {
    "received": "proof of who asks",
    "identity_verified": "somebody who begins",
    "data_collection": "what is gathered",
    "review": "the answer",
    "response_sent": "recipients who aren’t done",
    "on_hold": "the person",
}
"""What a request waits for where it stands."""

REGIMES: Mapping[str, str] = {
    "gdpr": "GDPR",
    "uk_gdpr": "UK GDPR",
    "ccpa": "CCPA",
    "ccpa_opt_out": "CCPA opt-out",
    "shopify": "Shopify compliance",
}

DENIALS: Mapping[str, str] = {
    "insuf_verification": "the person didn't prove who they are",
    "no_match": "nothing is kept about them",
    "claim_not_covered": "the law doesn't give this right here",
    "outside_jurisdiction": "another jurisdiction",
    "too_many_requests": "manifestly excessive or repeated",
    "suspected_fraud": "a fraud is suspected",
    "other": "another reason",
}
"""Reasons of the Data Rights Protocol 1.0, as people say them."""

PROOFS: Mapping[str, str] = {
    "none": "not needed for this right",
    "asserted": "the address they gave is theirs",
    "channel": "a code to a channel known before",
    "manual": "an officer was convinced",
    "platform": "the platform says so",
    "agent": "an authorised agent says so",
}
"""What proved who asks."""

DECISIONS: Mapping[str, str] = {
    "fulfilled": "fulfilled",
    "partly": "fulfilled in part",
    "denied": "denied",
}

CALLBACK = "How it stands, to the agent"
CALLBACKS: Mapping[str, str] = {
    "pending": "live",
    "delivered": "good",
    "superseded": "quiet",
    "withdrawn": "quiet",
    "failed": "bad",
}
"""What became of a word to an agent, and the tone it has."""

MESSAGES: Mapping[str, str] = {
    "acknowledged": "Receipt confirmed",
    "code": "Code to prove who they are",
    "extension": "Deadline extended",
    "clarification": "Question asked",
    "denial": "Denied, with the right to complain",
    "package_ready": "Their data is ready to fetch",
    "fulfilled": "Answered",
    "erased": "Erased",
    "cancelled": "Ended on their wish",
    "ended": "Ended by an erasure",
    "duplicate": "Answered with an earlier request",
    "release_code": "Code to fetch their data",
    "team_received": "Team: a new request",
    "team_warning": "Team: the clock",
    "team_overdue": "Team: overdue",
}

PERSON: Mapping[str, str] = {
    "name": "Name",
    "email": "E-mail",
    "phone": "Telephone",
    "external_ids": "Ids at platforms",
    "details": "What they wrote",
}

LANGUAGES: Mapping[str, str] = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "nl": "Dutch",
}
"""Those that people are written to in."""

NOTES: Mapping[str, str] = {
    "request.entered": "Recorded. Its clock runs, and the privacy team is told.",
    "request.known": "This form was sent before: here is the request that it made.",
    "message.decided": "Done. That you decided it is in the log.",
    "obligation.closed": "Closed. Your reason lies sealed with the log’s entry.",
    "obligation.retried": "The recipient is being asked again.",
    "suppression.lifted": "Lifted. From now on they can come in again.",
    "desk.set": "Saved. It holds from now on.",
    "agent.added": "Added. The agent can ask for people now.",
    "agent.disabled": "Disabled. Its token is over; what it asked for stays.",
    "webhook.disabled": "Disabled. Nothing more goes there.",
    "webhook.tested": "A test is on its way. Reload in a moment to see how it was answered.",
}
"""What a page of the desk says after something was done (``notes.NOTES``)."""

OWED: Mapping[str, str] = {
    "erase": "erase what it has",
    "rectify": "put right what it has",
    "restrict": "only store what it has",
    "opt_out": "sell and share no more",
    "lift": "hear that it may use it again",
}
"""What a recipient has to do, by the kind of its obligation."""
OWED_TONES: Mapping[str, str] = {"done": "good", "closed": "quiet", "failed": "bad", "manual": "warn"}

MARKED: Mapping[str, str] = {
    "email": "An e-mail address",
    "phone": "A telephone number",
    "external_id": "An id at a platform",
}
"""What a mark is of."""

GOES: Mapping[str, str] = {
    "people": "keys, profile and name of data subjects",
    "links": "identifiers by which they are found",
    "deliveries": "bodies of deliveries",
    "requests": "requests, who sent them and in which words",
    "packages": "packages",
}
"""What an erasure takes away, by the names of its plan; its other counts are of what stays and names nobody."""

BLOCKED: Mapping[str, str] = {
    "signs_in_here": "the person signs in here, so their account has to go too",
}
"""What stands in an erasure's way, where a page says it otherwise than the plan."""

ERASERS = ", ".join(
    role.replace("_", " ").replace("dpo", "DPO") for role in Role if may(role, Permission.ERASE)
)
"""The roles that may erase."""

_KILO = 1024


def size(count: int) -> str:
    """A number of bytes as people say it: ``312 bytes``, ``4.2 KiB``, ``1.3 MiB``."""
    if count < _KILO:
        return f"{count} bytes"
    kibi = count / _KILO
    return f"{kibi:.1f} KiB" if kibi < _KILO else f"{kibi / _KILO:.1f} MiB"


def until(text: str) -> str:
    """Until when something stays, as a plan says it: a moment in words, or the plan's own words."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{moment:%A}, {moment.day} {moment:%B %Y}"
