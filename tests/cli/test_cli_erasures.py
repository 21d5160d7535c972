"""``erasure``, ``obligation``, ``suppression`` and ``connector api`` as people and scripts run them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import Home
from flow import Sender, customer, drain

from dxflow.engine.access.roles import Role
from dxflow.engine.platforms.base import Person
from dxflow.engine.services.people import users

EMAIL = "person1@shop.example"


@pytest.fixture
def whom(shop: Home) -> str:
    """A customer of a Shopify shop, and two officers."""
    core = shop.core()
    tenant_id = shop.ask("tenant", "list")[0]["id"]
    Sender(core, tenant_id).send("customers/create", customer())
    drain(core)
    for name in ("first", "second"):
        users.create(core, tenant_id, f"{name}@acme.example", Role.DPO)
    drain(core)
    found = core.subjects.find(tenant_id, Person(email=EMAIL))
    core.store.close()
    assert found is not None
    return str(found.id)


def test_two_people_erase_somebody_and_the_certificate_is_checked_without_a_database(
    shop: Home, whom: str, tmp_path: Path
) -> None:
    planned = shop.ask("erasure", "plan", whom)
    assert planned["where"]["recipients"][0]["platform"] == "shopify"
    proposed = shop.ask("subject", "erase", whom, "--yes", "--as", "first@acme.example")
    order = proposed["order"]
    shop.run("erasure", "approve", order).refused("takes a person")
    shop.run("erasure", "approve", order, "--as", "first@acme.example").refused("another person")
    done = shop.ask("erasure", "approve", order, "--as", "second@acme.example")
    assert done["state"] == "executed"

    note, receipt = tmp_path / "erased.note", tmp_path / "receipt.json"
    shop.ask("erasure", "certificate", order, "--out", str(note))
    assert shop.run("erasure", "certificate", order).out == note.read_text(), "or printed as it is"
    shop.ask("erasure", "receipt", order, "--out", str(receipt))
    key = shop.ask("audit", "checkpoint")["vkey"]
    elsewhere = Home(tmp_path / "nothing here")
    checked = elsewhere.ask("erasure", "verify", str(note), "--vkey", key, "--receipt", str(receipt))
    assert (checked["two_people"], checked["state"]) == (False, "preliminary"), (
        "one could be both at a keyboard"
    )
    assert not (tmp_path / "nothing here").exists(), "it needs no installation"
    note.write_text(note.read_text().replace("preliminary", "final"))
    elsewhere.run("erasure", "verify", str(note), "--vkey", key).refused("forged")

    (owed,) = shop.ask("obligation", "list", "--state", "manual")
    assert shop.ask("obligation", "show", owed["id"])["ids"] == [str(customer()["id"])]
    shop.ask("obligation", "close", owed["id"], "--reason", "erased in the admin")
    assert shop.ask("erasure", "certificate", order)["state"] == "final"
    assert len(shop.ask("suppression", "list", "--order", order)) == 2
    assert shop.ask("suppression", "lift", "--email", EMAIL, "--reason", "came back") == {"lifted": 2}


def test_alone_is_for_who_runs_the_machine_and_the_log_says_so(shop: Home, whom: str) -> None:
    shop.run("subject", "erase", whom, "--yes", "--alone", "--as", "first@acme.example").refused("machine")
    assert shop.ask("subject", "erase", whom, "--yes", "--alone")["links"] == 2
    leaves = json.dumps(shop.ask("audit", "show", str(shop.ask("audit", "checkpoint")["size"] - 1)))
    assert '"two_people": false' in leaves


def test_credentials_come_from_a_file_or_stdin_and_are_not_shown(
    shop: Home, whom: str, tmp_path: Path
) -> None:
    connector = shop.ask("connector", "list")[0]["id"]
    words = ("connector", "api", "set", connector, "--base-url", "https://acme.myshopify.com")
    said = shop.run(*words, "--json", stdin="# ours\naccess_token=shpat_secret\n")
    assert said.code == 0, said
    assert "shpat_secret" not in said.out + said.err
    file = tmp_path / "credentials"
    file.write_text("access_token=shpat_other\nversion=2026-04\n")
    assert shop.run(*words, "--from", str(file)).code == 0
    shop.run(*words, stdin="shpat_secret\n").misused("line 1 is not NAME=VALUE")
    shop.run(*words, stdin="secret_key=x\n").refused("access_token missing")
    assert shop.run("connector", "api", "remove", connector).code == 0
    shop.run("connector", "api", "check", connector).refused("no API credentials")
