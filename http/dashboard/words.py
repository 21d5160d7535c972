"""What the engine's names are called on a page. Names of states, steps and trust stay the contract's own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

TRUST: Mapping[str, tuple[str, str]] = {
    "signed_fresh": ("signed, fresh", "The platform signed the body and its time, and the time was recent."),
    "signed": ("signed", "The platform signed the body. Headers and time are not covered by the signature."),
    "bearer": ("secret only", "A shared secret came along; the body itself is not signed."),
    "internal": ("internal", "The change was made in dxflow's own database: API, command line or SQL."),
}

SOURCES: Mapping[str, str] = {
    "shopify": "Shopify",
    "stripe": "Stripe",
    "mailchimp": "Mailchimp",
    "mandrill": "Mandrill",
    "woocommerce": "WooCommerce",
    "hasura": "Hasura",
    "api": "the API",
    "database": "the database",
    "sql": "plain SQL",
}

_TABLES: Mapping[str, str] = {
    "data_controllers": "Data controller",
    "data_subjects": "Data subject",
    "data_processing_activities": "Processing activity",
    "rights_requests": "Rights request",
    "users": "User",
}
_OPERATIONS: Mapping[str, str] = {"INSERT": "added", "UPDATE": "changed", "DELETE": "removed"}

STATE_TONES: Mapping[str, str] = {
    "received": "live",
    "running": "live",
    "retrying": "warn",
    "done": "good",
    "failed": "bad",
    "discarded": "quiet",
}

STEPS: Mapping[tuple[str, str], str] = {
    ("webhook", "extract"): "Read the delivery",
    ("webhook", "match"): "Find the data subject",
    ("webhook", "log"): "Log the processing activity",
    ("webhook", "consent"): "Record the consent",
    ("webhook", "request"): "Record the rights request",
    ("webhook", "provision"): "Write the row",
    ("data_controller", "derive"): "Derive the DID",
    ("data_subject", "derive"): "Derive the DID",
    ("data_subject", "link"): "Link the identifiers",
    ("processing_activity", "publish"): "Queue for registration",
    ("processing_activity", "register"): "Register in the log",
    ("processing_activity", "record"): "Write the registration back",
    ("rights_request", "record"): "Start the legal clock",
    ("rights_request", "notify"): "Tell the privacy team",
    ("user", "identify"): "Find the data subject",
    ("user", "join"): "Make the membership",
}

OUTCOMES: Mapping[str, str] = {
    "person": "It concerns a person.",
    "nobody": "It concerns nobody.",
    "matched": "A data subject on file.",
    "created": "A new data subject was made.",
    "unknown": "Not on file, and nobody was created.",
    "stale": "Older than what is on file; nothing was overwritten.",
    "conflict": "The identifiers belong to two data subjects; nothing was merged.",
    "moved": "The identifiers moved to this data subject.",
    "merged": "Two data subjects became one.",
    "consent_follows": "Logged; it states consent too.",
    "request_follows": "Logged; it carries a rights request too.",
    "row_follows": "Logged; it carries a whole row too.",
    "logged": "Logged.",
    "synced": "The consent is on file.",
    "recorded": "Recorded.",
    "repeated": "On file already; nothing was recorded twice.",
    "provisioned": "The row is written.",
    "derived": "The DID was derived.",
    "unchanged": "Nothing had to change.",
    "gone": "The row is no longer there.",
    "linked": "The identifiers are linked.",
    "published": "In the tenant's queue.",
    "registered": "Registered.",
    "notified": "A notice is on the team's desk.",
    "anonymous": "An anonymous user; there is nobody to find.",
    "joined": "A member now.",
}

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

PERSON: Mapping[str, str] = {
    "name": "Name",
    "email": "E-mail",
    "phone": "Telephone",
    "external_ids": "Ids at platforms",
    "details": "What they wrote",
}

REGIMES: Mapping[str, str] = {
    "gdpr": "GDPR",
    "uk_gdpr": "UK GDPR",
    "ccpa": "CCPA",
    "ccpa_opt_out": "CCPA opt-out",
    "shopify": "Shopify compliance",
}

NOTES: Mapping[str, str] = {
    "event.replayed": "Replayed. It runs again from the step where it stopped.",
    "event.discarded": "Discarded. The reason stays with the event.",
    "notice.read": "Marked read.",
    "notices.read": "All notices are marked read.",
    "password.chosen": "Your password is set. Sessions on other devices were ended.",
    "signed.out": "You are signed out.",
}
"""What a page says after something was done, by the code that travels in the note cookie."""


def plain(name: str) -> str:
    """A name of the engine with spaces: ``identity_verified`` to ``identity verified``."""
    return name.replace("_", " ")


def sentence(text: str) -> str:
    """Error texts are clauses: give them a capital and a full stop."""
    clean = text.strip()
    if not clean:
        return ""
    return clean[0].upper() + clean[1:] + ("" if clean.endswith((".", "?", "!")) else ".")


def source(name: str) -> str:
    """Where something came from, as people write it."""
    return SOURCES.get(name, name)


def topic(source: str, name: str) -> str:
    """What an event is about: the platform's own topic, or which row of the database changed."""
    table, _, operation = name.partition(".")
    if source == "database" and table in _TABLES and operation in _OPERATIONS:
        return f"{_TABLES[table]} {_OPERATIONS[operation]}"
    return name


def written(day: date) -> str:
    """A day in full: ``Wednesday, 23 December 2026``."""
    return f"{day:%A}, {day.day} {day:%B %Y}"


def step(workflow: str, name: str) -> str:
    """What a step does, as a heading."""
    return STEPS.get((workflow, name), plain(name).capitalize())


def outcome(name: str) -> str:
    """What a step came to, as a sentence."""
    return OUTCOMES.get(name, f"{plain(name).capitalize()}.")


def until(day: date, today: date) -> str:
    """A due day in words: ``today``, ``tomorrow``, ``in 12 days``, ``3 days overdue``."""
    left = (day - today).days
    if left < 0:
        return f"{-left} day{'' if left == -1 else 's'} overdue"
    if left <= 1:
        return "tomorrow" if left else "today"
    return f"in {left} days"


def actor(name: str, reader: str) -> str:
    """Who did something, to the person who reads it; ``reader`` is their own actor name."""
    if name == reader:
        return "you"
    kind = name.partition(":")[0]
    return {"user": "a colleague", "key": "an API key", "system": "the command line"}.get(kind, kind)
