"""``audit export`` and ``audit check``."""

from __future__ import annotations

import json
from pathlib import Path

from commands import Home


def test_a_bundle_is_written_and_checked(shop: Home, tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    made = shop.ask("audit", "export", "--out", str(path))
    assert (made["path"], Path(made["path"]).stat().st_size) == (str(path), made["bytes"])
    checked = json.loads(shop.run("audit", "check", str(path), "--json").out)
    assert checked["ok"] is True
    assert any(f"{made['size']} entries" in one for one in checked["holds"])


def test_a_file_that_is_there_is_not_replaced_unless_told(shop: Home, tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    path.write_text("mine")
    shop.run("audit", "export", "--out", str(path)).refused("--force")
    assert path.read_text() == "mine"
    assert shop.run("audit", "export", "--out", str(path), "--force").code == 0
    assert sorted(tmp_path.glob("*unfinished*")) == []


def test_a_spoilt_bundle_fails_loudly(shop: Home, tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    shop.ask("audit", "export", "--out", str(path))
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)
    ended = shop.run("audit", "check", str(path))
    assert (ended.code, ended.out.splitlines()[0]) == (1, "FAILED")


def test_an_activity_that_was_never_registered_has_no_proof(shop: Home) -> None:
    unknown = "5b1e8c1c-6f5c-4d0a-9c44-5d4d54a3a111"
    shop.run("audit", "export", "--activity", unknown).refused("no registered activity")


def test_what_is_no_key_is_told_in_one_line(shop: Home, tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    shop.ask("audit", "export", "--out", str(path))
    ended = shop.run("audit", "check", str(path), "--key", "nonsense")
    assert (ended.code, ended.out.splitlines()[0]) == (1, "FAILED")
