"""The package as one file: an AES-256 ZIP archive (WinZip AE-2) that common programs open with a passphrase.

The format leaves names, sizes and times of its members readable, so no name says anything about anybody. Its
key derivation is cheap (PBKDF2-HMAC-SHA1, 1,000 rounds): the passphrase is random, of 100 bits, and never
chosen by people.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyzipper

from . import page, tables
from .schema import PARTS, SCHEMA

FORMAT = "dxflow-package"
MANIFEST, SEAL = "manifest.json", "manifest.sig"
DATA, SCHEMA_FILE, PAGE = "data.json", "schema.json", "index.html"

_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""32 signs; I and O, 1 and 0 are left out, which people take for each other."""
_GROUPS, _GROUP = 5, 4
PASSPHRASE_BITS = 5 * _GROUPS * _GROUP


@dataclass(frozen=True, slots=True)
class Archive:
    """``digest`` is the SHA-256 of ``content``, in hex."""

    content: bytes
    digest: str
    manifest: dict[str, Any]


def new_passphrase(random: Callable[[int], bytes]) -> str:
    """``ABCD-EFGH-JKLM-NPQR-STUV``: each sign is one of 32, by five bits of chance."""
    number = int.from_bytes(random((PASSPHRASE_BITS + 7) // 8))
    signs = [_ALPHABET[number >> (5 * place) & 31] for place in range(_GROUPS * _GROUP)]
    return "-".join("".join(signs[first : first + _GROUP]) for first in range(0, len(signs), _GROUP))


def files_of(data: Mapping[str, Any]) -> dict[str, bytes]:
    """The members that say something, by name: the document, its schema, the page, a table for each list."""
    found = {DATA: _json(data), SCHEMA_FILE: _json(SCHEMA), PAGE: page.page(data, COLUMNS)}
    for name, rows in tables.lists(data):
        found[f"csv/{name}.csv"] = tables.table(COLUMNS[name], rows)
    return found


def build(
    files: Mapping[str, bytes],
    about: Mapping[str, Any],
    passphrase: str,
    made_at: datetime,
    sign: Callable[[str], str],
) -> Archive:
    """Encrypt the files with their manifest and its seal. ``about`` says who made them, when and for which
    request; ``sign`` makes the signed note of a text."""
    listed = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for name, content in sorted(files.items())
    }
    manifest = {"format": FORMAT, "version": 1, **about, "files": listed}
    raw = _json(manifest)
    seal = sign(seal_text(str(about["origin"]), raw)).encode()
    content = _zip({**files, MANIFEST: raw, SEAL: seal}, passphrase, made_at)
    return Archive(content, hashlib.sha256(content).hexdigest(), manifest)


def seal_text(origin: str, manifest: bytes) -> str:
    """What the seal signs: format, log, and the SHA-256 of the manifest's bytes."""
    return f"{FORMAT}/v1\n{origin}\n{hashlib.sha256(manifest).hexdigest()}\n"


def _zip(files: Mapping[str, bytes], passphrase: str, made_at: datetime) -> bytes:
    out = io.BytesIO()
    with pyzipper.AESZipFile(
        out, "w", compression=pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES
    ) as archive:
        archive.setpassword(passphrase.encode("ascii"))
        archive.setencryption(pyzipper.WZ_AES, nbits=256)
        for name in _in_order(files):
            info = archive.zipinfo_cls(name, made_at.timetuple()[:6])
            info.compress_type, info.external_attr = pyzipper.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(info, files[name])
    return out.getvalue()


def _in_order(files: Mapping[str, bytes]) -> Sequence[str]:
    """The page first: it is what people open."""
    return sorted(files, key=lambda name: (name != PAGE, name))


def _json(value: Mapping[str, Any]) -> bytes:
    """Readable by people too: each member, and each row of a list, on a line of its own. What no UTF-8 can say
    (a lone surrogate) is escaped."""
    try:
        return _written(value, json.JSONEncoder(ensure_ascii=False)).encode()
    except UnicodeEncodeError:
        return _written(value, json.JSONEncoder()).encode()


def _written(value: Mapping[str, Any], encoder: json.JSONEncoder) -> str:
    lines = (f"{encoder.encode(name)}: {_part(part, encoder)}" for name, part in value.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _part(part: Any, encoder: json.JSONEncoder) -> str:
    if isinstance(part, list) and part:
        return "[\n " + ",\n ".join(map(encoder.encode, part)) + "\n]"
    return encoder.encode(part)


def same(one: str, other: str) -> bool:
    """Whether two digests are equal, in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def _columns() -> dict[str, tuple[str, ...]]:
    """Each list's columns, from its schema."""
    found = {name: part for name, part in PARTS.items() if part.get("type") == "array"}
    found["purposes"] = PARTS["information"]["properties"]["purposes"]
    return {name: tuple(part["items"]["properties"]) for name, part in found.items()}


COLUMNS: Mapping[str, tuple[str, ...]] = _columns()
