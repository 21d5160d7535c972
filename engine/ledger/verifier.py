#!/usr/bin/env python3
"""Check a dxflow audit bundle on any machine: Python 3.11, its standard library, and pycryptodome.

    python verifier.py BUNDLE [--key VKEY]... [--checkpoint FILE] [--rpc URL] [--json]

This file stands alone on purpose. Copy it, read it, run it where the bundle's maker has no say: it shares no
code with dxflow, because a check that shared code with what it checks would share its faults. The bundle's
format is in docs/bundle.md. Exit codes: 0, everything holds; 1, something doesn't, and the first line says
FAILED; 2, wrong usage.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import re
import sys
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

try:
    from Crypto.Signature import eddsa
except ImportError:
    sys.exit("pycryptodome is needed: pip install pycryptodome")

FORMAT, SEAL, PROOF = "dxflow-audit-bundle", "dxflow-audit-bundle/v1", "c2sp.org/tlog-proof@v1"
SMALL, LINE, WIDTH = 64 << 20, 1 << 20, 256  # bytes read of a member, bytes of a line, entries in one member
ENDLESS = 1 << 62
ANCHOR = b"DXA1"  # what a transaction's data begin with; the root follows
KNOWN = (
    "manifest.json",
    "checkpoint",
    "keys.json",
    "checkpoints.jsonl",
    "receipts.jsonl",
    "installation.json",
)
DAMAGED = (
    KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError,
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError,
)  # fmt: skip
"""What Python raises over bytes that aren't what they should be."""


class Broken(Exception):
    """Something doesn't hold; the text says what, in plain words."""


def require(holds: object, otherwise: str) -> None:
    if not holds:
        raise Broken(otherwise)


def unbase64(text: str) -> bytes:
    data = base64.b64decode(text, validate=True)
    require(base64.b64encode(data).decode() == text, "base64 with spare bits")
    return data


# RFC 6962 section 2.1: the tree. Only the roots of complete subtrees are kept, so memory stays flat.


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


@dataclass
class Tree:
    """The roots of the complete subtrees, widest first."""

    size: int = 0
    nodes: list[bytes] = field(default_factory=list)

    def add(self, node: bytes, leaves: int = 1) -> None:
        """Add a complete subtree of so many leaves, a power of two that divides the size."""
        place = self.size // leaves
        while place & 1:
            node, place = node_hash(self.nodes.pop(), node), place >> 1
        self.nodes.append(node)
        self.size += leaves

    def add_all(self, hashes: list[bytes]) -> None:
        if len(hashes) == WIDTH and self.size % WIDTH == 0:
            while len(hashes) > 1:
                hashes = [node_hash(hashes[n], hashes[n + 1]) for n in range(0, len(hashes), 2)]
            self.add(hashes[0], WIDTH)
        else:
            for one in hashes:
                self.add(one)

    def root(self) -> bytes:
        if not self.nodes:
            return hashlib.sha256(b"").digest()
        root = self.nodes[-1]
        for node in reversed(self.nodes[:-1]):
            root = node_hash(node, root)
        return root


def included(data: bytes, index: int, size: int, proof: list[bytes], root: bytes, what: str) -> None:
    """RFC 9162 section 2.1.3.2."""
    require(0 <= index < size, f"{what}: there is no leaf {index} in a tree of {size}")
    node, last = leaf_hash(data), size - 1
    for sibling in proof:
        require(last > 0, f"{what}: the inclusion proof is too long")
        if index & 1 or index == last:
            node = node_hash(sibling, node)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        index, last = index >> 1, last >> 1
    require(last == 0 and node == root, f"{what}: the inclusion proof doesn't lead to the root")


