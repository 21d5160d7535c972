"""``audit rotate-key`` and ``audit retire-key``."""

from __future__ import annotations

from commands import Home


def test_a_key_is_rotated_with_overlap_and_the_old_one_retired(shop: Home) -> None:
    rotated = shop.ask("audit", "rotate-key")
    assert len(rotated["active"]) == 2
    assert rotated["active"][-1] == rotated["added"]
    retired = shop.ask("audit", "retire-key")
    assert (retired["retired"], retired["active"]) == (rotated["active"][:1], [rotated["added"]])
    assert shop.ask("audit", "verify")["ok"] is True


def test_retiring_before_rotating_says_what_to_do(shop: Home) -> None:
    shop.run("audit", "retire-key").refused("rotate-key")


def test_people_see_which_key_is_new(shop: Home) -> None:
    shown = shop.run("audit", "rotate-key")
    assert shown.code == 0
    assert "New key" in shown.out
