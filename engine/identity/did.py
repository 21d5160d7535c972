"""Decentralised identifiers: how one is derived from a UUID, read, described and resolved.

``did:dep:`` + lower-case hex of SHA3-256 (FIPS 202, not Keccak-256) over the 36 lower-case characters of the
UUID. The same UUID gives the same DID in any spelling, so registering twice is harmless. A DID made this way
has no key of its own and proves no control; its document names the controller that answers for it.

Sources: DID Core 1.0 (W3C Recommendation) for syntax and documents, DID Resolution 1.0 (W3C Candidate
Recommendation 2026) for results and errors, RFC 9562 for UUIDs.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from .. import moments
from ..errors import Invalid

METHOD = "dep"
MEDIA_TYPE = "application/did+ld+json"
"""The representation ``document`` builds (DID Core 1.0 section 6.3)."""

ERROR_STATUS: Mapping[str, int] = {
    "INVALID_DID": 400,
    "INVALID_DID_URL": 400,
    "INVALID_OPTIONS": 400,
    "NOT_FOUND": 404,
    "REPRESENTATION_NOT_SUPPORTED": 406,
    "INVALID_DID_DOCUMENT": 500,
    "INTERNAL_ERROR": 500,
    "METHOD_NOT_SUPPORTED": 501,
    "FEATURE_NOT_SUPPORTED": 501,
}
"""Every error of DID Resolution 1.0 and the HTTP status of its HTTPS binding. A deactivated DID is no error:
its document goes out with status 410."""

_UUID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_METHOD = re.compile(r"[a-z0-9]+")
# DID Core section 3.1, the ABNF rule by rule; the last segment may not be empty.
_IDCHAR = r"(?:[A-Za-z0-9._-]|%[0-9A-Fa-f]{2})"
_DID = re.compile(rf"did:([a-z0-9]+):((?:{_IDCHAR}*:)*{_IDCHAR}+)")
_DIGEST = re.compile(r"[0-9a-f]{64}")

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ED25519_MULTICODEC = b"\xed\x01"
_ED25519_KEY_BYTES = 32

_LOG_TYPE = "TransparencyLog"
"""No registered type of a service says this; the document's context gives the term its meaning."""


def canonical(value: str | uuid.UUID) -> str:
    """The 36-character lower-case text of a UUID (RFC 9562 section 4), from any of its usual spellings.

    Upper case, ``{...}``, ``urn:uuid:...`` and 32 bare digits are read. Anything else raises Invalid.
    """
    if isinstance(value, uuid.UUID):
        return str(value)
    # uuid.UUID alone is too lenient: it drops hyphens anywhere and lets int() read "_", "+" and spaces.
    text = value.lower().removeprefix("urn:uuid:")
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1]
    if not _UUID.fullmatch(text):
        raise Invalid("id", "not a UUID")
    return str(uuid.UUID(text))


def require_v4(value: str | uuid.UUID) -> str:
    """``canonical(value)`` of a random UUID; every other version, nil and max raise Invalid.

    Versions 3 and 5 can be guessed from the name behind them, 1, 6 and 7 tell the time: neither may become
    the DID of a person.
    """
    text = canonical(value)
    if uuid.UUID(text).version != 4:  # None for a variant other than RFC 9562's, nil and max included
        raise Invalid("id", "not a version 4 UUID")
    return text


def derive(value: str | uuid.UUID, method: str = METHOD) -> str:
    """The DID of a UUID. Raises Invalid for something else than a UUID or for an impossible method name."""
    if not _METHOD.fullmatch(method):
        raise Invalid("did_method", "lower-case letters and digits only")
    return f"did:{method}:{hashlib.sha3_256(canonical(value).encode('ascii')).hexdigest()}"