def consistent(old: int, new: int, old_root: bytes, new_root: bytes, proof: list[bytes]) -> bool:
    """RFC 9162 section 2.1.4.2, for 0 < old <= new."""
    if old == new:
        return not proof and old_root == new_root
    path = proof if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    first, last = old - 1, new - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    a = b = path[0]
    for node in path[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            a, b = node_hash(node, a), node_hash(node, b)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            b = node_hash(b, node)
        first, last = first >> 1, last >> 1
    return last == 0 and a == old_root and b == new_root


# C2SP signed-note and tlog-checkpoint: who signed what.


@dataclass(frozen=True)
class Key:
    """An Ed25519 public key under a name: ``vkey`` is how C2SP signed-note writes it."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n\1" + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([1]) + self.public).decode()}"

    @classmethod
    def read(cls, vkey: str) -> Key:
        name, _, rest = vkey.strip().partition("+")
        encoded = unbase64(rest.partition("+")[2])
        key = cls(name, encoded[1:])
        require(
            encoded[:1] == b"\1" and len(key.public) == 32 and key.vkey == vkey.strip(),
            f"no verifier key: {vkey!r}",
        )
        return key

    def signed(self, text: str, signature: bytes) -> bool:
        try:
            eddsa.new(eddsa.import_public_key(self.public), "rfc8032").verify(text.encode(), signature)
        except ValueError:
            return False
        return True


def open_note(note: str, name: str, keys: set[bytes], what: str) -> tuple[str, set[bytes]]:
    """The note's text, and which of ``keys`` signed it under ``name``. A false signature spoils the note."""
    head, blank, tail = note.rpartition("\n\n")
    require(blank and tail.endswith("\n"), f"{what} isn't a signed note")
    text, by = head + "\n", set[bytes]()
    known = {Key(name, public).id: public for public in keys}
    for line in tail[:-1].split("\n"):
        mark, signer, encoded = [*line.split(" "), "", ""][:3]
        form = mark == "—" and signer and encoded and line.count(" ") == 2
        require(form, f"{what} has a malformed signature line")
        data = unbase64(encoded)
        if signer == name and data[:4] in known:
            public = known[data[:4]]
            require(Key(name, public).signed(text, data[4:]), f"{what} bears a false signature")
            by.add(public)
    return text, by


def read_checkpoint(text: str, what: str) -> tuple[str, int, bytes]:
    lines = text.split("\n")
    require(len(lines) >= 4 and re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1]), f"{what} isn't a checkpoint")
    root = unbase64(lines[2])
    require(len(root) == 32, f"{what} has no root hash")
    return lines[0], int(lines[1]), root


# The bundle: a ZIP file whose comment is a signed note over all bytes before it.


