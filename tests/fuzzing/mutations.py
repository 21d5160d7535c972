"""Inputs that are nearly right: samples, spliced and bent where parsers look."""

from __future__ import annotations

import random
from collections.abc import Sequence

WORDS = (
    *(b"\x00", b"\xff", b"\xc0\xae", b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"%00", b"%2e%2e%2f", b"%zz"),
    *(
        b"\xef\xbb\xbf",
        "\u202e\u200b\u2066".encode(),
        "٣".encode(),
        "İ".encode(),
        b"\x1b[2J",
        b"\r\n",
        b"\x85",
    ),
    *(
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"9" * 400,
        b"-0",
        b"0x10",
        b"1_000",
        b"null",
        b"true",
        b'""',
        b"{}",
        b"[]",
    ),
    *(
        b"[" * 200,
        b'{"a":' * 80,
        b"{",
        b"}",
        b'"',
        b":",
        b",",
        b"=",
        b"&",
        b";",
        b"[",
        b"]",
        b" ",
        b"\t",
        b"\n",
    ),
    *(b"2026-02-30T25:61:61Z", b"0001-01-01T00:00:00+14:00", b"9999-12-31T23:59:59-14:00", b"+14:00"),
    *(
        b"/",
        b"..",
        b"//",
        b"\\",
        b"?",
        b"#",
        b"@",
        b"+",
        b"*",
        b"\x1f",
        b"did:dep:",
        b"Bearer ",
        b"sha-256=:",
    ),
    *(b"919108f7-52d1-4320-9bac-f847db4148a8", b"99999999999999999999", b"-1", b"18446744073709551616"),
)


def bent(chance: random.Random, samples: Sequence[bytes]) -> bytes:
    """One input, from one sample or two."""
    made = bytearray(chance.choice(samples))
    for _ in range(chance.choice((0, 1, 1, 2, 3, 6))):
        at = chance.randrange(len(made) + 1)
        until = min(len(made), at + chance.choice((1, 1, 2, 4, 16, 64)))
        match chance.randrange(7):
            case 0:
                made[at:at] = chance.choice(WORDS)
            case 1:
                made[at:until] = chance.choice(WORDS)
            case 2:
                del made[at:until]
            case 3:
                made[at:at] = made[at:until] * chance.choice((1, 2, 50))
            case 4:
                made[at:until] = chance.randbytes(until - at)
            case 5 if at < len(made):
                made[at] ^= 1 << chance.randrange(8)
            case _:
                other = chance.choice(samples)
                start = chance.randrange(len(other) + 1)
                made[at:until] = other[start : start + chance.choice((1, 8, 40))]
    return bytes(made)
