"""What each kind of event counts as: the processing activity, its purpose and its legal basis.

One table for all platforms, so that two shops' orders land under the same purpose. Legal bases are those of
GDPR Article 6(1): ``consent`` (a), ``contract`` (b), ``legal_obligation`` (c), ``legitimate_interests`` (f).
``unspecified`` stands where only the operator can know; it is never guessed.
"""

from __future__ import annotations

from typing import NamedTuple

DIRECT_MARKETING = "direct marketing"
"""Purpose of every marketing consent, whichever platform reports it."""
TERMS_OF_SERVICE = "terms_of_service"
"""Purpose of an acceptance of terms at a checkout."""


class Activity(NamedTuple):
    """``Extraction(change, *ORDER, …)`` spreads one over the fields of the same names."""

    activity_type: str
    purpose: str
    legal_basis: str


CUSTOMER_PROFILE = Activity("customer_profile", "customer account", "contract")
CUSTOMER_DELETION = Activity("customer_deletion", "customer account", "contract")
CUSTOMER_MERGE = Activity("customer_merge", "customer account", "contract")
ORDER = Activity("order", "order fulfilment", "contract")
CHECKOUT = Activity("checkout", "order fulfilment", "contract")
SUBSCRIPTION = Activity("subscription", "subscription billing", "contract")
MARKETING_CONSENT = Activity("marketing_consent", DIRECT_MARKETING, "consent")
MARKETING_PROFILE = Activity("marketing_profile", DIRECT_MARKETING, "consent")
MARKETING_REMOVAL = Activity("marketing_removal", DIRECT_MARKETING, "consent")
EMAIL_CHANGE = Activity("email_change", DIRECT_MARKETING, "consent")
EMAIL_BOUNCE = Activity("email_bounce", "mailing list hygiene", "legitimate_interests")
RIGHTS_REQUEST = Activity("rights_request", "rights request", "legal_obligation")
CONTROLLER_RECORD = Activity("data_controller_record", "controller administration", "legitimate_interests")
SUBJECT_RECORD = Activity("data_subject_record", "customer account", "contract")
USER_RECORD = Activity("user_record", "user administration", "legitimate_interests")
MEMBERSHIP_RECORD = Activity("membership_record", "user administration", "legitimate_interests")
RESTRICTED_STORAGE = Activity("restricted_storage", "storage under restriction", "legal_obligation")
"""All that may happen to data under a restriction without the person's consent (GDPR Art. 18(2))."""
REFUSED = "refused"
"""Activity type of what wasn't done because the person objected to it, or opted out (GDPR Art. 21)."""
UNSPECIFIED = Activity("unspecified", "unspecified", "unspecified")
