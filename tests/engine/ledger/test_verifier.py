"""The single file that auditors run: what it accepts, and that nothing else passes.

Where a test plays the operator, it spoils the bundle and seals it again with the log's own key: what is inside
must convict it all the same.
"""

from __future__ import annotations

import ast
import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dxflow.engine.core import Core
from dxflow.engine.ledger import note, verifier
from dxflow.engine.ledger.leaves import commit
from dxflow.engine.ledger.log import Leaf
from dxflow.engine.services import tenants
from dxflow.engine.services.audit import covering, exports, log_keys
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models, quick

Spoil = Callable[[dict[str, bytes]], None]


def _register(core: Core, tenant: NewTenant, count: int) -> None:
    """Leaves that register activities, with their receipts, as the dx-agent writes them."""
    for _ in range(count):
        with core.store.transaction():
            activity = core.new_id()
            did = verifier.did_of({"activity_id": activity}, "dep")
            body = {
                "actor": "workflow:processing_activity",
                "activity": did,
                "commitment": commit(b"s" * 32, {}),
            }
            appended = core.log.append(tenant.controller.id, [Leaf("activity.registered", body)])
            receipt = {
                "activity_id": activity,
                "tenant_id": tenant.controller.id,
                "did": did,
                "origin": "",
                "log_index": appended.first,
                "tree_size": appended.size,
                "registered_at": core.clock(),
            }
            quick.insert(models.Registration, receipt)


def _grow(core: Core, tenant: NewTenant, count: int) -> None:
    with core.store.transaction():
        core.log.append(
            tenant.controller.id, [Leaf("test", {"actor": "system", "n": n}) for n in range(count)]
        )


@pytest.fixture
def bundle(core: Core, tenant: NewTenant, tmp_path: Path) -> Path:
    """A bundle with two tiles of entries, receipts, earlier checkpoints and a rotated key."""
    _register(core, tenant, 3)
    covering.cover(core)
    _grow(core, tenant, 260)
    covering.cover(core)
    log_keys.rotate(core)
    _register(core, tenant, 2)
    path = tmp_path / "bundle.zip"
    exports.export(core, tenant.controller.id, path)
    return path


@pytest.fixture
def resealed(core: Core, tenant: NewTenant, bundle: Path, tmp_path: Path) -> Callable[[Spoil], Path]:
    """The bundle with other members under a genuine seal."""

    def make(spoil: Spoil) -> Path:
        with zipfile.ZipFile(bundle) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        spoil(members)
        manifest = json.loads(members["manifest.json"])
        manifest["members"] = {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            for name, data in members.items()
            if name != "manifest.json"
        }
        members["manifest.json"] = json.dumps(manifest).encode()
        path = tmp_path / "resealed.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        exports._seal(core, manifest["origin"], path)
        return path

    return make


def _refusal(path: Path, *keys: verifier.Key, kept: str | None = None) -> str:
    with pytest.raises(verifier.Broken) as refused:
        verifier.check(path, list(keys), kept)
    return str(refused.value)


def _keys(core: Core, tenant: NewTenant) -> list[verifier.Key]:
    origin = core.log.head(tenant.controller.id).origin
    return [verifier.Key.read(vkey) for vkey in core.signing.vkeys(origin)]


def test_a_genuine_bundle_holds_and_says_what_it_leaves_open(
    core: Core, tenant: NewTenant, bundle: Path
) -> None:
    size = core.log.head(tenant.controller.id).size
    report = verifier.check(bundle, [])
    told = "\n".join(report.holds)
    assert f"{size} entries" in told
    assert "5 processing activities registered here" in told
    assert "3 earlier checkpoints" in told
    assert f"covers the first {size} entries" in told
    assert any("came with the bundle" in one for one in report.notes)


def test_every_key_of_a_rotation_will_do_and_a_foreign_one_will_not(
    core: Core, tenant: NewTenant, bundle: Path
) -> None:
    older, newer = _keys(core, tenant)
    for keys in ([older], [newer], [older, newer]):
        assert verifier.check(bundle, keys).holds
    stranger = verifier.Key.read(note.SigningKey.generate(older.name).vkey)
    assert "foreign key" in _refusal(bundle, stranger)


def test_the_old_key_vouches_for_the_new_one_after_it_was_retired(
    core: Core, tenant: NewTenant, bundle: Path, tmp_path: Path
) -> None:
    older, _ = _keys(core, tenant)
    log_keys.retire(core)
    _grow(core, tenant, 5)
    later = tmp_path / "later.zip"
    exports.export(core, tenant.controller.id, later)
    assert verifier.check(later, [older]).holds


