"""The log's arithmetic in a browser (static/ledger.js), held against the engine's own: it accepts what that
accepts, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from dxflow.engine.errors import LogBroken
from dxflow.engine.ledger import merkle, note, tiles

pytestmark = pytest.mark.parametrize("scripts", [True], indirect=True, ids=["scripts"])

SIZES = (*range(1, 18), 31, 32, 33, 255, 256, 257, 300)
ORIGIN = "log.example/log/did:dep:1"

RUN = """async (cases) => {
  const found = [];
  for (const one of cases) {
    try {
      const proof = one.proof.map(Ledger.unhex), root = Ledger.unhex(one.root);
      if (one.kind === "inclusion") {
        const led = await Ledger.inclusionRoot(Ledger.unhex(one.leaf), one.index, one.size, proof);
        found.push(Ledger.hex(led) === one.root);
      } else {
        const led = await Ledger.consistencyRoots(one.old, one.size, Ledger.unhex(one.older), proof);
        found.push(Ledger.hex(led.older) === one.older && Ledger.hex(led.newer) === one.root);
      }
    } catch (error) {
      if (!(error instanceof Ledger.NotProven)) throw error;
      found.push(false);
    }
  }
  return found;
}"""

OPEN = """async (cases) => {
  const found = [];
  for (const { text, vkeys } of cases) {
    try {
      const keys = await Promise.all(vkeys.map(Ledger.readKey));
      const opened = Ledger.readNote(text);
      const checkpoint = Ledger.readCheckpoint(opened.text);
      const good = await Ledger.wellSigned(opened, keys);
      found.push(good ? [checkpoint.origin, checkpoint.size, Ledger.hex(checkpoint.root)] : null);
    } catch (error) {
      if (!(error instanceof Ledger.NotProven)) throw error;
      found.push(null);
    }
  }
  return found;
}"""


class Kept(dict[tuple[int, int], bytes]):
    """Tiles in memory."""

    def read(self, level: int, index: int) -> bytes:
        return self[level, index]


@pytest.fixture
def ledger(enter: Callable[..., Page]) -> Page:
    """A page that has the script."""
    page = enter()
    page.goto("/dashboard/audit/verify")
    return page


def tree(size: int) -> tuple[Kept, list[bytes]]:
    hashes = [merkle.leaf_hash(b"%d" % number) for number in range(size)]
    kept = Kept()
    kept.update(tiles.grow(kept, 0, hashes))
    return kept, hashes


def spoiled(proof: list[bytes], dice: random.Random) -> Iterator[list[bytes]]:
    """What a proof may become on its way."""
    yield [*proof, bytes(32)]
    if proof:
        yield proof[:-1]
        yield proof[1:]
        yield list(reversed(proof))
        which = dice.randrange(len(proof))
        yield [bytes(32) if at == which else one for at, one in enumerate(proof)]


def inclusions(dice: random.Random) -> Iterator[dict[str, Any]]:
    for size in SIZES:
        kept, hashes = tree(size)
        root = tiles.root(kept, size)
        for index in sorted({0, 1, size // 2, size - 2, size - 1} & set(range(size))):
            proof = tiles.inclusion_proof(kept, index, size)
            for one in (proof, *spoiled(proof, dice)):
                yield {"index": index, "size": size, "leaf": hashes[index], "proof": one, "root": root}
            yield {"index": index, "size": size + 1, "leaf": hashes[index], "proof": proof, "root": root}
            yield {"index": index + 1, "size": size, "leaf": hashes[index], "proof": proof, "root": root}
            yield {"index": index, "size": size, "leaf": bytes(32), "proof": proof, "root": root}
            yield {"index": index, "size": size, "leaf": hashes[index], "proof": proof, "root": bytes(32)}


def consistencies(dice: random.Random) -> Iterator[dict[str, Any]]:
    for size in SIZES:
        kept, _ = tree(size)
        root = tiles.root(kept, size)
        for old in [one for one in SIZES if one <= size]:
            older, proof = tiles.root(kept, old), tiles.consistency_proof(kept, old, size)
            for one in (proof, *spoiled(proof, dice)):
                yield {"old": old, "size": size, "older": older, "proof": one, "root": root}
            yield {"old": old, "size": size, "older": bytes(32), "proof": proof, "root": root}
            yield {"old": old, "size": size, "older": older, "proof": proof, "root": bytes(32)}
            yield {"old": old + 1, "size": size, "older": older, "proof": proof, "root": root}
            yield {"old": old, "size": size + 1, "older": older, "proof": proof, "root": root}
        yield {"old": 0, "size": size, "older": merkle.EMPTY_ROOT, "proof": [], "root": root}


def accepted(case: dict[str, Any]) -> bool:
    """What the engine says."""
    try:
        if "old" in case:
            merkle.verify_consistency(case["old"], case["size"], case["older"], case["root"], case["proof"])
        else:
            merkle.verify_inclusion(case["leaf"], case["index"], case["size"], case["proof"], case["root"])
    except LogBroken:
        return False
    return True


def for_browser(case: dict[str, Any]) -> dict[str, Any]:
    kind = "consistency" if "old" in case else "inclusion"
    plain = {name: one.hex() if isinstance(one, bytes) else one for name, one in case.items()}
    return {**plain, "kind": kind, "proof": [one.hex() for one in case["proof"]]}


@pytest.mark.parametrize("vectors", [inclusions, consistencies])
def test_proofs_are_accepted_where_the_engine_accepts_them(
    ledger: Page, vectors: Callable[[random.Random], Iterator[dict[str, Any]]]
) -> None:
    cases = list(vectors(random.Random(7)))
    expected = [accepted(one) for one in cases]
    assert 100 < sum(expected) < len(expected) - 100, "as many wrong ones as right ones, at the least"
    found = ledger.evaluate(RUN, [for_browser(one) for one in cases])
    wrong = [case for case, said, good in zip(cases, found, expected, strict=True) if said != good]
    assert wrong == []


def notes() -> Iterator[tuple[str, list[str]]]:
    """Signed notes, good and bad, and the keys they are opened with."""
    key, successor = (
        note.SigningKey.from_seed(b"1" * 32, ORIGIN),
        note.SigningKey.from_seed(b"2" * 32, ORIGIN),
    )
    text = note.checkpoint_text(ORIGIN, 12, b"r" * 32)
    signed = key.sign_note(text)
    both = signed + successor.signature_line(text)
    yield signed, [key.vkey]
    yield both, [key.vkey]
    yield both, [successor.vkey]
    yield both, [key.vkey, successor.vkey]
    yield signed, [successor.vkey]
    yield signed, [key.named("log.example/log/another").vkey]
    yield signed.replace("\n12\n", "\n13\n"), [key.vkey]
    yield signed.replace(ORIGIN, "log.example/log/another", 1), [key.vkey]
    yield signed + successor.signature_line(text + "more\n"), [key.vkey, successor.vkey]
    yield signed + key.signature_line(text + "more\n"), [key.vkey]
    for broken in ("", "\n", text, signed[:-1], signed[:-4] + "\n", signed.replace("— ", "-- ")):
        yield broken, [key.vkey]
    yield signed.replace("\n12\n", "\n012\n"), [key.vkey]
    yield signed.replace("\n\n", "\n"), [key.vkey]
    yield signed.replace("— ", "—  "), [key.vkey]
    yield key.sign_note(f"{ORIGIN}\n12\n"), [key.vkey]
    yield key.sign_note(f"{ORIGIN}\n12\nshort=\n"), [key.vkey]
    yield key.sign_note(note.checkpoint_text(ORIGIN, 0, merkle.EMPTY_ROOT)), [key.vkey]
    yield key.sign_note(text + "an extension\n"), [key.vkey]


def opened(text: str, vkeys: list[str]) -> list[object] | None:
    try:
        found = note.open_checkpoint(text, [note.Verifier.from_vkey(one) for one in vkeys])
    except LogBroken:
        return None
    return [found.origin, found.size, found.root.hex()]


def test_notes_are_opened_where_the_engine_opens_them(ledger: Page) -> None:
    cases = list(notes())
    expected = [opened(*one) for one in cases]
    assert 4 < sum(one is not None for one in expected) < len(expected) - 4
    found = ledger.evaluate(OPEN, [{"text": text, "vkeys": vkeys} for text, vkeys in cases])
    wrong = [case for case, said, good in zip(cases, found, expected, strict=True) if said != good]
    assert wrong == []


def test_a_verifier_key_whose_id_is_another_s_is_refused(ledger: Page) -> None:
    vkey = note.SigningKey.from_seed(b"1" * 32, ORIGIN).vkey
    name, _, key = vkey.rsplit("+", 2) if vkey.count("+") == 2 else vkey.split("+", 2)
    for wrong in (f"{name}+00000000+{key}", f"other+{vkey.split('+')[1]}+{key}", "no key", f"{vkey}="):
        assert ledger.evaluate(OPEN, [{"text": "any", "vkeys": [wrong]}]) == [None]
        refused = (
            "async (vkey) => Ledger.readKey(vkey).then(() => false, (e) => e instanceof Ledger.NotProven)"
        )
        assert ledger.evaluate(refused, wrong) is True