class Bundle:
    """An opened bundle: its members are all there and no others; each is as the manifest lists it."""

    def __init__(self, path: Path) -> None:
        self.seal, self.digest = read_seal(path)
        require(f"\n{self.digest}\n" in self.seal, "the bundle was changed after it was sealed")
        self.zip = zipfile.ZipFile(path)
        self.manifest: dict[str, Any] = json.loads(self._bytes("manifest.json", SMALL))
        version = (self.manifest["format"], self.manifest["version"])
        require(version == (FORMAT, 1), f"this verifier doesn't know {version[0]!r} version {version[1]!r}")
        self.size = int(self.manifest["size"])
        expected = {*KNOWN, *(entries_name(first, self.size) for first in range(0, self.size, WIDTH))}
        names = self.zip.namelist()
        expected |= {"anchor.json"} & set(names)  # bundles of before 0.2 have none
        require(len(names) == len(set(names)), "a member stands in the bundle twice")
        require(
            not expected - set(names),
            f"missing in the bundle: {', '.join(sorted(expected - set(names))[:5])}",
        )
        require(
            not set(names) - expected,
            f"no part of a bundle: {', '.join(sorted(set(names) - expected)[:5])}",
        )

    def __enter__(self) -> Bundle:
        return self

    def __exit__(self, *_: object) -> None:
        self.zip.close()

    def _bytes(self, name: str, limit: int) -> bytes:
        """Bounded, so that a small file can't unpack into a large memory."""
        with self.zip.open(name) as member:
            data = member.read(limit + 1)
        require(len(data) <= limit, f"{name} is longer than any such member may be")
        return data

    def read(self, name: str, limit: int = SMALL) -> bytes:
        """A whole member."""
        data = self._bytes(name, limit)
        self._listed(name, hashlib.sha256(data).hexdigest())
        return data

    def _listed(self, name: str, digest: str) -> None:
        same = self.manifest["members"][name]["sha256"] == digest
        require(same, f"{name} was changed: it isn't what the manifest lists")

    def document(self, name: str) -> Any:
        """What a JSON member says."""
        return json.loads(self.read(name))

    def lines(self, name: str) -> Iterator[dict[str, Any]]:
        """What a member of JSON lines says, line by line."""
        digest = hashlib.sha256()
        with self.zip.open(name) as member:
            while line := member.readline(LINE):
                require(line.endswith(b"\n"), f"{name} has a line without an end")
                digest.update(line)
                yield json.loads(line)
        self._listed(name, digest.hexdigest())

    def entries(self) -> Iterator[list[bytes]]:
        """All leaves, up to 256 at a time (C2SP tlog-tiles entry bundles: each after its 16-bit length)."""
        for first in range(0, self.size, WIDTH):
            name = entries_name(first, self.size)
            data, at, found = self.read(name, WIDTH * 65537), 0, list[bytes]()
            while at < len(data):
                end = at + 2 + int.from_bytes(data[at : at + 2], "big")
                found.append(data[at + 2 : end])
                at = end
            due = min(WIDTH, self.size - first)
            require(at == len(data) and len(found) == due, f"{name} holds {len(found)} entries, not {due}")
            yield found


def entries_name(first: int, size: int) -> str:
    """The member that holds the entries from ``first`` on."""
    *high, last = f"{first // WIDTH:,}".split(",")
    number = "".join(f"x{group:0>3}/" for group in high) + f"{last:0>3}"
    width = min(WIDTH, size - first)
    return f"tile/entries/{number}" + ("" if width == WIDTH else f".p/{width}")