def test_a_key_that_no_trusted_one_vouches_for_is_refused(
    core: Core, tenant: NewTenant, resealed: Callable[[Spoil], Path]
) -> None:
    older, _ = _keys(core, tenant)
    log_keys.retire(core)
    assert "foreign key" in _refusal(resealed(_without_history(core, tenant)), older)


def _without_history(core: Core, tenant: NewTenant) -> Spoil:
    """The newest head, signed by the new key alone, and no checkpoint from the time when both signed."""
    head = core.log.head(tenant.controller.id)

    def spoil(members: dict[str, bytes]) -> None:
        text = members["checkpoint"].decode().partition("\n\n")[0] + "\n"
        members["checkpoint"] = core.signing.sign_text(head.origin, text).encode()
        members["checkpoints.jsonl"] = b""

    return spoil


@pytest.mark.parametrize("bit", range(8))
def test_one_flipped_bit_anywhere_is_found(bundle: Path, tmp_path: Path, bit: int) -> None:
    whole, path = bytearray(bundle.read_bytes()), tmp_path / "flipped.zip"
    for at in range(bit * 5, len(whole), 41):
        whole[at] ^= 1 << bit
        path.write_bytes(whole)
        _refusal(path)
        whole[at] ^= 1 << bit


def test_a_bundle_cut_short_anywhere_is_found(bundle: Path, tmp_path: Path) -> None:
    whole, path = bundle.read_bytes(), tmp_path / "short.zip"
    for length in (0, 1, 21, 22, 100, len(whole) // 2, len(whole) - 100, len(whole) - 1):
        path.write_bytes(whole[:length])
        _refusal(path)


def _entries(members: dict[str, bytes], change: Callable[[list[bytes]], None]) -> None:
    """Change the first 256 entries as a list."""
    data, found = members["tile/entries/000"], list[bytes]()
    while data:
        length = int.from_bytes(data[:2], "big")
        found.append(data[2 : 2 + length])
        data = data[2 + length :]
    change(found)
    members["tile/entries/000"] = b"".join(len(one).to_bytes(2, "big") + one for one in found)


def _swap(entries: list[bytes]) -> None:
    entries[10], entries[11] = entries[11], entries[10]


def _double(entries: list[bytes]) -> None:
    entries[11] = entries[10]


def _forge(entries: list[bytes]) -> None:
    entries[20] = entries[20].replace(b'"actor":"system"', b'"actor":"sYstem"')


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda entries: entries.pop(10), "holds 255 entries"),
        (_swap, "entry 10 says it is entry 11"),
        (_double, "entry 11 says it is entry 10"),
        (lambda entries: entries.append(entries[-1]), "holds 257 entries"),
        (_forge, "at least one was changed"),
        (lambda entries: entries.__setitem__(5, b"no json"), "malformed"),
    ],
)
def test_an_entry_dropped_reordered_doubled_or_changed_is_found_under_a_genuine_seal(
    resealed: Callable[[Spoil], Path], change: Callable[[list[bytes]], None], named: str
) -> None:
    assert named in _refusal(resealed(lambda members: _entries(members, change)))


def _receipts(members: dict[str, bytes], change: Callable[[list[dict[str, object]]], None]) -> None:
    rows = [json.loads(line) for line in members["receipts.jsonl"].splitlines()]
    change(rows)
    members["receipts.jsonl"] = b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda rows: rows.pop(1), "no receipt says so"),
        (lambda rows: rows.append(dict(rows[0], index=200)), "registers nothing"),
        (lambda rows: rows[0].update(activity_id="00000000-0000-4000-8000-000000000009"), "isn't the DID"),
        (lambda rows: rows[0].update(did=rows[1]["did"]), "no receipt says so"),
    ],
)
def test_a_receipt_that_does_not_fit_its_entry_is_found(
    resealed: Callable[[Spoil], Path], change: Callable[[list[dict[str, object]]], None], named: str
) -> None:
    assert named in _refusal(resealed(lambda members: _receipts(members, change)))


def test_a_member_missing_or_added_is_named(resealed: Callable[[Spoil], Path]) -> None:
    assert "missing in the bundle: keys.json" in _refusal(
        resealed(lambda members: members.pop("keys.json") and None)
    )
    assert "no part of a bundle: more" in _refusal(resealed(lambda members: members.update({"more": b""})))


def test_a_shorter_log_is_a_rollback_for_whoever_kept_a_checkpoint(
    core: Core, tenant: NewTenant, bundle: Path
) -> None:
    _grow(core, tenant, 7)
    kept = core.log.head(tenant.controller.id).checkpoint
    assert "rolled back: 7 entries" in _refusal(bundle, kept=kept)


