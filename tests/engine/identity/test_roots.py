"""Root keys guard themselves, and a ring of them wraps under the newest and opens under any."""

from __future__ import annotations

import base64
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from dxflow.engine.errors import Conflict, DxflowError, Undecipherable
from dxflow.engine.identity import vault
from dxflow.engine.identity.roots import Given, KeyFault, KeyFile, RootRing, root_id

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
PLACE = vault.place("tenant_keys", "wrapped", "919108f7-52d1-4320-9bac-f847db4148a8", "1")


def _load(path: Path) -> bytes:
    (key,) = KeyFile(path).load()
    return key


def test_the_first_start_makes_a_private_file_and_the_next_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "data" / "root.key"
    first = _load(path)
    assert len(first) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["root.key"]
    assert base64.b64decode(path.read_text()) == first
    assert _load(path) == first


def test_the_mode_holds_under_any_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        _load(tmp_path / "root.key")
        KeyFile(tmp_path / "root.key").add()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "root.key").stat().st_mode) == 0o600


def test_processes_starting_at_once_agree_on_one_key(tmp_path: Path) -> None:
    path, keys, gate = tmp_path / "root.key", list[bytes](), threading.Barrier(8)

    def start() -> None:
        gate.wait()
        keys.append(_load(path))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["root.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o777])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "root.key"
    _load(path)
    path.chmod(mode)
    with pytest.raises(KeyFault, match=f"mode {mode:04o}") as fault:
        _load(path)
    assert path.read_text().strip() not in str(fault.value)


def test_a_read_only_secret_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "root.key"
    key = _load(path)
    path.chmod(0o400)
    assert _load(path) == key


@pytest.mark.parametrize(
    "value", ["", " ", "secret-in-clear", base64.b64encode(b"s" * 16).decode(), "A" * 43 + "!", "é" * 32]
)
def test_a_value_that_is_no_key_is_refused_without_being_shown(tmp_path: Path, value: str) -> None:
    path = tmp_path / "root.key"
    path.write_text(value, encoding="utf-8")
    path.chmod(0o600)
    loads: list[Callable[[], object]] = [lambda: Given.parse(value), lambda: _load(path)]
    for load in loads:
        with pytest.raises(KeyFault) as fault:
            load()
        assert not value.strip() or value not in str(fault.value)
        assert "\n" not in str(fault.value)


def test_a_directory_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyFault, match="can't be read"):
        _load(tmp_path)


def test_a_place_where_nothing_can_be_written_is_refused(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    with pytest.raises(KeyFault, match="can't be"):
        _load(blocker / "root.key")


def test_a_file_that_was_there_and_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(KeyFault, match="is missing"):
        KeyFile(tmp_path / "root.key", make=False).load()
    assert list(tmp_path.iterdir()) == []


def test_no_text_ever_shows_a_key() -> None:
    assert repr(Given((KEY,))) == str(Given((KEY,))) == "Given(name='DXFLOW_ROOT_KEY')"
    assert base64.b64encode(KEY).decode()[:20] not in repr(RootRing.of(KEY))


def test_its_fault_is_one_of_ours_and_a_value_error() -> None:
    assert issubclass(KeyFault, DxflowError)
    assert issubclass(KeyFault, ValueError)


def test_a_file_takes_a_new_key_before_the_others_and_lets_old_ones_go(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "root.key")
    old = _load(file.path)
    file.add()
    new, kept = file.load()
    assert kept == old != new
    file.drop([root_id(old)])
    assert file.load() == [new]
    file.drop([root_id(new)])
    assert file.load() == [new], "the last one stays"


def test_several_keys_in_the_environment_stand_newest_first() -> None:
    text = ",".join(base64.b64encode(key).decode() for key in (OTHER, KEY))
    assert Given.parse(text).load() == [OTHER, KEY]
    with pytest.raises(Conflict, match="DXFLOW_ROOT_KEY=new,old"):
        Given.parse(text).add()


def test_a_ring_wraps_under_the_newest_and_opens_under_any() -> None:
    secret = vault.new_key()
    by, wrapped = RootRing.of(KEY).wrap(secret, PLACE)
    both = RootRing.of(OTHER, KEY)
    assert both.unwrap(by, wrapped, PLACE) == secret
    newer, again = both.wrap(secret, PLACE)
    assert (newer, by) == (root_id(OTHER), root_id(KEY))
    assert RootRing.of(OTHER).unwrap(newer, again, PLACE) == secret
    with pytest.raises(Undecipherable, match=by):
        RootRing.of(OTHER).unwrap(by, wrapped, PLACE)


def test_a_ring_finds_the_key_that_came_after_it_was_made(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "root.key")
    early, late = RootRing(file), RootRing(file)
    file.add()
    by, wrapped = late.wrap(KEY, PLACE)
    assert by == root_id(file.load()[0])
    assert early.unwrap(by, wrapped, PLACE) == KEY
