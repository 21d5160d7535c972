"""Shopify's words for marketing consent.

States: https://shopify.dev/docs/api/admin-graphql/latest/enums/CustomerEmailMarketingState. Webhooks write
them in lower case, GraphQL in upper: compared without case.
"""

from __future__ import annotations

from collections.abc import Mapping

from .activities import DIRECT_MARKETING
from .base import ConsentSignal
from .bodies import mapping, printable, text, time_of

Signals = tuple[ConsentSignal, ...]

_STATES = {"subscribed": "granted", "unsubscribed": "withdrawn", "pending": "pending"}
# not_subscribed, redacted, invalid and words to come say neither yes nor no.


def email_consent(value: object) -> Signals:
    """``email_marketing_consent`` as a signal; none where the state is null."""
    return _consent("email", mapping(value))


def sms_consent(value: object) -> Signals:
    """``sms_marketing_consent`` as a signal; none where the state is null."""
    return _consent("sms", mapping(value))


def _consent(channel: str, consent: Mapping[str, object]) -> Signals:
    state = (text(consent.get("state")) or "").lower()
    if not state:
        return ()
    evidence = printable(
        {
            "state": state,
            "opt_in_level": (text(consent.get("opt_in_level")) or "").lower(),
            "collected_from": (text(consent.get("consent_collected_from")) or "").lower(),
        }
    )
    mapped = _STATES.get(state, "unknown")
    at = time_of(consent.get("consent_updated_at"))
    return (ConsentSignal(DIRECT_MARKETING, channel, mapped, at, evidence),)


def legacy_consents(customer: Mapping[str, object]) -> Signals:
    """Consent inside a customer, as API versions up to 2024-10 send it; nothing in a newer body.

    ``email_marketing_consent`` (from 2022-04) wins over the older ``accepts_marketing``, which it replaced.
    """
    email = email_consent(customer.get("email_marketing_consent")) or _accepts_marketing(customer)
    return email + sms_consent(customer.get("sms_marketing_consent"))


def _accepts_marketing(customer: Mapping[str, object]) -> Signals:
    """``false`` is an objection only where Shopify dates it; undated it may mean that nobody ever asked."""
    accepts = customer.get("accepts_marketing")
    if not isinstance(accepts, bool):
        return ()
    at = time_of(customer.get("accepts_marketing_updated_at"))
    state = "granted" if accepts else "withdrawn" if at else "unknown"
    opt_in_level = (text(customer.get("marketing_opt_in_level")) or "").lower()
    evidence = printable({"accepts_marketing": str(accepts).lower(), "opt_in_level": opt_in_level})
    return (ConsentSignal(DIRECT_MARKETING, "email", state, at, evidence),)