def read_seal(path: Path) -> tuple[str, str]:
    """The archive's comment, and the SHA-256 of everything before it."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - 22 - 65535))
        tail = file.read()
        ends = [at for at in range(len(tail) - 21) if tail[at : at + 4] == b"PK\5\6"]
        whole = [
            at for at in ends if at + 22 + int.from_bytes(tail[at + 20 : at + 22], "little") == len(tail)
        ]
        require(len(whole) == 1, "the bundle is cut short or no bundle at all")
        comment = tail[whole[0] + 22 :]
        file.seek(0)
        digest, left = hashlib.sha256(), size - len(comment)
        while left:
            block = file.read(min(left, 1 << 20))
            require(block, "the bundle changed while it was read")
            digest.update(block)
            left -= len(block)
    require(comment, "the bundle has no seal")
    return comment.decode(), digest.hexdigest()


# What holds. Each check adds a sentence, or raises Broken with one.


@dataclass
class Report:
    """``holds`` are sentences that were checked, ``notes`` what they leave open."""

    holds: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class Head:
    """A signed checkpoint of the log; ``proof`` leads from it to the newest one."""

    note: str
    size: int
    root: bytes
    proof: list[bytes] = field(default_factory=list)

    name: str = ""

    @classmethod
    def read(cls, note: str, origins: dict[str, int], what: str, proof: list[str] | None = None) -> Head:
        """The head a note speaks of, if it is of this log: of its present epoch, or of an earlier one's entries
        that are still there."""
        name, size, root = read_checkpoint(note, what)
        require(name in origins, f"{what} is of another log: {name}")
        gone = size - origins[name]
        require(gone <= 0, f"{what} covers {gone:,} entries that went missing when a backup was put back")
        return cls(note, size, root, [bytes.fromhex(node) for node in proof or ()], name)


class Entries:
    """One pass over all entries: the tree, what was registered, which keys were added, roots on the way."""

    def __init__(self, method: str, wanted: set[int]) -> None:
        self.tree = Tree()
        self.roots: dict[int, bytes] = {}
        self.registered: set[str] = set()
        self.keys: dict[str, int] = {}
        self.epochs: dict[int, dict[str, Any]] = {}
        self.set_back = 0
        self._method = method
        self._wanted = sorted(wanted, reverse=True)
        self._last = ""

    def add(self, entries: list[bytes], receipts: Iterator[dict[str, Any]]) -> None:
        """The next entries, and the receipts from theirs on."""
        hashes = [leaf_hash(entry) for entry in entries]
        while self._wanted and self._wanted[-1] <= self.tree.size + len(hashes):
            part = Tree(self.tree.size, list(self.tree.nodes))
            part.add_all(hashes[: self._wanted[-1] - part.size])
            self.roots[self._wanted.pop()] = part.root()
        for index, entry in enumerate(entries, self.tree.size):
            leaf = json.loads(entry)
            if leaf["seq"] != index:
                raise Broken(
                    f"entry {index} says it is entry {leaf['seq']}: dropped, doubled or out of order"
                )
            if leaf["v"] != 1:
                raise Broken(f"entry {index} is of version {leaf['v']}, which this verifier doesn't know")
            self.set_back += leaf["ts"] < self._last
            self._last = leaf["ts"]
            if leaf["kind"] == "activity.registered":
                self._register(index, leaf["activity"], next(receipts, {}))
            elif leaf["kind"] == "log_key.added":
                self.keys.setdefault(leaf["key"], index)
            elif leaf["kind"] == "log.epoch_opened":
                self.epochs[index] = leaf
        self.tree.add_all(hashes)

    def _register(self, index: int, did: str, receipt: dict[str, Any]) -> None:
        said = (receipt.get("index"), receipt.get("did"))
        require(said == (index, did), f"entry {index} registers {did}, and no receipt says so")
        require(did_of(receipt, self._method) == did, f"entry {index}: {did} isn't the DID of its activity")
        require(did not in self.registered, f"entry {index} registers {did} a second time")
        self.registered.add(did)


def did_of(receipt: dict[str, Any], method: str) -> str:
    """SHA3-256 of the activity's UUID, in its 36 lower-case characters."""
    return f"did:{method}:{hashlib.sha3_256(receipt['activity_id'].encode()).hexdigest()}"


