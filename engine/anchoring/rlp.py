"""RLP, how Ethereum writes nested lists of bytes (Yellow Paper, appendix B). Writing alone: we read none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

Item: TypeAlias = "bytes | int | Sequence[Item]"

_SHORT = 55
"""Bytes of a payload whose length fits into its first byte."""
_STRING, _LIST = 0x80, 0xC0


def encode(item: Item) -> bytes:
    """The one encoding of bytes, of a number (big-endian without leading zeros; 0 is empty), or of a list.

    Raises ValueError for a negative number.
    """
    if isinstance(item, bytes):
        return item if len(item) == 1 and item[0] < _STRING else _headed(_STRING, item)
    if isinstance(item, int):
        if item < 0:
            raise ValueError("RLP has no negative numbers")
        return encode(item.to_bytes((item.bit_length() + 7) // 8, "big"))
    return _headed(_LIST, b"".join(encode(one) for one in item))


def _headed(kind: int, payload: bytes) -> bytes:
    if len(payload) <= _SHORT:
        return bytes([kind + len(payload)]) + payload
    length = len(payload).to_bytes((len(payload).bit_length() + 7) // 8, "big")
    return bytes([kind + _SHORT + len(length)]) + length + payload
