"""Whoever was given a package checks it without us: a bit that was changed, added or taken away is found."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import pyzipper
from flow import leaves

from dxflow.engine.core import Core
from dxflow.engine.errors import Invalid, LogBroken, Malformed
from dxflow.engine.fulfilment import archive, package, verification
from dxflow.engine.ledger import note
from dxflow.engine.store import models

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
Asked = Callable[..., models.RightsRequest]
Given = tuple[Path, str]
Files = dict[str, bytes]


@pytest.fixture
def given(core: Core, ada: models.DataSubject, asked: Asked, tmp_path: Path) -> Given:
    """A package as a person has it: the file and the passphrase."""
    made = package.make(core, ada.tenant_id, asked("access").id, "user:1")
    file = tmp_path / "package.zip"
    file.write_bytes(bytes(made.content))
    place = package.place(made.id)
    return file, core.keys.unseal(ada.tenant_id, bytes(made.passphrase_sealed), **place).decode()


def _changed(given: Given, change: Callable[[Files], None]) -> Path:
    """The same package after somebody who has the passphrase changed what is in it."""
    file, passphrase = given
    with pyzipper.AESZipFile(file) as opened:
        opened.setpassword(passphrase.encode())
        files = {name: opened.read(name) for name in opened.namelist()}
    change(files)
    _write(file, passphrase, files)
    return file


def _write(file: Path, passphrase: str, files: Files) -> None:
    with pyzipper.AESZipFile(
        file, "w", compression=pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES
    ) as made:
        made.setpassword(passphrase.encode())
        for name, content in files.items():
            made.writestr(name, content)


def _vkeys(core: Core, ada: models.DataSubject) -> list[str]:
    return core.signing.vkeys(core.log.head(ada.tenant_id).origin)


def test_a_package_as_it_was_made_holds_under_the_logs_key(
    core: Core, ada: models.DataSubject, given: Given
) -> None:
    (vkey,) = _vkeys(core, ada)
    found = verification.verify(*given, [vkey])
    assert (found.signed_by, found.trusted) == ((vkey,), True)
    assert found.digest == leaves(ada.tenant_id, "package.made")[0]["digest"]
    assert found.manifest["subject"] == ada.did
    assert json.loads(json.dumps(found.as_json()))["ok"] is True


def test_without_a_key_it_shows_that_it_is_of_one_piece_and_not_whose(given: Given) -> None:
    found = verification.verify(*given)
    assert found.signed_by
    assert not found.trusted


def test_a_passphrase_is_known_however_it_is_typed(given: Given) -> None:
    file, passphrase = given
    for typed in (passphrase.lower(), passphrase.replace("-", ""), f" {passphrase.replace('-', ' ')}\n"):
        assert verification.verify(file, typed).signed_by
    for wrong in ("", "ABCD-EFGH-JKLM-NPQR-STUV", passphrase[:-1], "Ω"):
        with pytest.raises(Invalid, match="passphrase"):
            verification.verify(file, wrong)


def _edit(name: str, content: bytes) -> Callable[[Files], None]:
    return lambda files: files.update({name: content})


def _relist(files: Files) -> None:
    """Somebody changes a file and the manifest with it: only the seal tells."""
    files["data.json"] = b"{}"
    manifest = json.loads(files["manifest.json"])
    manifest["files"]["data.json"] = {"sha256": hashlib.sha256(b"{}").hexdigest(), "bytes": 2}
    files["manifest.json"] = json.dumps(manifest).encode()


@pytest.mark.parametrize(
    "change",
    [
        _edit("data.json", b"{}"),
        _edit("index.html", b""),
        _edit("csv/consents.csv", b"x" * 10_000),
        _edit("more.txt", b"more"),
        lambda files: files.pop("csv/events.csv") and None,
        _relist,
        _edit("manifest.sig", b"no note"),
    ],
    ids=["changed", "emptied", "longer", "added", "removed", "relisted", "unsealed"],
)
def test_whatever_was_changed_inside_is_found(given: Given, change: Callable[[Files], None]) -> None:
    with pytest.raises(LogBroken):
        verification.verify(_changed(given, change), given[1])


def test_a_package_that_somebody_else_signed_is_not_ours(
    core: Core, ada: models.DataSubject, given: Given
) -> None:
    origin = core.log.head(ada.tenant_id).origin
    mallory = note.SigningKey.generate(origin)

    def sign(files: Files) -> None:
        manifest = json.loads(files["manifest.json"]) | {"keys": [mallory.vkey]}
        files["manifest.json"] = json.dumps(manifest).encode()
        files["manifest.sig"] = mallory.sign_note(archive.seal_text(origin, files["manifest.json"])).encode()

    file = _changed(given, sign)
    assert verification.verify(file, given[1]).signed_by == (mallory.vkey,)
    with pytest.raises(LogBroken, match="no known key"):
        verification.verify(file, given[1], _vkeys(core, ada))


def test_a_file_that_was_added_unencrypted_is_found(given: Given) -> None:
    with zipfile.ZipFile(given[0], "a") as opened:
        opened.writestr("readme.txt", "open me")
    with pytest.raises(LogBroken, match="isn't encrypted"):
        verification.verify(*given)


def test_a_name_that_stands_twice_is_found(given: Given) -> None:
    with pyzipper.AESZipFile(given[0], "a", encryption=pyzipper.WZ_AES) as opened:
        opened.setpassword(given[1].encode())
        with pytest.warns(UserWarning, match="Duplicate name"):
            opened.writestr("data.json", b"{}")
    with pytest.raises(LogBroken, match="twice"):
        verification.verify(*given)


def test_every_bit_that_flips_is_found_or_changes_nothing_that_is_read(given: Given) -> None:
    file, passphrase = given
    raw, told = file.read_bytes(), verification.verify(file, passphrase).manifest
    step, found = max(1, len(raw) // 40), 0
    for place in range(0, len(raw), step):
        file.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
        try:
            assert verification.verify(file, passphrase).manifest == told
        except (Invalid, Malformed, LogBroken):
            found += 1
    assert found > 25


@pytest.mark.parametrize("content", [b"", b"PK", b"no archive at all", b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_package_is_called_so(given: Given, content: bytes) -> None:
    given[0].write_bytes(content)
    with pytest.raises(Malformed):
        verification.verify(*given)


def test_a_package_that_was_cut_off_is_called_so(given: Given) -> None:
    raw = given[0].read_bytes()
    for part in (10, len(raw) // 2, len(raw) - 1):
        given[0].write_bytes(raw[:part])
        with pytest.raises((Malformed, Invalid, LogBroken)):
            verification.verify(*given)


def test_a_member_that_unpacks_to_more_than_it_says_is_not_read_to_its_end(given: Given) -> None:
    """Ten gigabytes would stand behind a few kilobytes: no more than what is listed is read."""
    file, passphrase = given

    def swell(files: Files) -> None:
        files["data.json"] = b"\0" * (64 << 20)

    _changed(given, swell)
    assert file.stat().st_size < 1 << 20
    with pytest.raises(LogBroken, match="longer"):
        verification.verify(file, passphrase)


def test_a_wrong_verifier_key_is_refused_before_anything_is_read(given: Given) -> None:
    with pytest.raises(Invalid, match="vkey"):
        verification.verify(*given, ["no key"])


@pytest.mark.parametrize(
    "manifest", [b"[]", b"{}", b'{"format":"dxflow-package","version":2}', b"\xff", b"{"]
)
def test_a_manifest_that_says_nothing_known_is_refused(given: Given, manifest: bytes) -> None:
    with pytest.raises(Malformed):
        verification.verify(_changed(given, _edit("manifest.json", manifest)), given[1])


@pytest.mark.parametrize(
    "listed", [{"data.json": 1}, {"data.json": {}}, {"data.json": {"sha256": "x", "bytes": "y"}}]
)
def test_a_manifest_that_lists_nonsense_is_refused(given: Given, listed: dict[str, object]) -> None:
    def list_it(files: Files) -> None:
        kept = {name: files[name] for name in ("manifest.json", "manifest.sig", "data.json")}
        mallory = note.SigningKey.generate("mallory.example")
        told = json.loads(files["manifest.json"]) | {"files": listed, "keys": [mallory.vkey]}
        kept["manifest.json"] = json.dumps(told).encode()
        kept["manifest.sig"] = mallory.sign_note(
            archive.seal_text(told["origin"], kept["manifest.json"])
        ).encode()
        files.clear()
        files.update(kept)

    with pytest.raises(Malformed, match="the manifest"):
        verification.verify(_changed(given, list_it), given[1])
