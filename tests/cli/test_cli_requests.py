"""``request``: the queue, one request with its clock, and taking it on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from commands import Home

from dxflow.engine.platforms.base import Person
from dxflow.engine.services.rights import requests
from dxflow.engine.services.subjects import subjects

NOBODY = "5b1e8c1c-6f5c-4d0a-9c44-5d4d54a3a111"


@pytest.fixture
def asked(shop: Home) -> str:
    """A request that came 40 days ago, and one of today; the older one's id."""
    core = shop.core()
    tenant_id = shop.ask("tenant", "list")[0]["id"]
    ada = Person(email="ada@canary.example")
    old = requests.create(
        core, tenant_id, "system", "access", ada, received_at=core.clock() - timedelta(days=40)
    )
    requests.create(core, tenant_id, "system", "erasure", ada)
    core.store.close()
    return str(old.id)


def test_the_queue_is_listed_the_first_due_on_top_and_names_nobody(shop: Home, asked: str) -> None:
    rows = shop.ask("request", "list")
    assert [row["type"] for row in rows] == ["access", "erasure"]
    assert rows[0]["id"] == asked
    assert [row["id"] for row in shop.ask("request", "list", "--view", "overdue")] == [asked]
    assert shop.ask("request", "list", "--view", "closed") == []
    assert "canary" not in shop.run("request", "list").out


def test_one_is_shown_with_its_clock_and_what_comes_next(shop: Home, asked: str) -> None:
    shown = shop.ask("request", "show", asked)
    assert shown["actions"] == ["verify", "hold", "reject", "cancel"]
    assert {"date", "what", "why", "citation"} == set(shown["clock"][0])
    said = shop.run("request", "show", asked).out
    assert "GDPR Art. 12(3)" in said
    shop.run("request", "show", NOBODY).refused("no such rights request")
    shop.run("request", "show", "nonsense").refused("no such rights request")


def test_it_is_taken_on_step_by_step(shop: Home, asked: str) -> None:
    shop.ask("request", "act", asked, "verify", "--reason", "known at the counter")
    for act in ("collect", "review"):
        shop.ask("request", "act", asked, act)
    shop.ask("request", "act", asked, "respond", "--decision", "partly", "--message", "By post.")
    done = shop.ask("request", "act", asked, "complete")
    assert (done["state"], done["decision"], done["actions"]) == ("completed", "partly", [])
    assert [row["id"] for row in shop.ask("request", "list", "--view", "closed")] == [asked]


def test_who_cant_be_written_to_was_told_otherwise(shop: Home) -> None:
    core = shop.core()
    tenant_id = shop.ask("tenant", "list")[0]["id"]
    by_phone = requests.create(core, tenant_id, "system", "access", Person(phone="+4930123456")).id
    core.store.close()
    denial = ("request", "act", by_phone, "reject", "--reason", "no_match")
    shop.run(*denial).refused("told_otherwise")
    assert shop.ask(*denial, "--told-otherwise", "by telephone")["state"] == "rejected"


def test_it_is_matched_by_hand_and_answered_by_hand(shop: Home, asked: str) -> None:
    core = shop.core()
    tenant_id = shop.ask("tenant", "list")[0]["id"]
    ada = subjects.enter(core, tenant_id, Person(email="other@canary.example"), "system")[0].id
    core.store.close()
    shop.run("request", "act", asked, "match").misused("--of")
    shop.run("request", "act", asked, "match", "--of", NOBODY).refused("no such data subject")
    shop.ask("request", "act", asked, "match", "--of", ada)
    shop.ask("request", "act", asked, "verify", "--reason", "known at the counter")
    for act in ("collect", "review"):
        shop.ask("request", "act", asked, act)
    shop.run("request", "act", asked, "respond", "--decision", "fulfilled").refused("no package")
    done = shop.ask(
        "request", "act", asked, "respond", "--decision", "fulfilled", "--told-otherwise", "By hand."
    )
    assert (done["state"], done["decision"]) == ("response_sent", "fulfilled")


def test_what_does_not_fit_is_refused_before_anything_happens(shop: Home, asked: str) -> None:
    shop.run("request", "act", asked, "verify").misused("--reason")
    shop.run("request", "act", asked, "collect", "--reason", "why not").misused("takes no option")
    shop.run("request", "act", asked, "complete").refused("allows verify, hold, reject, cancel")
    shop.run("request", "act", asked, "reject", "--reason", "because").refused("no_match")
    assert shop.ask("request", "show", asked)["state"] == "received"


def test_a_dry_run_says_what_would_happen_and_what_is_in_the_way(shop: Home, asked: str) -> None:
    ended = shop.run("request", "dry-run", asked, "--json")
    assert ended.code == 1
    assert ended.document["blocked"] == ["nobody on file matches who asked", "nobody has proven who asks"]
    assert "package" in ended.document["effect"]
    assert shop.ask("request", "show", asked)["state"] == "received"
