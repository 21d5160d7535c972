"""Passwords: argon2id hashes (RFC 9106), one-time passwords fit to be read out, and what a chosen one must be.

A check takes the same time whether or not there was a hash to check against: without one it runs against a
hash that nothing matches.
"""

from __future__ import annotations

import functools
import re
import secrets
import unicodedata

import argon2

from ...errors import Invalid

MIN_LENGTH = 12
MAX_LENGTH = 256
_FEWEST_DIFFERENT = 5
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # no i, l, o, 0, 1: nobody mistakes one for another
_GROUPS, _GROUP_LENGTH = 4, 5  # 20 of 31 characters: 99 bits

_hasher = argon2.PasswordHasher()


def one_time() -> str:
    """A fresh one-time password: ``k7mwq-3xfpa-ud9eh-2ctzn``."""
    return to_read_out(_GROUPS)


def to_read_out(groups: int) -> str:
    """Random groups of 5 characters (25 bits each) that nobody mistakes for one another."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(groups))


def read_out(text: str) -> bytes:
    """What was meant by something read out or copied: case, spaces and hyphens don't matter."""
    return re.sub(r"[\s-]", "", text).lower().encode("utf-8", "surrogatepass")


def hash_one_time(password: str) -> str:
    """The hash to keep of a one-time password; case, spaces and hyphens don't matter in it."""
    return _hasher.hash(read_out(password))


def hash_chosen(password: str) -> str:
    """The hash to keep of a password its owner chose."""
    return _hasher.hash(_composed(password))


def matches(password: str, *, chosen: str | None, one_time: str | None) -> bool:
    """Check against the hash of the chosen password, or else of the one-time one; always one verification."""
    if chosen is None and one_time is not None:
        return _verified(one_time, read_out(password))
    return _verified(chosen or _unmatched(), _composed(password))


def check(password: str, email: str) -> None:
    """Refuse what is too short, too long, too uniform or the user's own address. Raises Invalid."""
    text = unicodedata.normalize("NFKC", password)
    if not MIN_LENGTH <= len(text) <= MAX_LENGTH:
        raise Invalid("password", f"must have {MIN_LENGTH} to {MAX_LENGTH} characters")
    if text.casefold().strip() == email.casefold():
        raise Invalid("password", "must not be your e-mail address")
    if len(set(text)) < _FEWEST_DIFFERENT:
        raise Invalid("password", f"must have at least {_FEWEST_DIFFERENT} different characters")


def _verified(stored: str, given: bytes) -> bool:
    _unmatched()  # made once per process, by whoever comes first: its making must tell nothing either
    try:
        return _hasher.verify(stored, given)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


@functools.cache
def _unmatched() -> str:
    return _hasher.hash(secrets.token_bytes(32))


def _composed(password: str) -> bytes:
    """One spelling for what different keyboards compose differently (NIST SP 800-63B section 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
