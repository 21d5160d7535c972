"""What is no backup, was altered, or doesn't belong here is refused, and nothing is touched."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from places import Place

from dxflow.config.datadir import DataDir
from dxflow.config.errors import DataDirBusy
from dxflow.config.settings import Settings
from dxflow.engine.backups import restoring
from dxflow.engine.backups.faults import BackupFault
from dxflow.engine.backups.restoring import Wish
from dxflow.engine.backups.taking import Made
from dxflow.engine.errors import Conflict
from dxflow.engine.identity.roots import KeyFault
from dxflow.engine.services import tenants
from dxflow.engine.services.audit import verifying

Alter = Callable[[Path], None]


@pytest.fixture
def made(place: Place, tmp_path: Path) -> Made:
    return place.backup(tmp_path / "backups", tmp_path / "safe")


def untouched(place: Place) -> None:
    """The installation is as it was."""
    assert verifying.verify_logs(place.core()).ok
    assert len(tenants.every()) == 1
    assert not list(place.directory.glob("*before*"))
    assert not list(place.directory.glob(".*restoring*"))
    place.leave()


def rewritten(path: Path, change: Callable[[str, bytes], bytes | None]) -> None:
    """The archive with members changed, or left out; a sound ZIP file."""
    other = path.with_suffix(".other")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, "w") as new:
        for info in old.infolist():
            changed = change(info.filename, old.read(info))
            if changed is not None:
                new.writestr(info.filename, changed)
    other.replace(path)


def big(name: str) -> bool:
    """The member that holds the log's entries."""
    return name in ("database.sqlite", "tables/audit_entries")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2000])


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flipped(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 3] ^= 1
    path.write_bytes(raw)


def other_rows(path: Path) -> None:
    rewritten(path, lambda name, data: data[:-1] + bytes([data[-1] ^ 1]) if big(name) else data)


def other_rows_and_their_hash(path: Path) -> None:
    def change(name: str, data: bytes) -> bytes:
        if big(name):
            return data + b"\0"
        if name != "manifest.json":
            return data
        manifest = json.loads(data)
        for member, told in manifest["members"].items():
            if big(member):
                grown = zipfile.ZipFile(path).read(member) + b"\0"
                told.update(sha256=hashlib.sha256(grown).hexdigest(), bytes=len(grown))
        return json.dumps(manifest).encode()

    rewritten(path, change)


def without_a_member(path: Path) -> None:
    rewritten(path, lambda name, data: None if name == "logs.jsonl" else data)


