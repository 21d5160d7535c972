"""What a directory said of a person: sealed as one document, found again by its names.

``id``, ``meta``, ``groups`` and ``schemas`` are ours to say and are made anew; a password is never kept.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Any

from ..core import Core
from ..errors import Refused
from ..identity import normalise
from ..store import models

USER_NAME, EXTERNAL_ID = "scim_user_name", "scim_external_id"
"""Fields of the installation's blind indexes; the tenant is part of what is indexed."""
MOST_BYTES = 65_536
OURS = ("id", "meta", "groups", "schemas", "password")

Document = dict[str, Any]


def seal(core: Core, row_id: str, tenant_id: str, document: Document) -> bytes:
    """Seal a document. Raises Refused for one that is too large."""
    raw = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    if len(raw) > MOST_BYTES:
        raise Refused("invalidValue", f"the attributes of a user may take {MOST_BYTES} bytes together")
    return core.keys.seal(tenant_id, raw, **_place(row_id))


def read(core: Core, row: models.ScimUser) -> Document:
    """The document of a row."""
    raw = core.keys.unseal(row.tenant_id, bytes(row.resource_sealed), **_place(row.id))
    document: Document = json.loads(raw)
    return document


def changed(before: Document, after: Document) -> list[str]:
    """The attributes that say something else now; in which order several values come says nothing."""
    names = sorted({*before, *after})
    return [name for name in names if _unordered(before.get(name)) != _unordered(after.get(name))]


def _unordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _unordered(one) for name, one in value.items()}
    if isinstance(value, list):
        return sorted((_unordered(one) for one in value), key=repr)
    return value


def folded(text: str) -> str:
    """A name without its case (RFC 7643: ``caseExact`` is false), in one spelling."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())


def name_of(tenant_id: str, document: Document) -> str:
    """What the index of user names holds."""
    return f"{tenant_id}:{folded(document['userName'])}"


def external_of(tenant_id: str, document: Document) -> str | None:
    """What the index of external ids holds."""
    given = document.get("externalId")
    return f"{tenant_id}:{given}" if given else None


def links(core: Core, tenant_id: str, document: Document) -> dict[str, str | None]:
    """The columns by which a document is found."""
    external = external_of(tenant_id, document)
    return {
        "user_name_link": core.keys.link_own(USER_NAME, name_of(tenant_id, document)),
        "external_id_link": core.keys.link_own(EXTERNAL_ID, external) if external else None,
    }


def address_of(document: Document) -> str | None:
    """Where the person signs in, normalised: the primary address, or else the first, or else a user name that
    is one."""
    given = [entry for entry in document.get("emails", []) if entry.get("value")]
    given.sort(key=lambda entry: not entry.get("primary"))
    texts = [entry["value"] for entry in given] or [document["userName"]]
    return normalise.email(texts[0])


def _place(row_id: str) -> dict[str, str]:
    return {"table": "scim_users", "column": "resource_sealed", "row_id": row_id}