class Check:
    """Everything about one bundle. ``given`` are keys to trust, ``kept`` an older checkpoint of one's own."""

    def __init__(
        self, bundle: Bundle, given: list[Key], kept: str | None, chain: Chain | None = None
    ) -> None:
        self.bundle, self.given, self.report, self.chain = bundle, given, Report(), chain
        self.did, self.origin = str(bundle.manifest["did"]), str(bundle.manifest["origin"])
        self.method = self.did.split(":")[1]
        self.table = bundle.document("keys.json")
        self.listed = [Key.read(row["vkey"]) for row in self.table["keys"]]
        self.first = {Key.read(row["vkey"]).public for row in self.table["keys"] if row["index"] is None}
        self.epochs: list[dict[str, Any]] = self.table.get("epochs", [])
        self.origins = self._origins()
        self.head = Head.read(bundle.read("checkpoint").decode(), {self.origin: ENDLESS}, "the checkpoint")
        said = (bundle.size, bundle.manifest["root"])
        require(said == (self.head.size, self.head.root.hex()), "manifest and checkpoint speak of two trees")
        require(
            re.fullmatch(rf".*/log/{re.escape(self.did)}(/epoch/[0-9]+)?", self.origin),
            "the log isn't that of this DID",
        )
        self.earlier = [
            Head.read(row["checkpoint"], self.origins, "an earlier checkpoint", row["consistency"])
            for row in bundle.lines("checkpoints.jsonl")
        ]
        self.kept = Head.read(kept, self.origins, "your checkpoint") if kept is not None else None

    def run(self, tell: Callable[[int], None]) -> Report:
        """All checks, in the order in which one relies on another."""
        self._not_rolled_back()
        self._entries(tell)
        self._epochs()
        self._one_history()
        self._signatures()
        self._receipts_elsewhere()
        self._installation()
        self._anchor()
        return self.report

    def _not_rolled_back(self) -> None:
        for head, whose in [*((one, "an earlier") for one in self.earlier), (self.kept, "your")]:
            gone = head.size - self.head.size if head else 0
            require(gone <= 0, f"rolled back: {gone:,} entries that {whose} checkpoint covers are gone")

    def _entries(self, tell: Callable[[int], None]) -> None:
        heads = [*self.earlier, *([self.kept] if self.kept else [])]
        covered = self._covered_sizes()
        self.found = found = Entries(self.method, covered | {head.size for head in heads})
        receipts = (row for row in self.bundle.lines("receipts.jsonl") if not row["origin"])
        for entries in self.bundle.entries():
            found.add(entries, receipts)
            tell(len(entries))
        require(next(receipts, None) is None, "a receipt points at an entry that registers nothing")
        root = found.tree.root()
        require(root == self.head.root, "the entries don't give the signed root: at least one was changed")
        found.roots[self.head.size] = root
        self._holds(f"{found.tree.size:,} entries: none missing, changed, added or out of order")
        self._holds(
            f"{len(found.registered):,} processing activities registered here, each once, under its DID"
        )
        if found.set_back:
            self._note(f"{found.set_back:,} entries have an earlier time than the one before them")

    def _origins(self) -> dict[str, int]:
        """Under which origins this log was signed, and how many entries of each are still there."""
        found = {self.origin: ENDLESS}
        for row in self.epochs:
            for one in (row["previous"]["origin"], row["published"]["origin"]):
                found[one] = min(found.get(one, row["previous"]["size"]), row["previous"]["size"])
        require(found[self.origin] == ENDLESS, "the log's last epoch is over")
        return found

    def _epochs(self) -> None:
        """Each epoch is what its first entry says, and no entry speaks of another."""
        for row in self.epochs:
            leaf = self.found.epochs.pop(row["previous"]["size"], {})
            require(row == {name: leaf.get(name) for name in row}, f"no entry opened epoch {row['epoch']}")
            begin, end = row["previous"]["size"], row["published"]["size"]
            self._note(
                f"epoch {row['epoch']}: a backup was put back; entries {begin:,} to {end - 1:,} of "
                f"{row['published']['origin']} went missing: ask whoever kept them"
            )
        require(not self.found.epochs, "an entry opens an epoch that isn't listed")
        last = self.epochs[-1]["origin"] if self.epochs else self.origin
        require(last == self.origin, "the log's origin isn't that of its last epoch")
        require(self.epochs or "/epoch/" not in self.origin, "the log is a later epoch, and none is listed")

    def _covered_sizes(self) -> set[int]:
        """Sizes of this log that the installation's commits to."""
        rows = [self.bundle.document("installation.json"), (self._anchored() or {}).get("installation")]
        return {size for row in rows if row and 0 < (size := int(row["payload"]["size"])) <= self.bundle.size}

    def _anchored(self) -> dict[str, Any] | None:
        there = "anchor.json" in self.bundle.manifest["members"]
        found: dict[str, Any] | None = self.bundle.document("anchor.json") if there else None
        return found

    def _one_history(self) -> None:
        for head in self.earlier:
            self._begins_with(head, "an earlier")
            holds = not head.size or consistent(
                head.size, self.head.size, head.root, self.head.root, head.proof
            )
            require(holds, f"the consistency proof from {head.size:,} entries doesn't hold")
        if self.earlier:
            oldest = min(head.size for head in self.earlier)
            number = f"{len(self.earlier):,} earlier checkpoint{'s' * (len(self.earlier) > 1)}"
            self._holds(f"{number}, from {oldest:,} entries on: the log only grew")
        if self.kept:
            self._begins_with(self.kept, "your")
            self._holds(f"your own checkpoint of {self.kept.size:,} entries is the beginning of this log")

    def _begins_with(self, head: Head, whose: str) -> None:
        same = self.found.roots[head.size] == head.root
        require(
            same, f"forked: {whose} checkpoint of {head.size:,} entries has another root than the entries"
        )

    def _signatures(self) -> None:
        """Trust the keys given, or those the log began with; then each one that a trusted key vouches for."""
        self.trusted = {key.public for key in self.given} or set(self.first)
        self.known = self.trusted | {key.public for key in self.listed}
        self.signers = {
            head.size: open_note(head.note, head.name, self.known, "a checkpoint")[1]
            for head in [*self.earlier, self.head]
        }
        while more := {key.public for key in self.listed if self._vouched(key)} - self.trusted:
            self.trusted |= more
        who = self.signers[self.head.size] & self.trusted
        require(
            who,
            "the checkpoint isn't signed by a key you trust: a foreign key, and no trusted one vouches for it",
        )
        if self.kept:
            by = open_note(self.kept.note, self.kept.name, self.known, "your checkpoint")[1]
            require(by & self.trusted, "your checkpoint isn't signed by a key of this log")
        self._sealed()
        self._holds(
            "the checkpoint is signed by a key "
            + ("you gave" if self.given else "of the bundle's own list")
            + (", or by one it vouches for" if len(self.trusted) > 1 else "")
        )
        if not self.given:
            self._note(
                "the keys came with the bundle: compare them with the log's DID document, then use --key"
            )
            for key in self.listed:
                self._note(f"key: {key.vkey}")

    def _vouched(self, key: Key) -> bool:
        """Whether a trusted key signed a tree with the leaf that added this one."""
        index = self.found.keys.get(key.public.hex())
        return index is not None and any(
            size > index and by & self.trusted for size, by in self.signers.items()
        )

    def _sealed(self) -> None:
        text, by = open_note(self.bundle.seal, self.origin, self.known, "the seal")
        require(by & self.trusted, "the seal isn't signed by a key you trust")
        require(
            text == f"{SEAL}\n{self.origin}\n{self.bundle.digest}\n", "the seal is that of another bundle"
        )
        lines = self.bundle.seal.rpartition("\n\n")[2].count("\n")
        require(lines == len(by), "the seal bears a signature of an unknown key")

    def _receipts_elsewhere(self) -> None:
        agents = {
            row["origin"]: {Key.read(vkey).public for vkey in row["vkeys"]} for row in self.table["agents"]
        }
        count = 0
        for row in self.bundle.lines("receipts.jsonl"):
            if row["origin"]:
                leaf = check_proof(row["proof"], row["origin"], agents.get(row["origin"], set()))
                same = leaf.get("activity") == row["did"] == did_of(row, self.method)
                require(same, f"the proof of {row['did']} is of another activity")
                count += 1
        if count:
            self._holds(
                f"{count:,} processing activities registered in the log of a dx-agent, each with its proof"
            )

    def _installation(self) -> None:
        row = self.bundle.document("installation.json")
        if row is None:
            self._note("the installation's log didn't cover this one when the bundle was made")
            return
        said, _ = self._covered(row, "the installation's log", self.trusted)
        self._holds(f"the installation's root over all its tenants covers the first {said['size']:,} entries")

    def _covered(self, row: dict[str, Any], what: str, keys: set[bytes]) -> tuple[dict[str, Any], bytes]:
        """What a leaf of the installation's log commits to, a checkpoint of this log, and the root over it,
        signed by one of ``keys``."""
        name, size, root = read_checkpoint(row["checkpoint"], what)
        require(open_note(row["checkpoint"], name, self.known, what)[1] & keys, f"{what} has another key")
        said, leaf = row["payload"], json.loads(row["leaf"])
        payload = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        commitment = hmac.digest(bytes.fromhex(row["salt"]), payload, "sha256").hex()
        require(leaf["commitment"] == commitment, f"{what} doesn't commit to this log's checkpoint")
        covered = self.found.roots.get(said["size"], b"").hex()
        ours = said["size"] <= self.origins.get(said["origin"], -1)
        require(ours and said["root"] == covered, f"{what} commits to another tree")
        proof = [bytes.fromhex(node) for node in row["inclusion"]]
        included(row["leaf"].encode(), row["index"], size, proof, root, what)
        return said, root

    def _anchor(self) -> None:
        """The installation's root in a transaction, which a chain shows to whoever asks one of its nodes."""
        row = self._anchored()
        if row is None:
            self._note("no root of this installation that covers this log was anchored on a chain")
            require(self.chain is None, "there is no anchor to look up on a chain")
            return
        # By whichever key it was signed then, retired since perhaps: the chain vouches for the root.
        said, root = self._covered(row["installation"], "the anchored log", self.known)
        require(root.hex() == row["root"], "the anchor is of another root than the checkpoint beside it")
        where = f"transaction {row['tx']} of chain {row['chain_id']}"
        if self.chain is None:
            self._note(f"{where} is said to hold the root over the first {said['size']:,} entries: use --rpc")
        else:
            since = self.chain.holds(row, ANCHOR + root)
            self._holds(f"{where} holds the root over the first {said['size']:,} entries, {since}")

    def _holds(self, sentence: str) -> None:
        self.report.holds.append(sentence)

    def _note(self, sentence: str) -> None:
        self.report.notes.append(sentence)


