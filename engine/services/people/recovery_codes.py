"""Recovery codes: what stands in for a lost second factor, each once. Shown once, kept as hashes."""

from __future__ import annotations

import hashlib

from ...core import Core
from ...store import models, quick
from . import passwords

HOW_MANY = 10
_GROUPS = 3
"""15 characters, 74 random bits: a plain hash leaves nothing to guess."""


def make(user_id: str) -> list[str]:
    """New codes in place of all that were there, in the caller's transaction."""
    codes = [passwords.to_read_out(_GROUPS) for _ in range(HOW_MANY)]
    drop(user_id)
    rows = [{"user_id": user_id, "hash": _hash(user_id, code), "used_at": None} for code in codes]
    quick.insert_all(models.RecoveryCode, rows)
    return codes


def use(core: Core, user_id: str, code: str) -> bool:
    """Use a code up; False for one that isn't theirs, or was used: of two at once, one gets True."""
    row = models.RecoveryCode
    unused = (row.user_id == user_id) & (row.hash == _hash(user_id, code)) & row.used_at.is_null()
    return bool(row.update(used_at=core.clock()).where(unused).execute())


def left(user_id: str) -> int:
    """How many haven't been used."""
    row = models.RecoveryCode
    return int(row.select().where(row.user_id == user_id, row.used_at.is_null()).count())


def drop(user_id: str) -> None:
    """Take all of them away."""
    row = models.RecoveryCode
    row.delete().where(row.user_id == user_id).execute()


def _hash(user_id: str, code: str) -> str:
    return hashlib.sha256(user_id.encode() + b"\0" + passwords.read_out(code)).hexdigest()
