"""What the engine's names are called on a page. Names of states, steps and trust stay the contract's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from ...engine.access.roles import Permission, Scope
from .rights import request_words as rights  # noqa: F401  # templates take what else there is from here
from .rights.request_words import DECISIONS as DECISIONS
from .rights.request_words import DENIALS as DENIALS
from .rights.request_words import MESSAGES as MESSAGES
from .rights.request_words import PERSON as PERSON
from .rights.request_words import PROOFS as PROOFS
from .rights.request_words import REGIMES as REGIMES
from .rights.request_words import REQUEST_TYPES as REQUEST_TYPES
from .subjects.subject_words import ARTICLES as ARTICLES
from .subjects.subject_words import BASES as BASES
from .subjects.subject_words import LIMITS as LIMITS
from .subjects.subject_words import LINKS as LINKS
from .subjects.subject_words import REGISTRATIONS as REGISTRATIONS
from .subjects.subject_words import basis as basis
from .subjects.subject_words import channel as channel
from .subjects.subject_words import links as links

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
    "desk": "the rights desk",
    "merge": "a merge",
    "unmerge": "a merge that was taken back",
    "rights_request": "a rights request",
    "form": "the hosted form",
    "email": "an e-mail",
    "csv": "a CSV file",
    "drp": "an authorised agent",
}

_TABLES: Mapping[str, str] = {
    "data_controllers": "Data controller",
    "data_subjects": "Data subject",
    "data_processing_activities": "Processing activity",
    "rights_requests": "Rights request",
    "users": "User",
    "memberships": "Membership",
    "messages": "Message",
    "obligations": "Duty of a recipient",
    "consent_pushes": "Consent to pass on",
    "announcements": "Announcement",
    "status_callbacks": "Word to an agent",
    "bulk_replays": "Bulk decision",
}
_MEMBERS: Mapping[str, str] = {"page": "where", "people": "data subjects"}
_NAME = re.compile(r"[a-z]+(_[a-z]+)*")
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
    ("rights_request", "acknowledge"): "Confirm receipt to the person",
    ("rights_request", "notify"): "Tell the privacy team",
    ("message", "send"): "Send the message",
    ("obligation", "call"): "Ask the recipient",
    ("consent_push", "push"): "Pass the consent on",
    ("announcement", "deliver"): "Deliver the announcement",
    ("status_callback", "deliver"): "Tell the agent how its request stands",
    ("bulk_replay", "decide"): "Decide about the next ones",
    ("user", "identify"): "Find the data subject",
    ("user", "invitation"): "Look for an invitation",
    ("membership", "identify"): "Find the data subject",
    ("user", "join"): "Make the membership",
}

OUTCOMES: Mapping[str, str] = {
    "accepted": "An invitation was accepted.",
    "none": "There was no invitation.",
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
    "published": "In the data controller’s queue.",
    "registered": "Registered.",
    "notified": "A notice is on the team's desk.",
    "anonymous": "An anonymous user; there is nobody to find.",
    "joined": "A member now.",
    "echo": "It only repeats what dxflow told the platform.",
    "limited": "Limits of the person keep this back.",
    "suppressed": "Somebody who was erased; nothing was taken in.",
    "sent": "Sent.",
    "unsent": "Nobody to send it to.",
    "told": "The person was told.",
    "no_address": "Nothing is known by which to tell them.",
    "done": "The recipient did it.",
    "waiting": "The recipient can't do it yet.",
    "manual": "Somebody has to tell the recipient by hand.",
    "pushed": "The platform was told.",
    "dropped": "Not said: something newer holds, or it may not be said.",
    "delivered": "The endpoint took it.",
    "more": "A batch is through; there are more.",
    "finished": "All of them are through.",
    "withdrawn": "Taken back before it went out.",
    "superseded": "Not sent: a later one says more.",
}

METHODS: Mapping[str, str] = {
    "password": "with your password",
    "one_time_password": "with a one-time password",
    "oidc": "through single sign-on",
}

SOURCE_OF_MEMBERSHIP: Mapping[str, str] = {
    "dxflow": "brought in by people here",
    "invitation": "came by invitation",
    "hasura": "came from your application",
    "oidc": "came through your own sign-in",
    "scim": "kept by your directory",
}

PERMISSIONS: Mapping[Permission, str] = {
    Permission.LOOK: "See lists, states and proofs",
    Permission.OWN_ACCOUNT: "Look after their own account",
    Permission.READ_PEOPLE: "See who data subjects are",
    Permission.READ_USERS: "See who works here",
    Permission.RECORD: "Enter subjects, activities and requests",
    Permission.ACT: "Replay and discard events, mark notices read",
    Permission.HANDLE_REQUESTS: "Work on rights requests: check who asks, extend, answer, deny",
    Permission.OWN_KEYS: "Make API keys of their own",
    Permission.MANAGE_CONNECTORS: "Add connectors, change their secrets",
    Permission.MANAGE_USERS: "Invite, change roles, shut out",
    Permission.SHARE_LOG: "Give auditors a link to the log",
    Permission.MANAGE_TENANT: "Keys of the data controller, sign-in, log access; pause its work",
    Permission.PROVISION: "Keep users in step with a directory",
    Permission.ERASE: "Erase a person for good",
    Permission.APPOINT_OWNERS: "Make others owners",
}

SCOPES: Mapping[Scope, str] = {
    Scope.READ: "read: look at everything, data subjects included",
    Scope.WRITE: "write: enter data, replay and discard events",
    Scope.ADMIN: "admin: users, connectors, keys and settings",
    Scope.SCIM: "scim: keep users in step with a directory",
}


def plain(name: str) -> str:
    """A name of the engine with spaces: ``identity_verified`` to ``identity verified``, ``dpo`` to ``DPO``."""
    return "DPO" if name == "dpo" else name.replace("one_time", "one-time").replace("_", " ")


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
    if source in ("database", "hasura") and table in _TABLES and operation in _OPERATIONS:
        return f"{_TABLES[table]} {_OPERATIONS[operation]}"
    return name


def written(day: date) -> str:
    """A day in full: ``Wednesday, 23 December 2026``."""
    return f"{day:%A}, {day.day} {day:%B %Y}"


def member(name: str, value: object) -> str:
    """A member of an entry with what it says; names of the engine as people write them, all else as it is."""
    said = plain(value) if isinstance(value, str) and _NAME.fullmatch(value) else value
    return f"{_MEMBERS.get(name) or plain(name)}: {said}"


def short_day(text: str) -> str:
    """A day (``YYYY-MM-DD``) without its weekday: ``23 Dec 2026``, for tables."""
    day = date.fromisoformat(text)
    return f"{day.day} {day:%b %Y}"


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
