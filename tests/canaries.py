"""Personal data that must never be found in the clear, and the ways in which it could be written.

Every value is unlike anything else dxflow writes, so that a find is no coincidence.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

CANARIES: Mapping[str, str] = {
    "email": "zebedee.quillfeather@plovernest.example",
    "old email": "z.quillfeather@wagtailbarn.example",
    "user email": "ottoline.marshwiggle@plovernest.example",
    "name": "Zebedée Quillfeather",
    "phone": "+4915112349876",
    "phone as typed": "0151 1234 9876",
    "street": "Wagtailgasse 73b",
    "note": "leave it with Ottoline Marshwiggle",
    "customer id": "706405506930379913",
    "stripe customer": "cus_QuillZebedee7",
    "address": "203.0.113.241",
    "free text": "prefers marzipan hedgehogs",
}


def spellings(value: str) -> dict[str, bytes]:
    """The forms in which a value could be written: plain, encoded, hashed without a key."""
    raw = value.encode()
    found = {
        "plain": raw,
        "lower case": value.lower().encode(),
        "UTF-16": value.encode("utf-16-le"),
        "JSON": json.dumps(value)[1:-1].encode(),
        "URL": quote(value, safe="").encode(),
        "form": quote_plus(value, safe="").encode(),
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
    }
    for shift in range(3):
        found[f"base64, shifted by {shift}"] = _inside_base64(raw, shift)
        found[f"base64url, shifted by {shift}"] = _inside_base64(raw, shift).translate(
            bytes.maketrans(b"+/", b"-_")
        )
    for name in ("md5", "sha1", "sha256", "sha512", "sha3_256"):
        digest = hashlib.new(name, value.strip().lower().encode())
        found[f"{name} as hex"] = digest.hexdigest().encode()
        found[f"{name} as bytes"] = digest.digest()
        found[f"{name} as base64"] = base64.b64encode(digest.digest())
    return found


def _inside_base64(raw: bytes, shift: int) -> bytes:
    """The part of a base64 text that is the same whatever stands before and behind the value."""
    text = base64.b64encode(b"\0" * shift + raw)
    first = (shift * 8 + 5) // 6
    whole = (shift + len(raw)) * 8 // 6
    return text[first:whole]


def finds(place: str, content: bytes, values: Mapping[str, str]) -> list[str]:
    """Which values stand in this content, and how."""
    return [
        f"{name} ({spelling}) in {place}"
        for name, value in values.items()
        for spelling, needle in spellings(value).items()
        if needle in content
    ]


def finds_in_files(directory: Path, values: Mapping[str, str]) -> list[str]:
    """Which values stand in any file below a directory, and in the files' names."""
    files = [path for path in sorted(directory.rglob("*")) if path.is_file()]
    names = "\n".join(str(path.relative_to(directory)) for path in files).encode()
    found = finds("a file's name", names, values)
    for path in files:
        found += finds(path.name, path.read_bytes(), values)
    return found


def finds_in(texts: Iterable[tuple[str, bytes]], values: Mapping[str, str]) -> list[str]:
    """Which values stand in any of these (place, content)."""
    return [line for place, content in texts for line in finds(place, content, values)]
