"""Guessing: a few tries, then a wait that grows; counted before anything is checked, and shared by all."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from flow import HandClock, at_once, leaves

from dxflow.engine.core import Core
from dxflow.engine.errors import NotAuthentic, TooManyAttempts
from dxflow.engine.services.people import attempts, devices, sessions, users
from dxflow.engine.services.people.devices import Client
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

from .conftest import EMAIL, PASSWORD

STRANGER = Client("203.0.113.7")

Guess = Callable[..., str]


def guess(core: Core, email: str = EMAIL, password: str = "wrong", client: Client = STRANGER) -> str:
    """``in``, ``refused`` or ``blocked``."""
    try:
        sessions.sign_in(core, email, password, client)
    except NotAuthentic:
        return "refused"
    except TooManyAttempts:
        return "blocked"
    return "in"


def blocked_for(core: Core, client: Client = STRANGER) -> int:
    with pytest.raises(TooManyAttempts) as blocked:
        sessions.sign_in(core, EMAIL, PASSWORD, client)
    return blocked.value.seconds


def test_after_five_failures_even_the_right_password_waits_half_a_minute(
    core: Core, clock: HandClock, user: models.User
) -> None:
    assert [guess(core) for _ in range(6)] == ["refused"] * 5 + ["blocked"]
    assert guess(core, password=PASSWORD) == "blocked"
    clock.forward(31)
    assert guess(core, password=PASSWORD) == "in"


def test_each_further_failure_doubles_the_wait_up_to_a_quarter_of_an_hour(
    core: Core, clock: HandClock, user: models.User
) -> None:
    for _ in range(5):
        guess(core)
    waits = []
    for _ in range(8):
        waits.append(blocked_for(core))
        clock.forward(waits[-1])
        assert guess(core) == "refused"
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]


def test_success_and_an_hour_of_quiet_give_all_tries_back(
    core: Core, clock: HandClock, user: models.User
) -> None:
    for _ in range(4):
        guess(core)
    assert guess(core, password=PASSWORD) == "in"
    assert [guess(core) for _ in range(5)] == ["refused"] * 5
    clock.forward(3600)
    assert [guess(core) for _ in range(6)] == ["refused"] * 5 + ["blocked"]


def test_one_address_has_fifty_failures_in_a_quarter_of_an_hour_whomever_it_means(
    core: Core, clock: HandClock, user: models.User
) -> None:
    tried = [guess(core, f"nobody{number}@acme.example") for number in range(51)]
    assert tried == ["refused"] * 50 + ["blocked"]
    assert guess(core, password=PASSWORD) == "blocked"
    assert guess(core, password=PASSWORD, client=Client("203.0.113.8")) == "in"
    clock.forward(900)
    assert guess(core, password=PASSWORD) == "in"


def test_who_signs_in_costs_their_address_nothing(core: Core, user: models.User) -> None:
    assert [guess(core, password=PASSWORD) for _ in range(60)] == ["in"] * 60
    for number in range(49):
        guess(core, f"nobody{number}@acme.example")
    assert guess(core, password=PASSWORD) == "in", "the fiftieth was right, and no failure"
    assert guess(core, password=PASSWORD) == "in"
    assert [guess(core, f"last{number}@acme.example") for number in range(2)] == ["refused", "blocked"]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("203.0.113.7", "203.0.113.8", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
    ],
)
def test_of_an_ipv6_address_the_network_counts(
    core: Core, user: models.User, first: str, second: str, same: bool
) -> None:
    for number in range(50):
        guess(core, f"nobody{number}@acme.example", client=Client(first))
    assert guess(core, password=PASSWORD, client=Client(second)) == ("blocked" if same else "in")


def test_an_unknown_account_is_blocked_like_a_known_one_and_nothing_is_written_about_it(
    core: Core, tenant: NewTenant, user: models.User
) -> None:
    before = len(leaves(tenant.controller.id))
    assert [guess(core, "nobody@acme.example") for _ in range(6)] == ["refused"] * 5 + ["blocked"]
    assert [guess(core, "no address") for _ in range(6)] == ["refused"] * 5 + ["blocked"]
    assert len(leaves(tenant.controller.id)) == before


def test_a_block_is_one_audit_entry_that_names_no_address(
    core: Core, tenant: NewTenant, user: models.User
) -> None:
    for _ in range(12):
        guess(core)
    [leaf] = leaves(tenant.controller.id, "user.sign_in_blocked")
    assert (leaf["user"], leaf["actor"], leaf["guessed"], leaf["failures"]) == (
        user.id,
        "system",
        "account",
        5,
    )
    assert EMAIL not in json.dumps(leaf)
    assert "203.0.113" not in json.dumps(leaf)


def test_a_browser_of_the_owners_comes_in_while_strangers_guess(
    core: Core, clock: HandClock, user: models.User
) -> None:
    own = Client("203.0.113.7", device=devices.cookie_for(core, user.id, ""))
    for number in range(50):
        guess(core, f"nobody{number}@acme.example")
    for _ in range(6):
        guess(core, client=Client("203.0.113.9"))
    assert guess(core, client=Client("203.0.113.10")) == "blocked", "the account"
    assert guess(core, client=STRANGER) == "blocked", "the address"
    assert guess(core, password=PASSWORD, client=own) == "in"
    assert [guess(core, client=own) for _ in range(6)] == ["refused"] * 5 + ["blocked"], (
        "it has its own count"
    )


def test_a_browser_is_known_for_its_own_user_alone(core: Core, tenant: NewTenant, user: models.User) -> None:
    other, _ = users.create(core, tenant.controller.id, "b@acme.example", "dpo", password=PASSWORD)
    cookie = devices.cookie_for(core, other.id, "")
    assert devices.recognised(core, other.id, cookie)
    assert devices.cookie_for(core, other.id, cookie) == cookie
    for made_up in (cookie, "", ".", "x", "x.y", f"{cookie}0", cookie.replace(".", ".0"), "\ud800.\ud800"):
        assert devices.recognised(core, user.id, made_up) is None
        assert devices.cookie_for(core, user.id, made_up).count(".") == 1


def test_guesses_at_the_same_moment_get_no_more_checks_than_one_after_the_other(
    core: Core, user: models.User, checked: list[str]
) -> None:
    outcomes = at_once(core, [lambda: guess(core) for _ in range(24)])
    assert sorted(map(str, outcomes)) == ["blocked"] * 19 + ["refused"] * 5
    assert len(checked) == 5


def test_who_chooses_a_new_password_has_five_guesses_at_the_present_one(
    core: Core, tenant: NewTenant, user: models.User
) -> None:
    def change(current: str) -> None:
        users.set_password(core, tenant.controller.id, user.id, "another set of words", current=current)

    for _ in range(5):
        with pytest.raises(Exception, match="present password"):
            change("wrong")
    with pytest.raises(TooManyAttempts):
        change(PASSWORD)
    assert guess(core, password=PASSWORD) == "in", "signing in is counted apart"


def test_no_name_in_the_table_is_an_address(core: Core, user: models.User) -> None:
    guess(core)
    assert sorted(len(row.name) for row in models.Attempt.select()) == [64, 64]


def test_counts_that_mean_nothing_any_more_are_swept(core: Core, clock: HandClock, user: models.User) -> None:
    for _ in range(6):
        guess(core)
    assert attempts.forget(core) == 0
    clock.forward(3601)
    assert attempts.forget(core) == 2
    assert not models.Attempt.select().exists()
