"""Sealed values open for their key in their place, and for nothing else."""

from __future__ import annotations

import hmac
import uuid

import pytest
from Crypto.Cipher import AES
from hypothesis import given
from hypothesis import strategies as st

from dxflow.engine.errors import Undecipherable
from dxflow.engine.identity import vault

KEY = bytes(range(32))
TENANT = "919108f7-52d1-4320-9bac-f847db4148a8"
PLACE = vault.place("data_subjects", "profile", TENANT, "7")


@given(st.binary(max_size=500), st.integers(0, 65_535), st.text())
def test_what_was_sealed_opens_again_in_its_place(plaintext: bytes, version: int, row: str) -> None:
    place = f"t|c|{TENANT}|" + row.encode("unicode_escape").decode()
    sealed = vault.seal(KEY, version, plaintext, place=place)
    assert vault.unseal(KEY, sealed, place=place) == plaintext
    assert vault.key_version(sealed) == version
    assert len(sealed) == len(plaintext) + 31


def test_a_sealed_value_is_laid_out_as_documented() -> None:
    sealed = vault.seal(KEY, 258, b"text", place=PLACE)
    assert sealed[:3] == b"\x01\x01\x02"
    cipher = AES.new(KEY, AES.MODE_GCM, nonce=sealed[3:15])
    cipher.update(sealed[:3] + PLACE.encode())
    assert cipher.decrypt_and_verify(sealed[15:-16], sealed[-16:]) == b"text"


def test_a_wrapped_key_is_laid_out_as_documented() -> None:
    wrapped = vault.wrap(KEY, b"k" * 32, place=PLACE)
    assert len(wrapped) == 61
    cipher = AES.new(KEY, AES.MODE_GCM, nonce=wrapped[1:13])
    cipher.update(b"\x02" + PLACE.encode())
    assert cipher.decrypt_and_verify(wrapped[13:-16], wrapped[-16:]) == b"k" * 32


def test_a_wrapped_key_unwraps_for_its_kek_and_place_alone() -> None:
    key = vault.new_key()
    wrapped = vault.wrap(KEY, key, place=PLACE)
    assert vault.unwrap(KEY, wrapped, place=PLACE) == key
    with pytest.raises(Undecipherable):
        vault.unwrap(vault.new_key(), wrapped, place=PLACE)
    with pytest.raises(Undecipherable):
        vault.unwrap(KEY, wrapped, place=PLACE + "1")


def test_every_flipped_bit_is_noticed() -> None:
    sealed = vault.seal(KEY, 1, b"personal", place=PLACE)
    wrapped = vault.wrap(KEY, KEY, place=PLACE)
    for n in range(len(sealed) * 8):
        with pytest.raises(Undecipherable):
            vault.unseal(KEY, _flip(sealed, n), place=PLACE)
    for n in range(len(wrapped) * 8):
        with pytest.raises(Undecipherable):
            vault.unwrap(KEY, _flip(wrapped, n), place=PLACE)


def test_every_truncation_is_noticed() -> None:
    sealed = vault.seal(KEY, 1, b"personal", place=PLACE)
    for length in range(len(sealed)):
        with pytest.raises(Undecipherable):
            vault.unseal(KEY, sealed[:length], place=PLACE)


@given(st.binary(max_size=100))
def test_any_other_bytes_are_undecipherable_and_nothing_else(data: bytes) -> None:
    for call in (vault.unseal, vault.unwrap):
        with pytest.raises(Undecipherable):
            call(KEY, data, place=PLACE)


@pytest.mark.parametrize("key", [b"", bytes(16), bytes(31), bytes(64)])
def test_only_a_256_bit_key_seals_and_no_other_opens(key: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        vault.seal(key, 1, b"x", place=PLACE)
    with pytest.raises(ValueError, match="32 bytes"):
        vault.wrap(KEY, key, place=PLACE)
    with pytest.raises(Undecipherable):
        vault.unseal(key, vault.seal(KEY, 1, b"x", place=PLACE), place=PLACE)


@pytest.mark.parametrize(
    "elsewhere",
    [
        vault.place("data_subjects", "profile", TENANT, "8"),
        vault.place("data_subjects", "name", TENANT, "7"),
        vault.place("events", "profile", TENANT, "7"),
        vault.place("data_subjects", "profile", "0b5b3c7e-2f6a-4c1d-8e9f-1a2b3c4d5e6f", "7"),
    ],
)
def test_a_value_copied_elsewhere_does_not_open(elsewhere: str) -> None:
    with pytest.raises(Undecipherable):
        vault.unseal(KEY, vault.seal(KEY, 1, b"x", place=PLACE), place=elsewhere)


def test_a_wrapped_key_never_opens_as_a_value_nor_a_value_as_a_key() -> None:
    with pytest.raises(Undecipherable):
        vault.unseal(KEY, vault.wrap(KEY, KEY, place=PLACE), place=PLACE)
    with pytest.raises(Undecipherable):
        vault.unwrap(KEY, vault.seal(KEY, 1, KEY, place=PLACE), place=PLACE)


def test_sealing_twice_never_gives_the_same_bytes() -> None:
    assert len({vault.seal(KEY, 1, b"x", place=PLACE) for _ in range(100)}) == 100


@pytest.mark.parametrize("version", [-1, 65_536])
def test_a_key_version_that_does_not_fit_is_refused(version: int) -> None:
    with pytest.raises(OverflowError):
        vault.seal(KEY, version, b"x", place=PLACE)


@pytest.mark.parametrize("parts", [("a|b", "c", "d", "e"), ("a", "", "d", "e"), ("a", "b", "c", "d|")])
def test_a_part_that_would_blur_a_place_is_refused(parts: tuple[str, str, str, str]) -> None:
    with pytest.raises(ValueError, match="place"):
        vault.place(*parts)


def test_derived_keys_are_hkdf_sha256_and_differ_by_purpose_and_tenant() -> None:
    extracted = hmac.digest(bytes(32), KEY, "sha256")
    info = b"dx/wrap/v1\0" + uuid.UUID(TENANT).bytes
    assert vault.derive(KEY, "wrap", TENANT) == hmac.digest(extracted, info + b"\x01", "sha256")
    other = "0b5b3c7e-2f6a-4c1d-8e9f-1a2b3c4d5e6f"
    keys = {vault.derive(KEY, purpose, t) for purpose in ("wrap", "inbox", "dedup") for t in (TENANT, other)}
    assert len(keys) == 6


@pytest.mark.parametrize("purpose", ["", "Wrap", "wrap\0", "wrap/v1", "-wrap"])
def test_a_purpose_that_could_blur_into_another_is_refused(purpose: str) -> None:
    with pytest.raises(ValueError, match="purpose"):
        vault.derive(KEY, purpose, TENANT)


def _flip(data: bytes, bit: int) -> bytes:
    flipped = bytearray(data)
    flipped[bit // 8] ^= 1 << bit % 8
    return bytes(flipped)