def parse(did: str, method: str = METHOD) -> tuple[str, str]:
    """Split a DID into its method and its method-specific id; raises Invalid if it isn't one.

    Under our own ``method`` the id must be 64 hex digits, and upper-case ones come back lower-case. Another
    method's id comes back untouched, because only that method knows whether case matters.
    """
    match = _DID.fullmatch(did)
    if match is None:
        raise Invalid("did", "not a DID (DID Core section 3.1)")
    found, identifier = match.groups()
    if found != method:
        return found, identifier
    if not _DIGEST.fullmatch(identifier.lower()):
        raise Invalid("did", f"a did:{method} ends in 64 hexadecimal digits")
    return found, identifier.lower()


def is_ours(did: str, method: str = METHOD) -> bool:
    """True for a well-formed DID of ``method``, in whatever case its digits are."""
    try:
        return parse(did, method)[0] == method
    except Invalid:
        return False


def document(
    did: str,
    controller: str | None,
    verification: Sequence[bytes] | None = None,
    logs: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """The DID document of ``did`` (DID Core 1.0 section 5).

    ``verification`` holds raw 32-byte Ed25519 public keys that may sign assertions in its name: a tenant's
    log keys, two of them during a rotation. ``logs`` are addresses of transparency logs (C2SP tlog-tiles) by
    the fragment that names them. Data subjects and activities have neither.
    """
    context: list[str | dict[str, str]] = ["https://www.w3.org/ns/did/v1"]
    result: dict[str, object] = {"@context": context, "id": did}
    if controller is not None:
        result["controller"] = controller
    if verification:
        context.append("https://w3id.org/security/multikey/v1")
        methods = [_multikey(did, key) for key in verification]
        result["verificationMethod"] = methods
        result["assertionMethod"] = [method["id"] for method in methods]
    if logs:
        context.append({_LOG_TYPE: "https://c2sp.org/tlog-tiles"})
        result["service"] = [
            {"id": f"{did}#{name}", "type": _LOG_TYPE, "serviceEndpoint": address}
            for name, address in logs.items()
        ]
    return result


def _multikey(did: str, key: bytes) -> dict[str, str]:
    """A verification method of type Multikey; its name is the key itself, so a rotation never reuses one."""
    if len(key) != _ED25519_KEY_BYTES:
        raise ValueError("an Ed25519 public key has 32 bytes")
    text = "z" + _base58(_ED25519_MULTICODEC + key)
    return {"id": f"{did}#{text}", "type": "Multikey", "controller": did, "publicKeyMultibase": text}


def _base58(data: bytes) -> str:
    """Base 58 in Bitcoin's alphabet, as multibase ``z`` and did:key use it; ``data`` starts with no zero."""
    number, digits = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        digits = _BASE58[digit] + digits
    return digits


def resolution(
    document: Mapping[str, object] | None,
    error: str | None,
    metadata: Mapping[str, bool | datetime] | None = None,
    detail: str | None = None,
) -> dict[str, object]:
    """A DID resolution result: exactly one of ``document`` and ``error`` is given.

    ``error`` is a name from ``ERROR_STATUS`` and is answered as an RFC 9457 object with ``detail``.
    ``metadata`` describes the document (``created``, ``updated``, ``deactivated``); moments become
    whole-second UTC text, as DID Core section 7.1.3 demands; naive ones raise ValueError.
    """
    if (document is None) == (error is None):
        raise ValueError("a resolution has either a document or an error")
    return {
        "@context": "https://www.w3.org/ns/did-resolution/v1",
        "didDocument": document,
        "didResolutionMetadata": (
            {"contentType": MEDIA_TYPE} if error is None else {"error": _problem(error, detail)}
        ),
        "didDocumentMetadata": {name: _metadata_value(value) for name, value in (metadata or {}).items()},
    }


def _problem(error: str, detail: str | None) -> dict[str, str]:
    if error not in ERROR_STATUS:
        raise ValueError(f"{error!r} is no error of DID Resolution")
    title = error.replace("_", " ").capitalize().replace(" did", " DID").replace(" url", " URL")
    problem = {"type": f"https://www.w3.org/ns/did#{error}", "title": title}
    return problem if detail is None else problem | {"detail": detail}


def _metadata_value(value: bool | datetime) -> str | bool:
    if isinstance(value, datetime):
        return moments.to_text(value).partition(".")[0] + "Z"
    return value
