"""``backup`` and ``restore`` as operators use them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from commands import Home
from server import Server, edge_alone

from dxflow.engine import wiring
from dxflow.engine.services.audit import covering


def test_a_backup_is_two_files_and_says_where_the_keys_should_go(shop: Home) -> None:
    ended = shop.run("backup")
    assert ended.code == 0, ended
    data, keys = sorted((shop.directory / "backups").iterdir())
    assert (data.suffix, keys.suffix) == (".backup", ".keys")
    assert data.name in ended.out.replace("\n", "")
    assert "--keys-to" in ended.err


def test_the_keys_can_go_elsewhere_at_once(shop: Home, tmp_path: Path) -> None:
    found = shop.ask("backup", "--to", str(tmp_path / "data-parts"), "--keys-to", str(tmp_path / "safe"))
    assert Path(found["data"]).parent == tmp_path / "data-parts"
    assert [Path(found["keys"])] == list((tmp_path / "safe").iterdir())
    assert found["data_bytes"] == Path(found["data"]).stat().st_size
    assert found["apart"]
    assert found["rate"] > 0
    assert "keep" not in shop.run("backup", "--to", str(tmp_path / "a"), "--keys-to", str(tmp_path / "b")).err


def test_a_lost_machine_comes_back_from_its_two_files(shop: Home, tmp_path: Path) -> None:
    tenant = shop.ask("tenant", "list")[0]
    made = shop.ask("backup", "--to", str(tmp_path / "kept"))
    shutil.rmtree(shop.directory)
    found = shop.ask("restore", made["data"], "--keys", made["keys"])
    assert found["root_key_written"] == str(shop.directory / "root.key")
    assert shop.ask("tenant", "list")[0]["did"] == tenant["did"]
    assert shop.ask("audit", "verify")["ok"]


def test_without_force_nothing_that_is_there_is_replaced(shop: Home, tmp_path: Path) -> None:
    made = shop.ask("backup", "--to", str(tmp_path / "kept"))
    shop.run("restore", made["data"]).refused("--force")
    ended = shop.run("restore", made["data"], "--force")
    assert ended.code == 0, ended
    aside = next(shop.directory.glob("dxflow.db.before-*"))
    assert aside.name in ended.err.replace("\n", "")


def test_a_gap_is_told_in_words(shop: Home, tmp_path: Path) -> None:
    made = shop.ask("backup", "--to", str(tmp_path / "kept"))
    shop.ask("key", "create", "--name", "Later")
    core = shop.core()
    covering.cover(core)
    core.store.close()
    wiring.forget()
    ended = shop.run("restore", made["data"], "--force")
    assert ended.code == 0, ended
    assert "came back without its 1 newest published entries (from entry" in ended.err
    assert "/epoch/2" in ended.err
    assert shop.ask("audit", "verify")["ok"]


def test_a_missing_root_key_is_named_in_one_line(shop: Home, home: Home, tmp_path: Path) -> None:
    made = shop.ask("backup", "--to", str(tmp_path / "kept"))
    root = json.loads(Path(made["keys"]).read_text())["key"]["root"]
    other = Home(tmp_path / "other")
    other.run("restore", made["data"]).refused(root)
    other.run("restore", str(tmp_path / "nothing.backup")).refused("isn't there")
    other.run("restore", made["keys"]).refused("no backup of dxflow")


@pytest.mark.fault
def test_a_server_that_runs_is_backed_up_and_not_restored_over(tmp_path: Path) -> None:
    with edge_alone(tmp_path / "data") as (server, installation):
        home = Home(installation.directory)
        assert isinstance(server, Server)
        made = home.ask("backup", "--to", str(tmp_path / "kept"))
        assert server.status_of("/healthz") == 200
        home.run("restore", made["data"], "--force").refused("stop dxflow's processes first")
        assert server.status_of("/healthz") == 200


def test_there_is_nothing_to_back_up_before_the_first_start(home: Home) -> None:
    home.run("backup").refused("migrate")
