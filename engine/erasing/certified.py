"""Checking a certificate offline: it, the log's verifier key, and the person's receipt are all it takes."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import Invalid, LogBroken
from ..ledger import leaves, note, proofs

HEADER = "dxflow erasure certificate v1"
KIND = "data_subject.erased"


def verify(text: str, vkeys: Sequence[str], receipt: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the certificate says, once all of it holds: its signature, the leaf it speaks of, that leaf's place
    in the signed tree, and, with a receipt, whom it is about.

    Raises Invalid for a key that is none, LogBroken for what doesn't hold.
    """
    verifiers = [note.Verifier.from_vkey(one.strip()) for one in vkeys]
    origin, body = _opened(note.open_note(text, verifiers))
    try:
        proof = proofs.parse(str(body["proof"]))
        checkpoint = proof.verify(verifiers)
        leaf = json.loads(proof.leaf)
        _compare(body, leaf, proof.index)
    except (KeyError, TypeError, ValueError) as fault:
        raise LogBroken(f"the certificate lacks what it should say ({type(fault).__name__})") from None
    if checkpoint.origin != origin:
        raise LogBroken("the certificate and its proof are of two logs")
    two = leaf.get("two_people") is True
    told = {"origin": origin, "entry": proof.index, "size": checkpoint.size, "two_people": two}
    about = {} if receipt is None else {"about": _about(leaf, receipt)}
    return {**told, **about, **{name: body[name] for name in ("state", "order", "reason", "erased_at")}} | {
        name: body[name] for name in ("gone", "remains", "recipients")
    }


def _opened(text: str) -> tuple[str, dict[str, Any]]:
    header, _, rest = text.partition("\n")
    origin, _, raw = rest.partition("\n")
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    if header != HEADER or not isinstance(body, dict):
        raise LogBroken("a signed note, but no certificate of an erasure")
    return origin, body


def _compare(body: Mapping[str, Any], leaf: Mapping[str, Any], index: int) -> None:
    """The certificate says what its leaf says."""
    if leaf["kind"] != KIND:
        raise LogBroken("the proof is of an entry that is no erasure")
    same = {
        "entry": index,
        "reason": leaf["reason"],
        "commitment": leaf["commitment"],
        "order": leaf["order"],
    }
    for name, value in same.items():
        if body[name] != value:
            raise LogBroken(f"the certificate says another {name} than the log's entry {index}")
    for name, count in body["gone"].items():
        if leaf[name] != count:
            raise LogBroken(f"the certificate counts other {name} than the log's entry {index}")


def _about(leaf: Mapping[str, Any], receipt: Mapping[str, Any]) -> str:
    """The DID of whom the erasure was. Raises Invalid for what is no receipt, LogBroken for somebody else's."""
    try:
        salt, payload = bytes.fromhex(receipt["salt"]), dict(receipt["payload"])
        made, about = leaves.commit(salt, payload), str(payload["subject"])
    except (KeyError, TypeError, ValueError):
        raise Invalid("receipt", "is no receipt of an erasure") from None
    if not hmac.compare_digest(made, str(leaf["commitment"])):
        raise LogBroken("the receipt is of another erasure")
    return about
