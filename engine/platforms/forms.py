"""Form bodies (``application/x-www-form-urlencoded``), as bytes and as PHP's nested keys.

The standard library's ``parse_qsl`` replaces what isn't UTF-8 and so would change bytes that were signed;
here a value stays exactly the bytes that were encoded.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from ..errors import Malformed

MAX_PAIRS = 1000
"""Fields of one form; an audience has at most 80 merge fields."""
MAX_KEY_DEPTH = 8
"""Brackets of one key; ``data[merges][GROUPINGS][0][name]`` has four."""

_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_BRACKET = re.compile(r"\[([^\[\]]*)\]")


def form_pairs(encoded: bytes) -> list[tuple[bytes, bytes]]:
    """Names and values in their order, ``+`` and ``%XX`` decoded. Raises Malformed for too many of them."""
    parts = encoded.split(b"&", MAX_PAIRS)
    if len(parts) > MAX_PAIRS:
        raise Malformed(f"the form has more than {MAX_PAIRS} fields")
    split = (part.partition(b"=") for part in parts if part)
    return [(_decode(name), _decode(value)) for name, _, value in split]


def _decode(part: bytes) -> bytes:
    return unquote_to_bytes(part.replace(b"+", b" "))


def nested_form(body: bytes) -> dict[str, object]:
    """``data[merges][EMAIL]=a`` as ``{"data": {"merges": {"EMAIL": "a"}}}``; of equal keys the last one wins.

    Raises Malformed for text that isn't UTF-8, keys that aren't PHP's, nesting past ``MAX_KEY_DEPTH``, and a
    key that is both a value and a parent.
    """
    root: dict[str, object] = {}
    for raw_key, raw_value in form_pairs(body):
        try:
            key, value = raw_key.decode("utf-8"), raw_value.decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed("the form is not UTF-8") from None
        _put(root, _path(key), value)
    return root


def _path(key: str) -> list[str]:
    match = _KEY.fullmatch(key)
    if match is None:
        raise Malformed("a form key is not name[part][part]")
    path = [match[1], *_BRACKET.findall(match[2])]
    if len(path) > MAX_KEY_DEPTH:
        raise Malformed(f"a form key is nested deeper than {MAX_KEY_DEPTH} levels")
    return path


def _put(root: dict[str, object], path: list[str], value: str) -> None:
    node = root
    for part in path[:-1]:
        child = node.setdefault(part or str(len(node)), {})
        if not isinstance(child, dict):
            raise Malformed("a form key is both a value and a parent")
        node = child
    last = path[-1] or str(len(node))
    if isinstance(node.get(last), dict):
        raise Malformed("a form key is both a value and a parent")
    node[last] = value
