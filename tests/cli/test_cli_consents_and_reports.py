"""``subject consents``, ``desk webhook`` and ``request report``."""

from __future__ import annotations

import json
from pathlib import Path

from commands import Home

from dxflow.engine.platforms.base import Person
from dxflow.engine.services.subjects import consents, subjects


def _person(shop: Home) -> str:
    core = shop.core()
    owner = shop.ask("tenant", "list")[0]["id"]
    person, _ = subjects.enter(core, owner, Person(email="ada@shop.example"), "system")
    for state in ("granted", "withdrawn"):
        consents.state(core, owner, person.id, "direct marketing", "email", state, actor="system")
    core.store.close()
    return str(person.id)


def test_a_receipt_is_written_once_and_checked_with_the_logs_key(shop: Home, tmp_path: Path) -> None:
    person, file = _person(shop), tmp_path / "receipt"
    (held,) = shop.ask("subject", "consents", person, "--receipt", str(file))
    assert held["state"] == "withdrawn"
    key = shop.ask("audit", "checkpoint")["vkey"]
    words = ("subject", "check-receipt", str(file), "--key", key)
    (record,) = shop.ask(*words)["receipt"]["records"]
    assert [event["event_state"] for event in record["events"]] == ["consent_given", "consent_withdrawn"]
    assert shop.run("subject", "consents", person, "--receipt", str(file)).code == 1
    file.write_text(file.read_text().replace("consent_withdrawn", "consent_given"))
    assert shop.run(*words).code == 1
    assert shop.run("subject", "check-receipt", str(file)).code == 2


def test_endpoints_are_managed_and_their_secret_is_shown_once(shop: Home) -> None:
    allowed = {"allowed_networks": "127.0.0.0/8"}
    words = ("desk", "webhook", "add", "http://127.0.0.1:9/hook", "--topic", "consent.changed", "--json")
    made = shop.run(*words, **allowed).document
    assert made["new_secret"].startswith("whsec_")
    (listed,) = shop.ask("desk", "webhook", "list")
    assert (listed["topics"], listed["waiting"]) == (["consent.changed"], 0)
    assert made["new_secret"] not in str(listed)
    assert shop.ask("desk", "webhook", "rotate", made["id"])["new_secret"] != made["new_secret"]
    assert "webhook_id" in shop.ask("desk", "webhook", "test", made["id"])
    assert shop.ask("desk", "webhook", "disable", made["id"])["disabled_because"] == "disabled by hand"
    refused = shop.run("desk", "webhook", "add", "http://127.0.0.1:9/hook")
    assert (refused.code, "url" in refused.err) == (1, True)


def test_a_report_is_printed_or_written_in_each_of_its_forms(shop: Home, tmp_path: Path) -> None:
    _person(shop)
    made = json.loads(shop.run("request", "report", "--kind", "metrics", "--from", "2025", "--json").out)
    assert (made["kind"], made["from"]) == ("metrics", "2025-01-01")
    table = shop.run("request", "report", "--kind", "metrics", "--format", "csv").out
    assert table.splitlines()[0].startswith("Requests of,To,Received")
    page = tmp_path / "register.html"
    assert shop.ask("request", "report", "--format", "html", "--out", str(page))["rows"] == 0
    assert page.read_text().startswith("<!doctype html>")
    assert shop.run("request", "report", "--out", str(page)).code == 1
    assert shop.run("request", "report", "--from", "soon").code == 1
