"""Checking a package on any machine, without a database: is it whole, is it unchanged, and whose word is it?

A package comes from anywhere, so nothing in it is believed before it is checked: members are read up to the
size that the manifest says and no further, the manifest up to a limit of its own.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyzipper

from ..errors import Invalid, LogBroken, Malformed
from ..ledger import note
from . import archive

SMALL = 16 << 20
"""Bytes that manifest and seal may have."""
_BLOCK = 1 << 20
_BROKEN = (RuntimeError, zipfile.BadZipFile, pyzipper.BadZipFile, zlib.error)
"""What a wrong passphrase ends in, and a flipped bit of what is encrypted."""
_DAMAGED = (*_BROKEN, struct.error, EOFError, OSError, ValueError, KeyError)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a package that holds says of itself. ``signed_by`` are the keys, of those that were given or else of
    those that it names, whose signature is good; ``trusted``: they were given. ``digest`` is the SHA-256 of the
    file, which the log's leaf ``package.made`` names."""

    manifest: Mapping[str, Any]
    signed_by: tuple[str, ...]
    trusted: bool
    digest: str

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        told = {name: value for name, value in self.manifest.items() if name not in ("files", "keys")}
        return {
            "ok": True,
            "problem": None,
            **told,
            "files": len(self.manifest["files"]),
            "digest": self.digest,
            "signed_by": list(self.signed_by),
            "trusted": self.trusted,
        }


def verify(path: Path, passphrase: str, vkeys: Sequence[str] = ()) -> Checked:
    """Check the package in a file. ``vkeys`` are the C2SP verifier keys that the caller trusts: without one,
    only that the package is of one piece can be shown, not whose it is.

    Raises OSError for a file that can't be read, Invalid for a wrong passphrase or an unreadable verifier key,
    Malformed for what is no package, and LogBroken for one that isn't as it was made.
    """
    verifiers = [note.Verifier.from_vkey(vkey) for vkey in vkeys]
    digest = _digest(path)
    try:
        with pyzipper.AESZipFile(path) as opened:
            opened.setpassword(_spelled(passphrase))
            _require_encrypted(opened)
            manifest, raw, seal = _manifest(opened)
            expected = archive.seal_text(str(manifest.get("origin")), raw)
            signed = _signers(seal, expected, verifiers or _named(manifest))
            _require_members(opened, manifest)
    except _DAMAGED as error:
        raise Malformed(f"this is no package, or it is damaged ({type(error).__name__})") from None
    return Checked(manifest, signed, bool(verifiers), digest)


def _spelled(passphrase: str) -> bytes:
    """As it was made, however somebody typed it: case and blanks don't matter."""
    signs = "".join(passphrase.split()).replace("-", "").upper()
    groups = [signs[first : first + 4] for first in range(0, len(signs), 4)]
    return "-".join(groups).encode("ascii", "replace")


def _require_encrypted(opened: Any) -> None:
    names = [info.filename for info in opened.infolist()]
    if len(set(names)) < len(names):
        raise LogBroken("a name stands twice in this package")
    if any(not info.flag_bits & 1 for info in opened.infolist()):
        raise LogBroken("a part of this package isn't encrypted: somebody added it")
    if any(info.compress_type != pyzipper.ZIP_DEFLATED for info in opened.infolist()):
        raise LogBroken("a part of this package is packed in another way: somebody changed it")


def _manifest(opened: Any) -> tuple[dict[str, Any], bytes, str]:
    """The manifest, its bytes, and its seal. Raises Invalid where the passphrase doesn't open it."""
    if {archive.MANIFEST, archive.SEAL} - set(opened.namelist()):
        raise Malformed("this is no package: it has no manifest, or no seal")
    try:
        raw = _read(opened, archive.MANIFEST, SMALL)
        seal = _read(opened, archive.SEAL, SMALL).decode("utf-8")
    except _BROKEN:
        raise Invalid("passphrase", "doesn't open this package; or the package is damaged") from None
    manifest = json.loads(raw)
    if (
        not isinstance(manifest, dict)
        or manifest.get("format") != archive.FORMAT
        or manifest.get("version") != 1
    ):
        raise Malformed("this is no package that this version knows")
    return manifest, raw, seal


def _require_members(opened: Any, manifest: Mapping[str, Any]) -> None:
    """All files that the manifest lists, as it says, and no other. Raises LogBroken."""
    listed = manifest.get("files")
    if not isinstance(listed, dict):
        raise Malformed("the manifest lists no files")
    there = set(opened.namelist()) - {archive.MANIFEST, archive.SEAL}
    if there != set(listed):
        odd = ", ".join(sorted(there ^ set(listed))[:5])
        raise LogBroken(f"the package and its manifest don't have the same files: {odd}")
    for name, said in listed.items():
        _require_member(opened, name, said)


def _require_member(opened: Any, name: str, said: object) -> None:
    """A file that is as the manifest says, read no further than it says. Raises LogBroken."""
    size, digest = (said.get("bytes"), said.get("sha256")) if isinstance(said, dict) else (None, None)
    if not isinstance(size, int) or not isinstance(digest, str):
        raise Malformed(f"the manifest doesn't say how long {name} is, or its digest")
    content, length = hashlib.sha256(), 0
    with opened.open(name) as member:
        while block := member.read(_BLOCK):
            length += len(block)
            if length > size:
                raise LogBroken(f"{name} is longer than the manifest says")
            content.update(block)
    if length != size or not archive.same(content.hexdigest(), digest):
        raise LogBroken(f"{name} isn't what the manifest says")


def _signers(seal: str, expected: str, known: Sequence[note.Verifier]) -> tuple[str, ...]:
    """The verifier keys whose signature the seal bears. Raises LogBroken without one, or for another text."""
    text = note.open_note(seal, known)
    if text != expected:
        raise LogBroken("the seal is of another manifest, or of another log")
    return tuple(one.vkey for one in known if _bears(seal, one))


def _bears(seal: str, verifier: note.Verifier) -> bool:
    try:
        note.open_note(seal, [verifier])
    except LogBroken:
        return False
    return True


def _read(opened: Any, name: str, most: int) -> bytes:
    with opened.open(name) as member:
        content = bytes(member.read(most + 1))
    if len(content) > most:
        raise Malformed(f"{name} is too large")
    return content


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _named(manifest: Mapping[str, Any]) -> list[note.Verifier]:
    """The keys that the package itself names. Raises Malformed."""
    keys = manifest.get("keys")
    try:
        return [note.Verifier.from_vkey(str(one)) for one in keys] if isinstance(keys, list) else []
    except Invalid:
        raise Malformed("the package names a key that is none") from None
