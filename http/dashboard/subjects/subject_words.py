"""What data subjects and processing activities are called on a page."""

from __future__ import annotations

from collections.abc import Mapping

LINKS: Mapping[str, str] = {
    "email": "e-mail address",
    "phone": "telephone number",
    "external_id": "id at a platform",
}
"""By what somebody is known."""

BASES: Mapping[str, str] = {
    "consent": "consent",
    "contract": "contract",
    "legal_obligation": "legal obligation",
    "vital_interests": "vital interests",
    "public_task": "public task",
    "legitimate_interests": "legitimate interests",
    "unspecified": "no stated basis",
}
"""Legal bases of GDPR Art. 6(1)."""

ARTICLES: Mapping[str, str] = {
    "consent": "GDPR Art. 6(1)(a)",
    "contract": "GDPR Art. 6(1)(b)",
    "legal_obligation": "GDPR Art. 6(1)(c)",
    "vital_interests": "GDPR Art. 6(1)(d)",
    "public_task": "GDPR Art. 6(1)(e)",
    "legitimate_interests": "GDPR Art. 6(1)(f)",
}

LIMITS: Mapping[str, tuple[str, str]] = {
    "restriction": ("Restriction", "Their data may only be stored (GDPR Art. 18)."),
    "objection": ("Objection", "What they objected to isn’t done (GDPR Art. 21)."),
    "sale_opt_out": ("Opt-out of sale or sharing", "Their data isn’t sold or shared."),
    "sensitive_limit": ("Limit on sensitive data", "Sensitive data is used for nothing that isn’t needed."),
    "tracking_opt_out": ("Opt-out of tracking", "They aren’t tracked."),
    "automated_decision_opt_out": ("Opt-out of automated decisions", "No program alone decides about them."),
}
"""What may not be done with a person's data, and what that means."""

REGISTRATIONS: Mapping[str, str] = {
    "pending": "waits to be queued",
    "queued": "in the data controller’s queue",
    "registered": "in the log",
    "failed": "couldn’t be registered",
}

NOTES: Mapping[str, str] = {
    "hold.placed": "The legal hold is in force. Nobody erases this data subject until it is lifted.",
    "hold.lifted": "That legal hold is lifted.",
    "subject.merged": "Merged. This page shows both from now on; the merge can be taken back below.",
    "subject.unmerged": "Taken apart. What came before the merge is back where it belonged.",
    "conflict.apart": "Decided: they are two. The link stays where it is, and nobody is asked again.",
}


def links(kinds: list[str]) -> str:
    """Kinds of identifiers in a row."""
    return ", ".join(LINKS.get(kind, kind) for kind in kinds)


def basis(name: str) -> str:
    """A legal basis, as people say it."""
    return BASES.get(name, name.replace("_", " "))


def channel(name: str) -> str:
    """A channel of a consent; ``all`` stands for every one."""
    return "all channels" if name == "all" else {"email": "e-mail", "sms": "SMS"}.get(name, name)
