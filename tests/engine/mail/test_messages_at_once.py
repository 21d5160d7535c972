"""Two workers and one message, on both databases."""

from __future__ import annotations

from dataclasses import replace

from flow import HandClock, at_once, claim, drain, run
from mailserver import mail_server

from dxflow.engine.core import Core
from dxflow.engine.mail.queue import queue
from dxflow.engine.mail.smtp import Smtp
from dxflow.engine.post import Post
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

SENDER = "privacy@acme.example"


def test_two_workers_at_once_send_once(core: Core, tenant: NewTenant, clock: HandClock) -> None:
    with mail_server() as server:
        posting = replace(core, post=Post(Smtp.at(server.url(), SENDER), SENDER))
        values = {"reference": "r-1", "type": "access"}
        with core.store.transaction():
            queue(core, tenant.controller.id, "cancelled", "ada@people.example", values=values)
        [dispatch] = [one for one in claim(posting) if one.workflow == "message"]
        at_once(posting, [lambda: run(posting, dispatch)] * 4)
        clock.forward(3_600)  # who found it claimed waits for its next attempt
        drain(posting)
        assert len(server.received) == 1
    assert models.Message.get().state == "sent"
    assert {event.state for event in models.Event.select()} == {"done"}
