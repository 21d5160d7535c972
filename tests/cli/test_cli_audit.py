"""``audit``: the log is checked, and its head is handed out."""

from __future__ import annotations

import sqlite3

from commands import Failure, Home

from dxflow.engine.ledger import note


def test_a_sound_log_verifies(failure: Failure) -> None:
    found = failure.home.ask("audit", "verify")
    assert (found["ok"], found["tenants"], found["problems"]) == (True, 1, [])
    assert found["entries"] > 2


def test_one_tenants_log_is_verified_alone(shop: Home) -> None:
    second = shop.ask("tenant", "create", "--name", "Second Shop")
    assert shop.ask("audit", "verify")["tenants"] == 2
    assert shop.ask("audit", "verify", "--tenant", second["did"])["tenants"] == 1


def test_a_changed_entry_is_found_and_the_exit_code_says_so(shop: Home) -> None:
    with sqlite3.connect(shop.directory / "dxflow.db") as database:
        database.execute("DROP TRIGGER audit_entries_no_update")
        database.execute("UPDATE audit_entries SET leaf = replace(leaf, 'tenant.created', 'tenant.forged')")
    found = shop.run("audit", "verify", "--json")
    assert found.code == 1
    assert found.document["ok"] is False
    assert found.document["problems"]


def test_a_checkpoint_is_a_signed_note_that_its_key_opens(shop: Home) -> None:
    [tenant] = shop.ask("tenant", "list")
    found = shop.ask("audit", "checkpoint")
    opened = note.open_checkpoint(found["checkpoint"], [note.Verifier.from_vkey(found["vkey"])])
    assert found["did"] == tenant["did"]
    assert (opened.origin, opened.size, opened.root.hex()) == (found["origin"], found["size"], found["root"])
