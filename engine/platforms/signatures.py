"""HMACs and shared secrets, compared in constant time.

Two rules hold for every platform. A signature is compared as the text that was sent, never decoded first: bad
base64, a hex digest or a non-canonical encoding simply differ. And every secret is tried, also after one has
matched, so that the time taken tells nothing about which of them is in force.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable, Mapping
from typing import Literal

from ..errors import NotAuthentic

MAX_HEADER = 4096
"""Characters of a signature header; the longest honest one (Stripe during a rotation) has a few hundred."""


def as_bytes(value: str) -> bytes:
    """Any string as bytes; lone surrogates (a server's way to show undecodable header bytes) included."""
    return value.encode("utf-8", "surrogatepass")


def usable(secrets: Iterable[str]) -> list[bytes]:
    """The secrets as keys, blank ones left out: anybody can sign with an empty key."""
    keys = [as_bytes(secret) for secret in secrets if secret.strip()]
    if not keys:
        raise NotAuthentic("the connector has no secret to check against")
    return keys


def required_header(headers: Mapping[str, str], *names: str) -> str:
    """The first of these headers that is there, trimmed. Raises NotAuthentic when blank or oversized."""
    value = next((headers[name] for name in names if name in headers), "").strip()
    if not value:
        raise NotAuthentic(f"missing or blank header {names[0]}")
    if len(value) > MAX_HEADER:
        raise NotAuthentic(f"header {names[0]} is longer than {MAX_HEADER} characters")
    return value


def hmac_base64(key: bytes, message: bytes, algorithm: Literal["sha256", "sha1"] = "sha256") -> bytes:
    """Padded standard base64 of the HMAC (RFC 4648 section 4): Shopify, WooCommerce, Mandrill."""
    return base64.b64encode(hmac.digest(key, message, algorithm))


def require_hmac_base64(keys: Iterable[bytes], message: bytes, given: str) -> None:
    """Raises NotAuthentic unless ``given`` is the HMAC-SHA256 under one of the keys."""
    if not any_match([hmac_base64(key, message) for key in keys], [as_bytes(given)]):
        raise NotAuthentic("the signature matches none of the connector's secrets")


def hmac_hex(key: bytes, message: bytes) -> bytes:
    """Lower-case hex of the HMAC-SHA256: Stripe."""
    return hmac.digest(key, message, "sha256").hex().encode()


def any_match(expected: Iterable[bytes], given: Iterable[bytes]) -> bool:
    """Whether any expected value equals any given one; all pairs are compared, each in constant time."""
    candidates = list(given)
    matched = False
    for value in expected:
        for candidate in candidates:
            matched |= hmac.compare_digest(value, candidate)
    return matched
