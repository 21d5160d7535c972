"""Leaves of the log: canonical JSON (RFC 8785) and salted commitments, so that a leaf names nobody.

A leaf is readable by anyone who audits the log, for ever. What may have to be forgotten stays out of it: the
leaf carries ``commit(salt, payload)``, and payload and salt live in ordinary tables. Deleting them leaves the
tree whole and the commitment meaningless; without the salt not even the right payload can be confirmed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

import rfc8785

from ..errors import Invalid

LEAF_VERSION = 1
"""Stands under ``v`` in every leaf; raised when the meaning or the set of its members changes."""

SALT_BYTES = 32

LEAF_BYTES = 65_535
"""A leaf has no more: a C2SP entry bundle gives each leaf's length in 16 bits (tlog-tiles, "Log entries")."""

MEMBER_BYTES = 4_096
"""What one member of a leaf's body may take: more is said by its hash (``bounded``)."""

_MAX_INTEGER = 2**53 - 1

_INNER, _OUTER = (bytes(octet ^ pad for octet in range(256)) for pad in (0x36, 0x5C))
_INNER_PAD, _OUTER_PAD = (bytes([pad]) * (64 - SALT_BYTES) for pad in (0x36, 0x5C))


def encode(leaf: Mapping[str, Any]) -> bytes:
    """The leaf's RFC 8785 bytes, which the tree hashes.

    Raises Invalid for what ``canonical`` refuses, and for a leaf of more than ``LEAF_BYTES``.
    """
    data = canonical(leaf)
    if len(data) > LEAF_BYTES:
        raise Invalid("leaf", f"{len(data):,} bytes; a leaf may have {LEAF_BYTES:,}")
    return data


def encode_bounded(leaf: Mapping[str, Any]) -> bytes:
    """Like ``encode``, with every member beyond ``MEMBER_BYTES`` as ``bounded`` says it."""
    data = canonical(leaf)
    return data if len(data) <= MEMBER_BYTES else encode({name: bounded(part) for name, part in leaf.items()})


def bounded(member: Any) -> Any:
    """The member, or ``{"bytes": length, "sha256": hex}`` of its RFC 8785 bytes where it has too many.

    Members are named by the code, so there are few; what they say may come from a platform or a person. So
    bounded, no text of theirs makes a leaf that the log must refuse, and with it the batch it came in.
    """
    data = _text(member).encode("utf-8")
    if len(data) <= MEMBER_BYTES:
        return member
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def canonical(value: Mapping[str, Any]) -> bytes:
    """RFC 8785 bytes of an object of any length whose members are named by the code.

    Raises Invalid for what JSON can't say exactly: NaN, integers beyond 2^53 - 1, lone surrogates, other
    types than JSON's; and for what is nested too deeply.
    """
    try:
        return _object(value, _known_layout(tuple(value))).encode("utf-8")
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as fault:
        # The library quotes the value at fault, which may be somebody's: only the kind of fault goes on.
        raise Invalid("leaf", f"no canonical JSON ({type(fault).__name__})") from None


def _text(value: Any) -> str:
    """What leaves mostly are made of is written here, ten times as fast; ``rfc8785`` writes the rest."""
    kind = type(value)
    if kind is str:
        return encode_basestring(value)
    if kind is int and -_MAX_INTEGER <= value <= _MAX_INTEGER:
        return str(value)
    if kind is list:
        return f"[{','.join(map(_text, value))}]"
    return _object(value, _layout(tuple(value))) if kind is dict else rfc8785.dumps(value).decode("utf-8")


def _object(value: Mapping[str, Any], layout: tuple[str, Sequence[str]]) -> str:
    template, names = layout
    parts = map(value.__getitem__, names)
    # Most are texts; to ask first saves a call each, here where appending spends most of its own time.
    return template % tuple([encode_basestring(p) if type(p) is str else _text(p) for p in parts])


def _layout(names: tuple[str, ...]) -> tuple[str, Sequence[str]]:
    """An object with places for its members, and their names in order: that of their UTF-16 code units."""
    if not all(isinstance(name, str) for name in names):
        raise rfc8785.CanonicalizationError("a name must be a text")
    ordered = sorted(names, key=lambda name: name.encode("utf-16-be"))
    members = [encode_basestring(name).replace("%", "%%") + ":%s" for name in ordered]
    return f"{{{','.join(members)}}}", ordered


_known_layout = lru_cache(maxsize=1024)(_layout)
"""Leaves of one kind have the same names. Names within a member may be anybody's, and aren't remembered."""


def commit(salt: bytes, payload: Mapping[str, Any]) -> str:
    """HMAC-SHA256(salt, RFC 8785 bytes of ``payload``) in hex; the salt is 32 fresh random bytes per leaf."""
    if len(salt) != SALT_BYTES:
        raise ValueError("a salt has 32 bytes")
    # RFC 2104 in two calls of the hash: half the time of ``hmac.digest``, which looks both up anew.
    inner = hashlib.sha256(salt.translate(_INNER) + _INNER_PAD + canonical(payload)).digest()
    return hashlib.sha256(salt.translate(_OUTER) + _OUTER_PAD + inner).hexdigest()
