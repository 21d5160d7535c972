"""A checkpoint that somebody kept, held against a log as it stands: what a browser does by itself
(static/verify.js), done here for one without scripts.

``evidence`` is what either works with. The order of the steps is theirs too: read the note, find the key, check
the signature, check the log's own checkpoint, compare the sizes, and only then prove. The first that fails is
the verdict, so that none is about something which wasn't established.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ...core import Core
from ...errors import Invalid, LogBroken
from ...ledger import epochs, merkle, note, tiles
from ...ledger.log import StoredTiles
from ...store import models

MOST_INDEX = 2**53 - 1
"""The largest size or index that a browser counts exactly."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its ``code``, whether it held, and what it says, for the words that tell of it."""

    code: str
    held: bool
    said: Mapping[str, object]


@dataclass(slots=True)
class Checked:
    """Steps in order, what came of them, and the figures that the verdict names."""

    verdict: str = ""
    said: dict[str, object] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)


class _Ended(Exception):
    """A step came to a verdict."""


def evidence(core: Core, tenant_id: str, old: int | None = None, index: int | None = None) -> dict[str, Any]:
    """What it takes to check the log from outside, all of one moment:
    ``{"origin", "size", "checkpoint", "logs", "gaps", "consistency", "inclusion"}``.

    ``logs`` names for each origin the log ever had its verifier keys; ``gaps`` what each later epoch says is
    missing. ``consistency`` leads from the first ``old`` entries, whose ``root`` it names, ``inclusion`` from
    the leaf ``index``; each is None where nothing was asked for or the log has no such size or entry. Hashes
    are hex.
    """
    head = core.log.head(tenant_id)
    size = int(head.size)
    found: dict[str, Any] = {"consistency": None, "inclusion": None}
    if old is not None and 0 < old <= size:
        root = tiles.root(StoredTiles(tenant_id), old).hex()
        hashes = _hex(core.log.consistency(tenant_id, old, size))
        found["consistency"] = {"root": root, "hashes": hashes}
    if index is not None and 0 <= index < size:
        leaf = core.log.entry(tenant_id, index).leaf
        hashes = _hex(core.log.inclusion(tenant_id, index, size))
        found["inclusion"] = {"index": index, "leaf": leaf, "hashes": hashes}
    return {
        "origin": head.origin,
        "size": size,
        "checkpoint": head.checkpoint,
        "logs": [{"origin": one, "keys": _keys(core, one)} for one in epochs.origins(head)],
        "gaps": [_gap(row) for row in epochs.rows(tenant_id)],
        **found,
    }


def check(core: Core, tenant_id: str, text: str, index: int | None = None, vkey: str = "") -> Checked:
    """Hold a pasted note against the log, and prove an entry where one is named. ``vkey`` is a verifier key
    that the visitor brings; without one, the keys that the log names itself are trusted."""
    run = _Run(core, tenant_id, text, index, vkey)
    with suppress(_Ended):
        run.all()
    return run.checked


def tidy(text: str) -> str:
    """A pasted note as it was signed: pasting changes ends of lines, and drops or adds empty ones around."""
    return text.replace("\r\n", "\n").strip("\n \t") + "\n"