def test_another_history_is_a_fork_for_whoever_kept_a_checkpoint(
    core: Core, tenant: NewTenant, bundle: Path
) -> None:
    head = core.log.head(tenant.controller.id)
    forked = core.signing.sign(head.origin, head.size - 2, b"\1" * 32)
    assert "forked: your checkpoint" in _refusal(bundle, kept=forked)
    genuine = models.CoveredCheckpoint.select().order_by(models.CoveredCheckpoint.size).first().checkpoint
    assert any("your own checkpoint" in one for one in verifier.check(bundle, [], genuine).holds)


def test_a_checkpoint_of_another_log_or_of_nobody_is_refused(
    core: Core, tenant: NewTenant, bundle: Path
) -> None:
    other = tenants.create(core, "another shop", "EU").controller.id
    assert "another log" in _refusal(bundle, kept=core.log.head(other).checkpoint)
    head = core.log.head(tenant.controller.id)
    unsigned = head.checkpoint.partition("\n\n")[0] + "\n\n— nobody " + "A" * 92 + "\n"
    assert "isn't signed" in _refusal(bundle, kept=unsigned)


def test_an_earlier_checkpoint_with_another_root_or_proof_is_found(
    core: Core, tenant: NewTenant, resealed: Callable[[Spoil], Path]
) -> None:
    origin = core.log.head(tenant.controller.id).origin

    def change(what: Callable[[dict[str, object]], None]) -> Spoil:
        def spoil(members: dict[str, bytes]) -> None:
            rows = [json.loads(line) for line in members["checkpoints.jsonl"].splitlines()]
            what(rows[0])
            members["checkpoints.jsonl"] = b"".join(json.dumps(row).encode() + b"\n" for row in rows)

        return spoil

    forked = core.signing.sign(origin, 4, b"\2" * 32)
    assert "forked" in _refusal(resealed(change(lambda row: row.update(checkpoint=forked))))
    assert "consistency proof" in _refusal(resealed(change(lambda row: row.update(consistency=["00" * 32]))))


def test_an_installation_that_commits_to_another_tree_is_found(resealed: Callable[[Spoil], Path]) -> None:
    def spoil(members: dict[str, bytes]) -> None:
        row = json.loads(members["installation.json"])
        row["payload"]["root"] = "00" * 32
        members["installation.json"] = json.dumps(row).encode()

    assert "doesn't commit" in _refusal(resealed(spoil))


def test_a_small_file_that_unpacks_into_a_large_one_is_refused(resealed: Callable[[Spoil], Path]) -> None:
    def spoil(members: dict[str, bytes]) -> None:
        members["keys.json"] = b" " * (verifier.SMALL + 1)

    assert "longer than" in _refusal(resealed(spoil))


def test_one_proof_stands_alone(core: Core, tenant: NewTenant, bundle: Path, tmp_path: Path) -> None:
    row = models.Registration.select().order_by(models.Registration.log_index).first()
    path = tmp_path / "one.tlog-proof"
    path.write_text(exports.activity_proof(core, tenant.controller.id, row.did), encoding="utf-8")
    keys = _keys(core, tenant)
    assert row.did in verifier.check(path, keys[:1]).holds[0]
    assert "--key" in _refusal(path)
    assert "isn't signed" in _refusal(path, verifier.Key.read(note.SigningKey.generate(keys[0].name).vkey))
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("index ", "index 1"), encoding="utf-8")
    _refusal(path, *keys)


def test_the_file_runs_alone_on_a_machine_without_dxflow(bundle: Path, tmp_path: Path) -> None:
    shutil.copy(verifier.__file__, tmp_path / "check.py")
    command = [sys.executable, "-I", str(tmp_path / "check.py")]
    ended = subprocess.run([*command, str(bundle)], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (ended.returncode, ended.stdout.split("\n")[0]) == (0, "HOLDS")
    spoilt = tmp_path / "spoilt.zip"
    spoilt.write_bytes(bundle.read_bytes().replace(b"checkpoint", b"checkpoinT"))
    ended = subprocess.run([*command, str(spoilt)], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (ended.returncode, ended.stdout.split("\n")[0]) == (1, "FAILED")
    ended = subprocess.run(
        [*command, "nowhere.zip"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert ended.returncode == 2


def test_the_file_imports_the_standard_library_and_pycryptodome_alone() -> None:
    tree = ast.parse(Path(verifier.__file__).read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    froms = {(node.level, node.module or "") for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {level for level, _ in froms} == {0}
    roots = {name.partition(".")[0] for name in names | {module for _, module in froms}}
    assert roots - {"Crypto"} <= sys.stdlib_module_names
