"""Signed checkpoints: what opens, what is ignored, what is refused."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxflow.engine.errors import Invalid, LogBroken
from dxflow.engine.ledger import note
from dxflow.engine.ledger.note import Checkpoint, SigningKey, Verifier

ORIGIN = "dx.example/log/did:dep:abc"
ROOT = bytes(range(32))
KEY = SigningKey.from_seed(bytes(32), ORIGIN)
SUCCESSOR = SigningKey.from_seed(b"\x01" * 32, ORIGIN)
WITNESS = SigningKey.from_seed(b"\x02" * 32, "witness.example")
TEXT = note.checkpoint_text(ORIGIN, 20852163, ROOT)
NOTE = KEY.sign_note(TEXT)

# The key and note of the tests of Go's golang.org/x/mod/sumdb/note.
GO_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
GO_SIGNATURE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6Ry"
    "yBwJnAM=\n"
)


def test_go_s_key_signs_go_s_note_byte_for_byte() -> None:
    key = SigningKey.from_seed(GO_SEED, "PeterNeumann")
    assert key.vkey == GO_VKEY
    assert key.sign_note(GO_TEXT) == f"{GO_TEXT}\n{GO_SIGNATURE}"
    assert note.open_note(key.sign_note(GO_TEXT), [Verifier.from_vkey(GO_VKEY)]) == GO_TEXT


def test_a_checkpoint_is_three_lines_a_blank_one_and_the_signature() -> None:
    assert NOTE.split("\n")[:5] == [
        ORIGIN,
        "20852163",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "",
        NOTE.split("\n")[4],
    ]
    assert NOTE.split("\n")[4].startswith(f"— {ORIGIN} ")
    assert NOTE.endswith("\n")


@given(st.integers(0, 2**63), st.binary(min_size=32, max_size=32))
def test_a_signed_checkpoint_opens_to_what_was_signed(size: int, root: bytes) -> None:
    signed = KEY.sign_note(note.checkpoint_text(ORIGIN, size, root))
    assert note.open_checkpoint(signed, [KEY.verifier]) == Checkpoint(ORIGIN, size, root)


def test_a_key_survives_being_kept_as_a_seed_and_a_vkey() -> None:
    key = SigningKey.generate("dx.example")
    assert SigningKey.from_seed(key.seed, key.name).sign_note(TEXT) == key.sign_note(TEXT)
    assert Verifier.from_vkey(key.vkey).public_key == key.public_key
    assert len(key.public_key) == 32
    assert SigningKey.generate("dx.example").seed != key.seed


def test_no_text_of_a_key_shows_the_seed() -> None:
    key = SigningKey.from_seed(b"s" * 32, "dx.example")
    assert "sss" not in repr(key) + str(key) + key.vkey


def test_a_note_nobody_known_signed_is_refused() -> None:
    for verifiers in ([], [WITNESS.verifier], [SUCCESSOR.verifier]):
        with pytest.raises(LogBroken, match="no known key"):
            note.open_checkpoint(NOTE, verifiers)


def test_the_same_key_under_another_name_is_another_key() -> None:
    renamed = Verifier("other.example", KEY.public_key)
    with pytest.raises(LogBroken, match="no known key"):
        note.open_checkpoint(NOTE, [renamed])


def test_signatures_of_unknown_keys_are_ignored_wherever_they_stand() -> None:
    below = NOTE + WITNESS.signature_line(TEXT)
    above = TEXT + "\n" + WITNESS.signature_line(TEXT) + KEY.signature_line(TEXT)
    nonsense = NOTE + "— someone " + base64.b64encode(b"any bytes").decode() + "\n"
    for signed in (below, above, nonsense):
        assert note.open_checkpoint(signed, [KEY.verifier]).size == 20852163


def test_during_a_rotation_either_key_opens_the_note() -> None:
    both = NOTE + SUCCESSOR.signature_line(TEXT)
    for verifiers in ([KEY.verifier], [SUCCESSOR.verifier], [KEY.verifier, SUCCESSOR.verifier]):
        assert note.open_checkpoint(both, verifiers).root == ROOT


def test_one_forged_signature_of_a_known_key_spoils_the_note() -> None:
    forged = SUCCESSOR.signature_line(note.checkpoint_text(ORIGIN, 1, ROOT))
    assert note.open_checkpoint(NOTE + forged, [KEY.verifier]).root == ROOT
    with pytest.raises(LogBroken, match="forged"):
        note.open_checkpoint(NOTE + forged, [KEY.verifier, SUCCESSOR.verifier])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("20852163", "20852164"),
        ("AAEC", "AAED"),
        ("dx.example/log/did:dep:abc\n2", "dx.example/log/did:dep:abd\n2"),
        ("\n\n—", "\nextension\n\n—"),
        ("\n\n—", "\n\n\n—"),
    ],
)
def test_an_altered_text_is_refused(old: str, new: str) -> None:
    assert old in NOTE
    with pytest.raises(LogBroken, match="forged"):
        note.open_checkpoint(NOTE.replace(old, new, 1), [KEY.verifier])


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "\n",
        "\n\n",
        TEXT,
        TEXT + "\n",
        NOTE.removesuffix("\n"),
        NOTE.replace("— ", "- "),
        NOTE.replace("— ", "—"),
        NOTE + "trailing\n",
        NOTE.replace("\n", "\r\n"),
        NOTE + "— witness.example\n",
        NOTE + "— witness.example !!!!\n",
        NOTE + "— witness.example QUJDRA==\n",
        NOTE + "— witness.example QUJDREU\n",
        NOTE + "— wit+ness QUJDREU=\n",
        NOTE + "—  QUJDREU=\n",
        NOTE + "— witness.example QUJDREU= \n",
        NOTE + "— witness.example QUJDREV=\n",
        NOTE + "— \ud800 QUJDREU=\n",
        NOTE + "\t\n",
        NOTE + WITNESS.signature_line(TEXT) * 64,
    ],
)
def test_what_is_not_a_signed_note_is_refused(damaged: str) -> None:
    with pytest.raises(LogBroken):
        note.open_checkpoint(damaged, [KEY.verifier])


def test_at_least_16_signatures_are_read() -> None:
    many = TEXT + "\n" + WITNESS.signature_line(TEXT) * 15 + KEY.signature_line(TEXT)
    assert note.open_checkpoint(many, [KEY.verifier]).origin == ORIGIN


@pytest.mark.parametrize(
    "text",
    [
        "one line\n",
        f"{ORIGIN}\n5\n",
        f"{ORIGIN}\n05\n{base64.b64encode(ROOT).decode()}\n",
        f"{ORIGIN}\n-5\n{base64.b64encode(ROOT).decode()}\n",
        f"{ORIGIN}\n٥\n{base64.b64encode(ROOT).decode()}\n",
        f"{ORIGIN}\n5_0\n{base64.b64encode(ROOT).decode()}\n",
        f"{ORIGIN}\n{'9' * 5000}\n{base64.b64encode(ROOT).decode()}\n",
        f"{ORIGIN}\n5\n{base64.b64encode(ROOT[:31]).decode()}\n",
        f"{ORIGIN}\n5\n{ROOT.hex()}\n",
        f"\n5\n{base64.b64encode(ROOT).decode()}\n",
        f"{ORIGIN}\n5\n{base64.b64encode(ROOT).decode()}\n\nextension\n",
    ],
)
def test_a_well_signed_note_that_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(LogBroken):
        note.open_checkpoint(KEY.sign_note(text), [KEY.verifier])


def test_extension_lines_are_allowed() -> None:
    assert note.open_checkpoint(KEY.sign_note(TEXT + "extension\n"), [KEY.verifier]).root == ROOT


@given(st.text(alphabet=st.characters()))
def test_no_text_opens_or_raises_anything_else(text: str) -> None:
    for damaged in (text, NOTE + text, text + "\n" + NOTE, f"{TEXT}\n— {text}\n"):
        if damaged != NOTE:
            with pytest.raises(LogBroken):
                note.open_checkpoint(damaged, [KEY.verifier])


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\nb", "a\x00b", "\ud800"])
def test_a_key_name_no_note_can_carry_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        SigningKey.from_seed(bytes(32), name)
    with pytest.raises(Invalid):
        Verifier(name, KEY.public_key)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        GO_VKEY.replace("c74f20a3", "c74f20a4"),
        GO_VKEY.replace("PeterNeumann", "PeterNewmann"),
        GO_VKEY.replace("c74f20a3", "C74F20A3"),
        GO_VKEY[:-4],
        GO_VKEY + "\n",
        "PeterNeumann+c74f20a3+" + base64.b64encode(b"\x02" + bytes(32)).decode(),
        "PeterNeumann+c74f20a3+" + base64.b64encode(b"\x01" + b"\xff" * 32).decode(),
    ],
)
def test_a_verifier_key_that_contradicts_itself_is_refused(vkey: str) -> None:
    with pytest.raises(Invalid):
        Verifier.from_vkey(vkey)


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33)])
def test_a_seed_of_another_length_is_refused(seed: bytes) -> None:
    with pytest.raises(Invalid):
        SigningKey.from_seed(seed, ORIGIN)


@pytest.mark.parametrize("text", ["", "no newline", "tab\there\n", "nul\x00\n", "\ud800\n", "cr\r\n"])
def test_a_text_no_note_may_have_is_not_signed(text: str) -> None:
    with pytest.raises(Invalid):
        KEY.sign_note(text)


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [("", 1, ROOT), ("a\nb", 1, ROOT), (ORIGIN, -1, ROOT), (ORIGIN, 10**19, ROOT), (ORIGIN, 1, ROOT[:31])],
)
def test_what_no_checkpoint_holds_is_refused(origin: str, size: int, root: bytes) -> None:
    with pytest.raises(Invalid):
        note.checkpoint_text(origin, size, root)