@dataclass(slots=True)
class _Run:
    core: Core
    tenant_id: str
    text: str
    index: int | None
    vkey: str
    checked: Checked = field(default_factory=Checked)

    def all(self) -> None:
        """Every step; raises _Ended at the first that comes to a verdict."""
        kept = self._read()
        found = evidence(self.core, self.tenant_id, kept.size, self.index)
        trusted = self._trusted(found, kept.origin)
        self._signature(trusted)
        now = self._current(found)
        self._gap(found, kept, now)
        self._grown(found, kept, now)
        if self.index is not None:
            self._included(found, now)
        same = "same" if kept.size == now.size else "holds"
        self._end("empty" if kept.size == 0 else same, size=kept.size, grown=now.size - kept.size)

    def _read(self) -> note.Checkpoint:
        try:
            kept = note.read_checkpoint(self.text)
        except LogBroken as fault:
            self._step("read", False, why=str(fault))
            raise self._ended("malformed") from None
        self._step("read", True, origin=kept.origin, size=kept.size, root=kept.root.hex())
        return kept

    def _trusted(self, found: Mapping[str, Any], origin: str) -> list[note.Verifier]:
        """The verifiers of this very log whose key bears one of the signatures."""
        known = {one["origin"]: one["keys"] for one in found["logs"]}
        if origin not in known:
            self._step("log", False, origin=origin, own=found["origin"])
            self._end("other_log", origin=origin, own=found["origin"])
        self._step("log", True, origin=origin)
        try:
            keys = [note.Verifier.from_vkey(one) for one in ([self.vkey] if self.vkey else known[origin])]
        except Invalid:
            self._step("key", False, known=self.vkey, bears="")
            raise self._ended("bad_key") from None
        bears = note.signers(self.text)
        fitting = [key for key in keys if (key.name, key.key_id.hex()) in bears]
        said = {"known": _ids(keys), "bears": ", ".join(key for _, key in bears)}
        if not fitting:
            self._step("key", False, **said)
            self._end("unknown_key", **said)
        self._step("key", True, id=_ids(fitting), name=origin)
        return fitting

    def _signature(self, trusted: Sequence[note.Verifier]) -> None:
        try:
            note.open_checkpoint(self.text, trusted)
        except LogBroken:
            self._step("signature", False, id=_ids(trusted))
            raise self._ended("forged") from None
        self._step("signature", True, id=_ids(trusted))

    def _current(self, found: Mapping[str, Any]) -> note.Checkpoint:
        """The log's own checkpoint, by the keys it names: keys rotate, the visitor's need not be among them."""
        keys = [note.Verifier.from_vkey(one) for one in found["logs"][0]["keys"]]
        try:
            now = note.open_checkpoint(found["checkpoint"], keys)
        except LogBroken:
            self._step("current", False)
            raise self._ended("bad_current") from None
        signed = {key_id for _, key_id in note.signers(found["checkpoint"])}
        signing = [key for key in keys if key.key_id.hex() in signed]
        self._step("current", True, size=now.size, root=now.root.hex(), id=_ids(signing))
        return now

    def _gap(self, found: Mapping[str, Any], kept: note.Checkpoint, now: note.Checkpoint) -> None:
        """A checkpoint of an earlier epoch that reaches beyond where the log was put back."""
        if kept.origin == now.origin:
            return
        starts = [gap for gap in found["gaps"] if gap["ended"] == kept.origin]
        if starts and kept.size > starts[0]["from"]:
            self._end("gap", **starts[0], size=kept.size)

    def _grown(self, found: Mapping[str, Any], kept: note.Checkpoint, now: note.Checkpoint) -> None:
        said = {"size": kept.size, "now": now.size}
        if kept.size > now.size:
            self._step("size", False, **said)
            self._end("ahead", missing=kept.size - now.size, **said)
        if kept.size == 0:
            return
        proof = [bytes.fromhex(one) for one in found["consistency"]["hashes"]]
        ours = bytes.fromhex(found["consistency"]["root"])
        proven = {"count": len(proof), "kept": kept.root.hex(), "ours": ours.hex(), **said}
        try:
            merkle.verify_consistency(kept.size, now.size, ours, now.root, proof)
        except LogBroken:
            self._step("proof", False, **proven)
            raise self._ended("bad_proof", **proven) from None
        same = "same" if kept.size == now.size else "consistency"
        self._step(same, ours == kept.root, **proven)
        if ours != kept.root:
            self._end("fork", **proven)

    def _included(self, found: Mapping[str, Any], now: note.Checkpoint) -> None:
        given = found["inclusion"]
        if given is None:
            self._step("inclusion", False, index=self.index, size=now.size)
            self._end("no_entry", index=self.index, size=now.size)
        leaf = merkle.leaf_hash(given["leaf"].encode())
        proof = [bytes.fromhex(one) for one in given["hashes"]]
        said = {"index": given["index"], "leaf": leaf.hex(), "count": len(proof), "root": now.root.hex()}
        try:
            merkle.verify_inclusion(leaf, given["index"], now.size, proof, now.root)
        except LogBroken:
            self._step("inclusion", False, **said)
            raise self._ended("not_included", **said) from None
        self._step("inclusion", True, **said)

    def _step(self, code: str, held: bool, **said: object) -> None:
        self.checked.steps.append(Step(code, held, said))

    def _ended(self, verdict: str, **said: object) -> _Ended:
        self.checked.verdict, self.checked.said = verdict, dict(said)
        return _Ended()

    def _end(self, verdict: str, **said: object) -> None:
        raise self._ended(verdict, **said)


def _keys(core: Core, origin: str) -> list[str]:
    return [verifier.vkey for verifier, _ in core.signing.every(origin)]


def _ids(keys: Sequence[note.Verifier]) -> str:
    return ", ".join(key.key_id.hex() for key in keys)


def _hex(hashes: Sequence[bytes]) -> list[str]:
    return [one.hex() for one in hashes]


def _gap(row: models.LogEpoch) -> dict[str, object]:
    """``ended`` is the origin that went no further, ``from`` the first entry that is missing of it, ``to`` the
    first that never was."""
    return {
        "ended": row.previous_origin,
        "origin": row.origin,
        "epoch": int(row.epoch),
        "from": int(row.seq),
        "to": int(row.published_size),
    }
