"""What a dx-agent answers, checked before it counts: every word of it is proved, or all of it is refused.

The engine is the outside memory of the agent's log. It trusts the keys it saw first, and others only if the log
itself says so under a key it trusts; it keeps the last checkpoint, and whatever comes next must extend it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import Invalid, LogBroken
from ..identity import did
from ..ledger import epochs, merkle, note, proofs
from .embedded import KIND
from .port import Item, Receipt
from .wire import Answer, Given, Proved

KEY_ADDED = "log_key.added"


@dataclass(frozen=True, slots=True)
class Memory:
    """A tenant's log at an agent as it was seen last: checkpoint and the verifier keys that are trusted."""

    origin: str
    size: int
    checkpoint: str
    vkeys: tuple[str, ...]

    def verifiers(self) -> list[note.Verifier]:
        return [note.Verifier.from_vkey(vkey) for vkey in self.vkeys]


@dataclass(frozen=True, slots=True)
class Registered:
    """A receipt that is proved. ``proof`` is a C2SP tlog-proof with the leaf in it."""

    receipt: Receipt
    commitment: str
    proof: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer is held against. ``tenant`` is a DID; ``own_origin`` the tenant's log here."""

    tenant: str
    own_origin: str
    items: Sequence[Item]
    memory: Memory | None


def check(answer: Answer, asked: Asked) -> tuple[list[Registered], Memory]:
    """The receipts, and what to remember from now on. Raises LogBroken, saying what doesn't hold."""
    _check_origin(answer.origin, asked)
    known = asked.memory or first_sight(answer.origin, answer.checkpoint, answer.vkeys)
    checkpoint = opened(answer.checkpoint, known)
    if asked.memory is not None:
        _check_growth(asked.memory, checkpoint, answer.consistency)
    if len(answer.receipts) != len(asked.items):
        raise LogBroken(f"it answers {len(asked.items)} activities with {len(answer.receipts)} receipts")
    method = did.parse(asked.tenant)[0]
    registered = [
        _registered(item, given, answer, checkpoint, method)
        for item, given in zip(asked.items, answer.receipts, strict=True)
    ]
    vkeys = known.vkeys + _added(answer.added_keys, checkpoint, known)
    return registered, Memory(checkpoint.origin, checkpoint.size, answer.checkpoint, vkeys)


def first_sight(origin: str, checkpoint: str, vkeys: Sequence[str]) -> Memory:
    """Trust on first use: of the keys that the agent names, those that signed the checkpoint. Raises LogBroken
    when there is none."""
    trusted = tuple(vkey for vkey in dict.fromkeys(vkeys) if _signed(checkpoint, vkey, origin))
    if not trusted:
        raise LogBroken("its checkpoint isn't signed by any of the keys it names")
    return Memory(origin, 0, checkpoint, trusted)


def opened(checkpoint: str, known: Memory) -> note.Checkpoint:
    """The checkpoint under keys that are trusted. Raises LogBroken."""
    found = note.open_checkpoint(checkpoint, known.verifiers())
    if found.origin != known.origin:
        raise LogBroken("its checkpoint is that of another log")
    return found


def _check_origin(origin: str, asked: Asked) -> None:
    if not epochs.base(origin).endswith(f"/log/{asked.tenant}"):
        raise LogBroken("it answers with the log of another tenant")
    if origin == asked.own_origin:
        raise LogBroken(
            f"its log is called {origin}, like the one here; set DXFLOW_PUBLIC_URL at the dx-agent"
        )
    if asked.memory is not None and origin != asked.memory.origin:
        raise LogBroken(
            f"its log is {origin}, but this tenant's is {asked.memory.origin}; if that is meant, "
            "`dxflow audit trust-agent` accepts it"
        )


def _check_growth(memory: Memory, new: note.Checkpoint, proof: Sequence[str]) -> None:
    if new.size < memory.size:
        raise LogBroken(f"its log was rolled back from {memory.size} entries to {new.size}")
    old = opened(memory.checkpoint, memory)
    if old.size:
        try:
            merkle.verify_consistency(old.size, new.size, old.root, new.root, _hashes(proof))
        except LogBroken as fault:
            raise LogBroken(f"its log doesn't extend the {old.size} entries it had: {fault}") from None


def _registered(
    item: Item, given: Given, answer: Answer, checkpoint: note.Checkpoint, method: str
) -> Registered:
    name = did.derive(item.activity_id, method)
    if (given.activity_id, given.did) != (item.activity_id, name):
        raise LogBroken("a receipt is that of another activity")
    said = _included(given, checkpoint, "a receipt")
    expected = {"kind": KIND, "activity": name, "seq": given.log_index, "commitment": item.commitment}
    wrong = [member for member, value in expected.items() if said.get(member) != value]
    if wrong:
        raise LogBroken(f"the leaf of {name} says something else than was sent ({', '.join(wrong)})")
    receipt = Receipt(item.activity_id, name, given.log_index, checkpoint.size, answer.origin)
    hashes = tuple(_hashes(given.proof))
    text = proofs.Proof(given.leaf.encode("utf-8"), given.log_index, hashes, answer.checkpoint).text()
    return Registered(receipt, item.commitment, text)


def _added(leaves: Sequence[Proved], checkpoint: note.Checkpoint, known: Memory) -> tuple[str, ...]:
    """Keys that the log itself names, under a checkpoint whose signer is trusted already."""
    trusted, found = {one.public_key for one in known.verifiers()}, []
    for leaf in leaves:
        said = _included(leaf, checkpoint, "an added key")
        if said.get("kind") != KEY_ADDED or said.get("seq") != leaf.log_index:
            raise LogBroken("a leaf that should add a key doesn't")
        try:
            verifier = note.Verifier(checkpoint.origin, bytes.fromhex(str(said.get("key"))))
        except (Invalid, ValueError):
            raise LogBroken("a leaf adds something that isn't a key") from None
        if verifier.public_key not in trusted:
            trusted.add(verifier.public_key)
            found.append(verifier.vkey)
    return tuple(found)


def _included(proved: Proved, checkpoint: note.Checkpoint, what: str) -> dict[str, object]:
    """What the leaf says, once it is proved to be in the tree."""
    leaf_hash = merkle.leaf_hash(proved.leaf.encode("utf-8"))
    try:
        hashes = _hashes(proved.proof)
        merkle.verify_inclusion(leaf_hash, proved.log_index, checkpoint.size, hashes, checkpoint.root)
        said = json.loads(proved.leaf)
    except LogBroken as fault:
        raise LogBroken(f"{what} isn't proved: {fault}") from None
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise LogBroken(f"{what} names a leaf that isn't JSON")
    return said


def _signed(checkpoint: str, vkey: str, origin: str) -> bool:
    try:
        verifier = note.Verifier.from_vkey(vkey)
        return verifier.name == origin and note.open_checkpoint(checkpoint, [verifier]).origin == origin
    except (Invalid, LogBroken):
        return False


def _hashes(proof: Sequence[str]) -> list[bytes]:
    return [bytes.fromhex(one) for one in proof]
