"""What recipients of personal data are asked (GDPR Art. 19): one module per platform, with the same few verbs.

``erase``, ``rectify``, ``restrict``, ``set_consent`` and ``check`` take an ``Api`` and say what the platform
answered. Whom they are about is a ``Target``; nothing of it comes back. Asking twice is harmless.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from . import mailchimp, shopify, stripe, woocommerce
from .base import Api, Later, Receipt, Recipient, Target

RECIPIENTS: Mapping[str, Recipient] = MappingProxyType(
    {
        "shopify": shopify.RECIPIENT,
        "stripe": stripe.RECIPIENT,
        "mailchimp": mailchimp.RECIPIENT,
        "woocommerce": woocommerce.RECIPIENT,
    }
)
"""By the platform's name. Whoever isn't here (Mandrill, an application behind Hasura) is told by a person."""

__all__ = ["RECIPIENTS", "Api", "Later", "Receipt", "Recipient", "Target"]
