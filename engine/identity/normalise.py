"""One spelling per identifier, so that equal people give equal blind indexes.

The rules are part of every stored link: change one, and raise ``NORMALISATION_VERSION``, because links made
before no longer match those made after. A value that can't be normalised gives no link; it is never hashed
raw, for then two spellings of one address would be two people.

No function here raises on any text.
"""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

import phonenumbers
from email_validator import EmailNotValidError, validate_email

NORMALISATION_VERSION = 1
DIALLED = r"[+(]{0,2}[0-9][0-9 ()./-]{3,40}"
"""A regular expression of what somebody may have typed as a telephone number. Whether anybody has it is asked
of ``phone``: a wrong digit must not keep a request out."""


def email(value: str) -> str | None:
    """``Ada@EXAMPLE.com`` to ``ada@example.com``; None for what isn't an address.

    Trimmed, NFC, IDNA domain in lower-case Unicode, then the local part in lower case: RFC 5321 lets servers
    tell cases apart, but none in use does. Dots and ``+tags`` stay, because only the provider knows what they
    mean. The index asks whether two addresses are equal, not whether mail arrives: no DNS is asked, and
    ``.test`` (RFC 6761) is an address like any other.
    """
    text = unicodedata.normalize("NFC", value.strip())
    try:
        address = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return unicodedata.normalize("NFC", address.normalized.lower())


def phone(value: str, region: str | None) -> str | None:
    """E.164 (``+493012345678``); None for what isn't a number somebody can have.

    ``region`` (ISO 3166-1 alpha-2, any case) is where a number without a country code is dialled; without it
    such a number is None. A number with an extension is None too: E.164 drops the extension, and everybody
    behind one switchboard would become one person.
    """
    try:
        number = phonenumbers.parse(value, region.upper() if region else None)
    except phonenumbers.NumberParseException:
        return None
    if number.extension or not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def external_id(scope: str, value: str) -> str:
    """A platform's own id within its scope: ``shopify:shop-1`` and ``42`` give ``shopify:shop-1:42``.

    Both are opaque: trimmed, nothing else, and case counts. The id is percent-encoded, so that no colon in it
    can be mistaken for the scope's. A blank id gives the empty text, which identifies nobody and which
    ``links.blind`` refuses.
    """
    opaque = value.strip()
    if not opaque:
        return ""
    return f"{scope.strip()}:{quote(opaque, safe='', errors='surrogatepass')}"
