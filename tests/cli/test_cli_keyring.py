"""``keyring``: keys are shown by name alone, and rotated one kind after the other."""

from __future__ import annotations

import base64

import pytest
from commands import Home


@pytest.mark.parametrize("key", ["tenant", "link"])
def test_keys_of_all_are_rotated_and_everything_is_still_there(shop: Home, key: str) -> None:
    rotated = shop.ask("keyring", "rotate", key)
    assert {row["owner"] for row in rotated} >= {"installation"}
    assert len(rotated) == 2
    assert {(row["version"], row["left"]) for row in rotated} == {(2, 0)}
    assert shop.ask("audit", "verify")["ok"] is True
    shown = {row["owner"]: row for row in shop.ask("keyring", "show")["keys"] if row["key"] == key}
    assert {row["version"] for row in shown.values()} == {2}
    assert {tuple(row["retired"]) for row in shown.values()} == {(1,)}


def test_the_root_key_is_rotated_in_its_file(shop: Home) -> None:
    file = shop.directory / "root.key"
    before, shown = file.read_text(), shop.ask("keyring", "show")["root"]
    (rotated,) = shop.ask("keyring", "rotate", "root")
    assert rotated["retired"] == [shown["id"]]
    assert file.read_text() != before
    assert len(base64.b64decode(file.read_text())) == 32
    assert shop.ask("audit", "verify")["ok"] is True
    assert shop.ask("doctor")["ok"] is True


def test_no_key_is_ever_shown(shop: Home) -> None:
    shown = shop.run("keyring", "show")
    assert shown.code == 0
    assert (shop.directory / "root.key").read_text().strip() not in shown.out + shown.err
    assert "installation" in shown.out


def test_an_unknown_kind_is_wrong_usage(shop: Home) -> None:
    assert shop.run("keyring", "rotate", "everything").code == 2
