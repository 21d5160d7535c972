"""What comes in through the doors is found in the clear in no column of the database."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from drp_agent import Agent
from flow import drain

from dxflow.engine.core import Core
from dxflow.engine.desk import portal
from dxflow.engine.desk.portal import Wish
from dxflow.engine.platforms.base import Person
from dxflow.engine.services.people.devices import Client
from dxflow.engine.services.rights import email_intake, imports
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

MARK = "kanarie"
EMAIL, NAME = f"{MARK}@person.example", f"{MARK} Byron"


def test_no_column_holds_a_word_of_who_asked(
    core: Core, tenant: NewTenant, agent: Agent, tmp_path: Path
) -> None:
    mine = tenant.controller.id
    wish = Wish("access", Person(EMAIL, None, NAME), "DE", f"I am {NAME}", "en", MARK * 4)
    portal.submit(core, portal.find(mine), wish, Client("203.0.113.77"))
    text = f"type,email,name,details,reference\naccess,{EMAIL},{NAME},{MARK},{MARK}-1\n"
    assert imports.from_csv(core, mine, "key:1", text)[0].ok
    message = f"From: {NAME} <{EMAIL}>\nMessage-ID: <{MARK}@x>\nSubject: {MARK}\n\nDelete my data, {MARK}."
    assert email_intake.take(core, mine, "key:1", message).new
    claims = {
        "agent-request-id": f"{MARK}-2",
        "status_callback": f"https://{MARK}.example/{MARK}",
        "address": {"street_address": MARK},
        "email": EMAIL,
        "name": NAME,
    }
    assert agent.exercise(**claims).status_code == 200
    drain(core)
    assert {row.source for row in models.RightsRequest.select()} == {"form", "csv", "email", "drp"}
    core.store.close()
    with sqlite3.connect(tmp_path / "dx flow.db") as database:
        dumped = "\n".join(database.iterdump())
    assert "rights_requests" in dumped
    for said in (MARK, MARK.capitalize(), MARK.encode().hex(), "203.0.113.77"):
        assert said.lower() not in dumped.lower(), said
