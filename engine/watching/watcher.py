"""One look at a log after the other: each checkpoint must extend the last, or it is an alarm with evidence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..errors import DxflowError, Invalid, LogBroken
from ..ledger import merkle, note, tiles
from ..ledger.cosignature import Cosigner
from ..moments import Clock
from .remote import RemoteLog
from .state import Known, State


class Alarm(DxflowError):
    """Raised when a log contradicts what was seen of it. ``evidence`` are the notes that can't both be true."""

    kind = "alarm"

    def __init__(self, detail: str, evidence: str = "") -> None:
        super().__init__(detail)
        self.evidence = evidence


@dataclass(frozen=True, slots=True)
class Seen:
    """A checkpoint that holds: ``grown`` leaves more than the last; None for the first of this log.

    ``adopted`` are keys that a trusted one vouched for, ``trusted`` those of the first look that nobody gave.
    """

    origin: str
    size: int
    root: str
    checkpoint: str
    grown: int | None
    adopted: list[str] = field(default_factory=list)
    trusted: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Watcher:
    """Watches one log. ``keys`` are verifier keys to trust from the start; without them those are trusted that
    sign when the log is first seen."""

    log: RemoteLog
    state: State
    cosigner: Cosigner
    clock: Clock
    keys: Sequence[str] = ()

    def look(self) -> Seen:
        """One look; what it finds is remembered. Raises Alarm, and Unavailable when there is nothing to see."""
        known = self.state.known(self.log.url)
        try:
            return self._look(known)
        except Alarm as alarm:
            if alarm.evidence:
                file = self.state.keep_evidence(self.log.url, alarm.evidence)
                raise Alarm(f"{alarm}; both notes are kept in {file}", alarm.evidence) from None
            raise
        except LogBroken as fault:
            raise Alarm(f"the log doesn't hold: {fault}") from None

    def _look(self, known: Known | None) -> Seen:
        text = self.log.checkpoint()
        self._still_open(text)
        trusted = list(known.keys) if known else list(self.keys) or self._first_keys()
        found = self._open(text, trusted)
        last = self._open(known.checkpoint, trusted) if known else None
        if last is not None and known is not None:
            self._extends(last, found, known.checkpoint, text)
        elif tiles.root(self.log.at(found.size), found.size) != found.root:
            raise Alarm("the log's tiles don't give the root of its checkpoint")
        adopted = self._vouched(found, trusted)
        cosigned = self.cosigner.cosign(text, self.clock())
        self.state.keep(self.log.url, Known(cosigned, [*trusted, *adopted]))
        return Seen(
            origin=found.origin,
            size=found.size,
            root=found.root.hex(),
            checkpoint=cosigned,
            grown=None if last is None else found.size - last.size,
            adopted=adopted,
            trusted=[] if known or self.keys else trusted,
        )

    def _still_open(self, text: str) -> None:
        """A log that came back from a backup goes on elsewhere and says so: somebody must look at the gap."""
        following = self.log.following()
        if following is None:
            return
        gap = following.get("missing") or {}
        count = int(gap.get("to", 0)) - int(gap.get("from", 0))
        raise Alarm(
            f"closed: a backup was put back, and {count} entries from {gap.get('from')} on are missing since; "
            f"the log goes on as {following.get('origin')}. Ask its operator why, then watch "
            f"{self.log.url}{following.get('path')}",
            text,
        )

    def _open(self, text: str, trusted: Sequence[str]) -> note.Checkpoint:
        try:
            return note.open_checkpoint(text, [note.Verifier.from_vkey(key) for key in trusted])
        except LogBroken as fault:
            said = (
                "a key is in use that no trusted key vouched for while this watcher looked, or it is forged"
            )
            raise Alarm(f"the checkpoint can't be trusted: {fault}; {said}", text) from None

    def _extends(self, last: note.Checkpoint, found: note.Checkpoint, before: str, after: str) -> None:
        both = f"{before}\n{after}"
        if found.origin != last.origin:
            raise Alarm(f"the log's origin was {last.origin} and is {found.origin}: another log", both)
        if found.size < last.size:
            gone = last.size - found.size
            raise Alarm(f"rolled back: {gone} entries that were signed are gone, {found.size} are left", both)
        if found.size == last.size:
            if found.root != last.root:
                raise Alarm(f"forked: two signed trees of {found.size} entries have different roots", both)
            return
        if last.size:
            self._consistent(last, found, both)

    def _consistent(self, last: note.Checkpoint, found: note.Checkpoint, both: str) -> None:
        """Read the proof from the tiles ourselves: a log that can't give it has rewritten something."""
        try:
            proof = tiles.consistency_proof(self.log.at(found.size), last.size, found.size)
            merkle.verify_consistency(last.size, found.size, last.root, found.root, proof)
        except LogBroken as fault:
            detail = (
                f"rewritten: the tree of {found.size} entries doesn't begin with the {last.size} seen before"
            )
            raise Alarm(f"{detail} ({fault})", both) from None

    def _first_keys(self) -> list[str]:
        """Those that sign now, by the log's own word: all there is to trust when nobody gave a key."""
        keys = [str(key.get("vkey")) for key in self.log.listed_keys() if key.get("active")]
        if not keys:
            raise Alarm("the log names no key that signs it; give one with --key")
        return keys

    def _vouched(self, found: note.Checkpoint, trusted: Sequence[str]) -> list[str]:
        """Keys of which a leaf in this trusted tree says that they were added."""
        adopted = []
        for key in self.log.listed_keys():
            vkey, index = str(key.get("vkey")), key.get("index")
            if vkey not in trusted and isinstance(index, int) and 0 <= index < found.size:
                self._check_added(vkey, index, found)
                adopted.append(vkey)
        return adopted

    def _check_added(self, vkey: str, index: int, found: note.Checkpoint) -> None:
        leaf = self.log.entry(index, found.size)
        proof = tiles.inclusion_proof(self.log.at(found.size), index, found.size)
        merkle.verify_inclusion(merkle.leaf_hash(leaf), index, found.size, proof, found.root)
        try:
            said, public = json.loads(leaf), note.Verifier.from_vkey(vkey).public_key.hex()
        except (ValueError, Invalid):
            raise Alarm(f"the log lists a key that can't be read: {vkey[:100]!r}") from None
        if not isinstance(said, dict) or (said.get("kind"), said.get("key")) != ("log_key.added", public):
            raise Alarm(f"the log lists the key {vkey}, but its entry {index} doesn't say that it was added")
