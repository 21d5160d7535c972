"""Blind indexes: finding a person by e-mail, phone or external id without storing any of them readably.

A link is HMAC-SHA256 over the normalised value, under a key that belongs to one tenant and one field. It
keeps its full 32 bytes, because it decides identity: a false match would show one person's data to another.
It tells that two values within a tenant and field are equal, which is its purpose, and nothing else: no link
of one tenant ever equals a link of another, nor an e-mail's that of a phone.
"""

from __future__ import annotations

import hmac
from uuid import UUID

from ..errors import Invalid
from .did import canonical
from .vault import hkdf

LINK_BYTES = 32


def index_key(tenant_key: bytes, tenant_id: str, field: str) -> bytes:
    """The 32-byte key of one tenant's index over ``field`` (``email``, ``phone``, ``external_id``)."""
    tenant = UUID(canonical(tenant_id)).bytes
    return hkdf(tenant_key, b"dx/bidx/v1\0" + tenant + b"\0" + _field_name(field))


def blind(index_key: bytes, field: str, normalised: str) -> bytes:
    """The 32-byte link of a value that ``normalise`` made.

    An empty value raises Invalid: it would tie everybody who lacks one to the same person.
    """
    if not normalised:
        raise Invalid(field, "nothing to link by")
    # An id may hold a lone surrogate, which JSON can spell and UTF-8 can't; it must stay distinct, not fail.
    value = normalised.encode("utf-8", "surrogatepass")
    return hmac.digest(index_key, _field_name(field) + b"\0" + value, "sha256")


def _field_name(field: str) -> bytes:
    """A field's name as bytes, free of the NUL that ends it."""
    if not field.isidentifier() or not field.isascii():
        raise ValueError("a field is named by an ASCII identifier")
    return field.encode("ascii")