@dataclass
class Chain:
    """A node of a chain (JSON-RPC), whom to ask is the auditor's choice: it is believed. ``enough`` blocks must
    stand on the anchor's, that one included."""

    url: str
    enough: int = 1

    def holds(self, anchor: dict[str, Any], data: bytes) -> str:
        """Since when the chain has these data in the anchor's transaction, in words. Raises Broken."""
        chain = int(str(self.ask("eth_chainId")), 16)
        require(
            chain == anchor["chain_id"], f"the node is of chain {chain}, the anchor of {anchor['chain_id']}"
        )
        sent = self.ask("eth_getTransactionByHash", anchor["tx"])
        receipt = self.ask("eth_getTransactionReceipt", anchor["tx"])
        require(sent and receipt, "the chain doesn't have the anchor's transaction")
        require(sent["hash"].lower() == anchor["tx"].lower(), "the node answers with another transaction")
        require(sent["input"].lower() == "0x" + data.hex(), "the transaction holds another root")
        require(receipt["status"] == "0x1", "the transaction failed")
        number = int(receipt["blockNumber"], 16)
        block = self.ask("eth_getBlockByNumber", hex(number), False)
        same = block and block["hash"] == receipt["blockHash"] == sent["blockHash"]
        require(same, "the transaction's block isn't part of the chain any more")
        deep = int(str(self.ask("eth_blockNumber")), 16) - number + 1
        require(deep >= self.enough, f"only {deep:,} of {self.enough:,} confirmations so far")
        when = datetime.fromtimestamp(int(block["timestamp"], 16), UTC)
        return f"in block {number:,} of {when:%Y-%m-%d %H:%M:%S} UTC, {deep:,} deep"

    def ask(self, method: str, *given: object) -> Any:
        """The node's answer. Raises Broken where it has none."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": given}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})  # noqa: S310  # the auditor names the node
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # the auditor names the node
                found = json.loads(answer.read(SMALL))
        except (OSError, ValueError) as error:
            raise Broken(f"the chain's node doesn't answer ({type(error).__name__})") from None
        require(isinstance(found, dict) and "result" in found, f"the chain's node refuses {method}")
        return found["result"]


def check_proof(text: str, origin: str, keys: set[bytes]) -> dict[str, Any]:
    """A C2SP tlog-proof whose extra data is the leaf itself: returns what the leaf says."""
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    form = lines[0] == PROOF and len(lines) > 2 and lines[1].startswith("extra ")
    require(form and re.fullmatch(r"index (0|[1-9][0-9]*)", lines[2]), "not a tlog-proof with its leaf")
    leaf, index = unbase64(lines[1][6:]), int(lines[2][6:])
    body, by = open_note(note, origin, keys, "the proof's checkpoint")
    require(by, f"the proof's checkpoint isn't signed by a known key of {origin}")
    name, size, root = read_checkpoint(body, "the proof's checkpoint")
    require(name == origin, "the proof is of another log")
    included(leaf, index, size, [unbase64(line) for line in lines[3:]], root, "the proof")
    found: dict[str, Any] = json.loads(leaf)
    return found


def check_alone(text: str, keys: list[Key]) -> Report:
    """A single proof, as somebody may have been sent it."""
    require(keys, "a single proof needs --key: the verifier key of its log")
    leaf = check_proof(text, keys[0].name, {key.public for key in keys if key.name == keys[0].name})
    what = leaf.get("activity") or leaf["kind"]
    note = "the rest of the log, and what was in it before: a bundle shows that"
    return Report([f"{what} is entry {leaf['seq']:,} of {keys[0].name}, recorded at {leaf['ts']}"], [note])


def check(
    path: Path,
    keys: list[Key],
    kept: str | None = None,
    tell: Callable[[int], None] = lambda _: None,
    chain: Chain | None = None,
) -> Report:
    """Check a bundle or a proof; ``tell`` hears of entries as they are read. Raises Broken, OSError."""
    try:
        with path.open("rb") as file:
            alone = file.read(len(PROOF)) == PROOF.encode()
        if alone:
            return check_alone(path.read_text(encoding="utf-8"), keys)
        with Bundle(path) as bundle:
            report = Check(bundle, keys, kept, chain).run(tell)
    except DAMAGED as error:
        raise Broken(f"something in it is malformed ({type(error).__name__}: {error})") from None
    report.notes.append("a second history under the same key: only a checkpoint kept elsewhere shows that")
    return report


def main(arguments: list[str] | None = None) -> int:
    """Run from a command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Check a dxflow audit bundle, or a single tlog-proof.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--key", action="append", default=[], metavar="VKEY", help="trust this verifier key")
    parser.add_argument("--checkpoint", type=Path, metavar="FILE", help="the log must begin with this one")
    parser.add_argument("--rpc", metavar="URL", help="ask this node of the chain for the anchor")
    parser.add_argument("--confirmations", type=int, default=1, metavar="N", help="how deep it must be")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    problem, report = "", Report()
    try:
        keys = [Key.read(vkey) for vkey in given.key]
        kept = given.checkpoint.read_text(encoding="utf-8") if given.checkpoint else None
        chain = Chain(given.rpc, given.confirmations) if given.rpc else None
        report = check(given.bundle, keys, kept, chain=chain)
    except OSError as error:
        parser.error(f"{error.filename}: {error.strerror}")
    except Broken as error:
        problem = str(error)
    if given.json:
        print(json.dumps({"ok": not problem, "problem": problem or None, **vars(report)}))
    elif problem:
        print(f"FAILED\n  {problem}\nDon't rely on anything in this bundle.")
    else:
        print("\n  ".join(["HOLDS", *report.holds]))
        print("\n  ".join(["What this can't show, and what to look at", *report.notes]))
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
