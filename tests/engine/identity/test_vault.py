"""Sealed values open for their key in their place, and for nothing else; the root key guards itself."""

from __future__ import annotations

import base64
import hmac
import os
import stat
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from Crypto.Cipher import AES
from hypothesis import given
from hypothesis import strategies as st

from dxflow.engine.errors import DxflowError, Undecipherable
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


class TestRootKey:
    def test_the_setting_wins_over_the_file(self, tmp_path: Path) -> None:
        loaded = vault.RootKey.load(base64.b64encode(KEY).decode() + "\n", tmp_path / "root.key")
        assert loaded.key == KEY
        assert list(tmp_path.iterdir()) == []

    def test_the_first_start_makes_a_private_file_and_the_next_reads_it(self, tmp_path: Path) -> None:
        path = tmp_path / "data" / "root.key"
        first = vault.RootKey.load(None, path)
        assert len(first.key) == 32
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [entry.name for entry in path.parent.iterdir()] == ["root.key"]
        assert base64.b64decode(path.read_text()) == first.key
        assert vault.RootKey.load(None, path).key == first.key

    def test_the_mode_holds_under_any_umask(self, tmp_path: Path) -> None:
        before = os.umask(0)
        try:
            vault.RootKey.load(None, tmp_path / "root.key")
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "root.key").stat().st_mode) == 0o600

    def test_processes_starting_at_once_agree_on_one_key(self, tmp_path: Path) -> None:
        path, keys, gate = tmp_path / "root.key", list[bytes](), threading.Barrier(8)

        def start() -> None:
            gate.wait()
            keys.append(vault.RootKey.load(None, path).key)

        threads = [threading.Thread(target=start) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(keys) == 8
        assert len(set(keys)) == 1
        assert [entry.name for entry in tmp_path.iterdir()] == ["root.key"]

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o777])
    def test_a_file_that_others_may_read_is_refused(self, tmp_path: Path, mode: int) -> None:
        path = tmp_path / "root.key"
        vault.RootKey.load(None, path)
        path.chmod(mode)
        with pytest.raises(vault.KeyFault, match=f"mode {mode:04o}") as fault:
            vault.RootKey.load(None, path)
        assert path.read_text().strip() not in str(fault.value)

    def test_a_read_only_secret_is_accepted(self, tmp_path: Path) -> None:
        path = tmp_path / "root.key"
        key = vault.RootKey.load(None, path).key
        path.chmod(0o400)
        assert vault.RootKey.load(None, path).key == key

    @pytest.mark.parametrize(
        "value", ["", " ", "secret-in-clear", base64.b64encode(b"s" * 16).decode(), "A" * 43 + "!", "é" * 32]
    )
    def test_a_value_that_is_no_key_is_refused_without_being_shown(self, tmp_path: Path, value: str) -> None:
        path = tmp_path / "root.key"
        path.write_text(value, encoding="utf-8")
        path.chmod(0o600)
        loads: list[Callable[[], object]] = [
            lambda: vault.RootKey.load(value, path),
            lambda: vault.RootKey.load(None, path),
        ]
        for load in loads:
            with pytest.raises(vault.KeyFault) as fault:
                load()
            assert not value.strip() or value not in str(fault.value)
            assert "\n" not in str(fault.value)

    def test_a_directory_in_its_place_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(vault.KeyFault, match="can't be read"):
            vault.RootKey.load(None, tmp_path)

    def test_a_place_where_nothing_can_be_written_is_refused(self, tmp_path: Path) -> None:
        blocker = tmp_path / "file"
        blocker.write_text("")
        with pytest.raises(vault.KeyFault, match="can't be created"):
            vault.RootKey.load(None, blocker / "root.key")

    def test_its_text_never_shows_the_key(self) -> None:
        assert repr(vault.RootKey(KEY)) == str(vault.RootKey(KEY)) == "RootKey()"

    def test_its_fault_is_one_of_ours_and_a_value_error(self) -> None:
        assert issubclass(vault.KeyFault, DxflowError)
        assert issubclass(vault.KeyFault, ValueError)


def _flip(data: bytes, bit: int) -> bytes:
    flipped = bytearray(data)
    flipped[bit // 8] ^= 1 << bit % 8
    return bytes(flipped)
