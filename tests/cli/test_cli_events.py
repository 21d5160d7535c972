"""``event``: look at what failed, try it again, give it up."""

from __future__ import annotations

from commands import Failure, Home

NOBODY = "5b1e8c1c-6f5c-4d0a-9c44-5d4d54a3a111"


def test_events_are_listed_by_state_source_and_text(failure: Failure) -> None:
    home = failure.home
    [failed] = home.ask("event", "list", "--state", "failed")
    assert failed["id"] == failure.event_id
    assert {"source": "shopify", "topic": "customers/create", "step": "extract"}.items() <= failed.items()
    assert [row["id"] for row in home.ask("event", "list", "-q", "shape")] == [failure.event_id]
    assert home.ask("event", "list", "--source", "stripe") == []
    assert home.ask("event", "list", "--state", "retrying") == []
    assert len(home.ask("event", "list", "--limit", "1")) == 1
    home.run("event", "list", "--state", "lost").misused("'discarded'")


def test_an_event_is_shown_with_its_history(failure: Failure) -> None:
    shown = failure.home.ask("event", "show", failure.event_id)
    assert (shown["state"], shown["attempts"], shown["next_attempt_at"]) == ("failed", 1, None)
    assert "shape" in shown["error"]
    assert shown["history"][-1]["step"] == "extract"


def test_a_replayed_event_is_received_again(failure: Failure) -> None:
    replayed = failure.home.ask("event", "replay", failure.event_id)
    assert (replayed["state"], replayed["error"]) == ("received", None)
    failure.home.run("event", "replay", failure.event_id).refused("this event is received")


def test_all_failed_events_are_replayed_at_once(failure: Failure) -> None:
    home = failure.home
    assert home.ask("event", "replay", "--all", "--state", "failed", "--error", "no such text") == {
        "replayed": 0
    }
    assert home.ask("event", "replay", "--all", "--state", "failed") == {"replayed": 1}
    assert home.ask("event", "show", failure.event_id)["state"] == "received"


def test_a_discarded_event_keeps_the_reason(failure: Failure) -> None:
    discarded = failure.home.ask("event", "discard", failure.event_id, "--reason", "test data")
    assert discarded["state"] == "discarded"
    assert discarded["history"][-1]["reason"] == "test data"
    failure.home.run("event", "discard", failure.event_id, "--reason", "again").refused("nothing to discard")


def test_replaying_nothing_or_two_things_is_wrong_usage(shop: Home) -> None:
    shop.run("event", "replay").misused("name one event, or say --all")
    shop.run("event", "replay", NOBODY, "--all").misused("name one event, or say --all")


def test_an_event_that_does_not_exist_is_one_line(shop: Home) -> None:
    for words in (("show", NOBODY), ("replay", NOBODY), ("discard", NOBODY, "--reason", "x"), ("show", "x")):
        shop.run("event", *words).refused("no such event")


def test_a_blank_reason_is_refused_and_a_missing_one_is_said_to_be_missing(failure: Failure) -> None:
    failure.home.run("event", "discard", failure.event_id, "--reason", " ").refused("reason")
    discarded = failure.home.ask("event", "discard", failure.event_id)
    assert discarded["history"][-1]["reason"] == "no reason given"