def with_a_member(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("tables/more", b"")


def another_date(path: Path) -> None:
    def change(name: str, data: bytes) -> bytes:
        return data.replace(b'"made_at": "20', b'"made_at": "19') if name == "manifest.json" else data

    rewritten(path, change)


def no_manifest(path: Path) -> None:
    rewritten(path, lambda name, data: None if name == "manifest.json" else data)


def some_text(path: Path) -> None:
    path.write_text("not a backup")


@pytest.mark.parametrize(
    "alter",
    [
        cut, half, flipped, other_rows, other_rows_and_their_hash, without_a_member, with_a_member,
        another_date, no_manifest, some_text,
    ],
)  # fmt: skip
def test_what_was_altered_or_cut_off_is_refused_and_nothing_is_touched(
    place: Place, made: Made, alter: Alter
) -> None:
    alter(Path(made.data))
    with pytest.raises(BackupFault) as refused:
        place.restore(made, force=True)
    assert made.data in str(refused.value)
    untouched(place)


def test_a_keys_part_that_was_altered_is_refused(place: Place, made: Made) -> None:
    keys = Path(made.keys)
    document = json.loads(keys.read_bytes())
    keys.write_text(json.dumps({**document, "shred_list": "2026-01-01T00:00:00Z x y\n"}))
    with pytest.raises(BackupFault, match="altered"):
        place.restore(made, force=True)
    untouched(place)


def test_a_database_that_holds_data_gives_way_only_when_told_so(place: Place, made: Made) -> None:
    with pytest.raises(Conflict, match="--force"):
        place.restore(made)
    untouched(place)
    found = place.restore(made, force=True)
    assert verifying.verify_logs(place.core()).ok
    if place.database_url is None:
        assert found.moved_aside
        assert Path(found.moved_aside).exists()


def test_without_its_root_key_a_backup_opens_nowhere(elsewhere: Place, made: Made) -> None:
    with pytest.raises(KeyFault, match="give its keys part with --keys") as refused:
        elsewhere.restore(made, keys=False)
    (root,) = json.loads(zipfile.ZipFile(made.data).read("manifest.json"))["roots"]
    assert root in str(refused.value)
    assert not (elsewhere.directory / "root.key").exists()


def test_with_another_root_key_a_backup_opens_nowhere(elsewhere: Place, made: Made) -> None:
    elsewhere.core()
    elsewhere.leave()
    own = (elsewhere.directory / "root.key").read_text()
    with pytest.raises(KeyFault, match="was sealed under root key"):
        elsewhere.restore(made, keys=False)
    assert (elsewhere.directory / "root.key").read_text() == own
    found = elsewhere.restore(made)
    assert found.root_key_written
    assert (elsewhere.directory / "root.key").read_text().startswith(own)
    assert verifying.verify_logs(elsewhere.core()).ok


def test_a_key_from_the_environment_must_be_the_right_one(elsewhere: Place, made: Made) -> None:
    other = base64.b64encode(secrets.token_bytes(32)).decode()
    given = {"data_dir": str(elsewhere.directory), "database_url": elsewhere.database_url}
    settings = Settings.load(**given, root_key=other)
    with pytest.raises(KeyFault, match="isn't in DXFLOW_ROOT_KEY; put it there from"):
        restoring.restore(settings, Wish(Path(made.data), [Path(made.keys)]))


def test_the_data_part_holds_no_key_that_opens_it(place: Place, made: Made) -> None:
    raw, keys = Path(made.data).read_bytes(), Path(made.keys)
    for line in (place.directory / "root.key").read_text().split():
        assert base64.b64decode(line) not in raw
        assert line.encode() not in raw
        assert line in keys.read_text()
    assert keys.stat().st_mode & 0o777 == 0o600
    assert Path(made.data).stat().st_mode & 0o777 == 0o600
    assert b"@shop.example" not in raw


def test_a_server_that_runs_here_keeps_a_restore_out(place: Place, made: Made) -> None:
    place.leave()
    with DataDir(place.directory), pytest.raises(DataDirBusy):
        place.restore(made, force=True)
    untouched(place)


def test_a_process_that_has_the_database_open_keeps_a_restore_out(place: Place, made: Made) -> None:
    with place.another_process(), pytest.raises(Conflict, match="stop dxflow's processes"):
        place.restore(made, force=True)
    untouched(place)


def test_a_backup_of_the_other_database_is_refused(
    place: Place, made: Made, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = str(request.getfixturevalue("new_postgresql")()) if place.database_url is None else None
    other = Place(tmp_path / "other", url)
    with pytest.raises(Conflict, match="DXFLOW_DATABASE_URL"):
        other.restore(made)


def test_a_backup_of_a_newer_version_is_refused(
    place: Place, made: Made, elsewhere: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restoring, "MIGRATIONS", restoring.MIGRATIONS[:3])
    with pytest.raises(Conflict, match="newer dxflow"):
        elsewhere.restore(made)


def test_a_full_disk_leaves_nothing_behind(place: Place, tmp_path: Path) -> None:
    place.leave()
    there = tmp_path / "full"
    said = place.backup_with_little_room(there)
    assert said.startswith(f"no backup in {there}: ")
    assert list(there.iterdir()) == []


def test_what_a_killed_backup_left_behind_goes_with_the_next_one(place: Place, tmp_path: Path) -> None:
    left = tmp_path / "backups" / ".dxflow-20260101T000000Z.backup.partial"
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"x" * 100)
    made = place.backup(tmp_path / "backups")
    assert not left.exists()
    assert {file.name for file in (tmp_path / "backups").iterdir()} == {
        Path(made.data).name,
        Path(made.keys).name,
    }
