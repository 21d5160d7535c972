"""``desk show|set`` as people run it."""

from __future__ import annotations

from commands import Home


def test_a_desk_is_shown_and_changed(shop: Home) -> None:
    assert shop.ask("desk", "show")["zone"] == "UTC"
    words = ("--zone", "Europe/Berlin", "--language", "de", "--language", "en", "--form", "closed")
    more = ("--team-email", "team@acme.example", "--embed-origin", "https://www.acme.example")
    made = shop.ask("desk", "set", *words, *more)
    assert (made["zone"], made["languages"], made["form_open"]) == ("Europe/Berlin", ["de", "en"], False)
    assert made["team_email_set"] is True
    assert "team@" not in str(made)
    cleared = shop.ask("desk", "set", "--clear", "team-email", "--clear", "embed-origins")
    assert (cleared["team_email_set"], cleared["embed_origins"], cleared["zone"]) == (
        False,
        [],
        "Europe/Berlin",
    )
    assert shop.ask("desk", "show") == cleared


def test_what_isnt_allowed_is_refused(shop: Home) -> None:
    shop.run("desk", "set", "--zone", "Mars").refused("zone")
    shop.run("desk", "set", "--package-days", "0").refused("package_days")
    shop.run("desk", "set", "--language", "xx").refused("languages")
    shop.run("desk", "set", "--clear", "zone").misused("allowed are team-email")
    shop.run("desk", "set").misused("nothing to change")
    shop.run("desk", "set", "--authority", "X", "--clear", "authority").misused("set too")
    assert shop.ask("desk", "show")["updated_at"] is None
