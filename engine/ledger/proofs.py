"""The proof of one entry as a text that stands alone (C2SP tlog-proof@v1).

    c2sp.org/tlog-proof@v1
    extra <base64 of the leaf>
    index <number>
    <base64 of a hash>, one per line, from the leaf's sibling up
    (an empty line)
    <the signed checkpoint>

The format leaves open what ``extra`` holds and who vouches for it: here it is the leaf's own bytes, which the
proof itself covers. So the text and the log's verifier key are all it takes.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import LogBroken
from . import merkle, note

HEADER = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Proof:
    """One leaf, where it stands, and how it leads to the root of a signed checkpoint."""

    leaf: bytes
    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str

    def text(self) -> str:
        """The proof as it goes out; its file ends in ``.tlog-proof``."""
        hashes = "".join(f"{_base64(one)}\n" for one in self.hashes)
        return f"{HEADER}\nextra {_base64(self.leaf)}\nindex {self.index}\n{hashes}\n{self.checkpoint}"

    def verify(self, verifiers: Sequence[note.Verifier]) -> note.Checkpoint:
        """The checkpoint that one of ``verifiers`` signed and whose tree has the leaf. Raises LogBroken."""
        checkpoint = note.open_checkpoint(self.checkpoint, verifiers)
        leaf_hash = merkle.leaf_hash(self.leaf)
        merkle.verify_inclusion(leaf_hash, self.index, checkpoint.size, self.hashes, checkpoint.root)
        return checkpoint


def parse(text: str) -> Proof:
    """Read what ``Proof.text`` wrote; nothing is verified yet. Raises LogBroken for anything else."""
    head, blank, checkpoint = text.partition("\n\n")
    header, *lines = head.split("\n")
    if not blank or header != HEADER or len(lines) < 2 or not lines[0].startswith("extra "):
        raise LogBroken("not a tlog-proof with its leaf")
    index = _INDEX.fullmatch(lines[1])
    if index is None:
        raise LogBroken("a tlog-proof has no index")
    leaf = _from_base64(lines[0].removeprefix("extra "))
    hashes = tuple(_from_base64(line) for line in lines[2:])
    return Proof(leaf, int(index[1]), hashes, checkpoint)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _from_base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        data = b""
    if not data or _base64(data) != text:
        raise LogBroken("a tlog-proof holds no base64 where it should")
    return data
