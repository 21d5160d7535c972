"""Signed requests: RFC 9421 (HTTP Message Signatures) with Ed25519, over a digest of the body (RFC 9530).

One profile, of which no part can be left out:

    Content-Digest: sha-256=:<base64>:
    Signature-Input: dx=("@method" "@path" "content-digest");created=<unix seconds>;nonce="<text>";
                     keyid="<64 hex digits of the public key>";alg="ed25519"
    Signature: dx=:<base64 of 64 bytes>:

(one line each). The parameters may come in any order, the label is free. ``@path`` is the path as the engine
asks for it, prefix included.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import NamedTuple

from Crypto.Signature import eddsa

from ..errors import NotAuthentic
from .key import EngineKey

WINDOW_S = 300
"""A request is taken for so many seconds before and after it was signed."""

_COMPONENTS = '("@method" "@path" "content-digest")'
_INPUT = re.compile(
    rf"(?P<label>[a-z*][a-z0-9_.*-]*)=(?P<params>{re.escape(_COMPONENTS)}"
    r'(?P<tail>(?:;[a-z]+=(?:[0-9]{1,15}|"[!#-\[\]-~]{0,200}"))+))'
)
_PARAMETER = re.compile(r';([a-z]+)=(?:([0-9]+)|"([^"]*)")')
_NONCE = re.compile(r"[A-Za-z0-9_.~+/=-]{16,128}")
_KEY = re.compile(r"[0-9a-f]{64}")


class Signed(NamedTuple):
    """Who signed (public key in hex), when (unix seconds), and the text that makes the request unique."""

    key: str
    created: int
    nonce: str


def sign(key: EngineKey, method: str, path: str, body: bytes, created: int, nonce: str) -> dict[str, str]:
    """The headers that make a request of this engine's."""
    digest = content_digest(body)
    params = f'{_COMPONENTS};created={created};nonce="{nonce}";keyid="{key.public}";alg="ed25519"'
    signature = key.sign(_base(method, path, digest, params))
    return {
        "Content-Digest": digest,
        "Signature-Input": f"dx={params}",
        "Signature": f"dx=:{base64.b64encode(signature).decode('ascii')}:",
    }


def verify(method: str, path: str, headers: Mapping[str, str], body: bytes, now: float) -> Signed:
    """Who signed this request; whether they may do so is another question. ``headers`` by lower-case names.

    Raises NotAuthentic for a request that isn't signed in this way, or not now.
    """
    digest = headers.get("content-digest", "")
    if not hmac.compare_digest(digest.encode("utf-8", "replace"), content_digest(body).encode()):
        raise NotAuthentic("Content-Digest isn't the SHA-256 of the body (RFC 9530)")
    signed, params, label = _read(headers.get("signature-input", ""))
    if abs(now - signed.created) > WINDOW_S:
        raise NotAuthentic(f"the request was signed more than {WINDOW_S} s ago, or ahead; check both clocks")
    given = re.fullmatch(rf"{re.escape(label)}=:([A-Za-z0-9+/]{{86}}==):", headers.get("signature", ""))
    if given is None or not _holds(signed.key, _base(method, path, digest, params), given[1]):
        raise NotAuthentic("the signature doesn't hold for this request (RFC 9421)")
    return signed


def content_digest(body: bytes) -> str:
    """The Content-Digest header (RFC 9530) of a body."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode('ascii')}:"


def _base(method: str, path: str, digest: str, params: str) -> bytes:
    """The signature base (RFC 9421 section 2.5)."""
    lines = (
        f'"@method": {method}',
        f'"@path": {path}',
        f'"content-digest": {digest}',
        f'"@signature-params": {params}',
    )
    return "\n".join(lines).encode("utf-8")


def _read(text: str) -> tuple[Signed, str, str]:
    """What Signature-Input says, the parameters as they were signed, and the label."""
    match = _INPUT.fullmatch(text)
    found = _PARAMETER.findall(match["tail"]) if match else []
    values = {name: number or quoted for name, number, quoted in found}
    fits = (
        match is not None
        and len(values) == len(found)
        and set(values) == {"created", "nonce", "keyid", "alg"}
        and values["alg"] == "ed25519"
        and values["created"].isdecimal()
        and _NONCE.fullmatch(values["nonce"])
        and _KEY.fullmatch(values["keyid"])
    )
    if match is None or not fits:
        raise NotAuthentic(
            f'Signature-Input must be {_COMPONENTS} with created, nonce, keyid and alg="ed25519" (RFC 9421)'
        )
    return Signed(values["keyid"], int(values["created"]), values["nonce"]), match["params"], match["label"]


def _holds(public: str, message: bytes, signature: str) -> bool:
    try:
        scheme = eddsa.new(eddsa.import_public_key(bytes.fromhex(public)), "rfc8032")
        scheme.verify(message, base64.b64decode(signature))
    except ValueError:
        return False
    return True
