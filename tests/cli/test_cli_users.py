"""``user one-time-password``, ``reset-password`` and ``reset-second-factor``: the operator's ways out."""

from __future__ import annotations

import pyotp
from commands import Home

from dxflow.engine.services.people import password_resets, second_factor, sessions, users

EMAIL, PASSWORD = "dpo@acme.example", "four plain words together"


def test_a_member_who_lost_their_app_signs_in_with_the_password_alone(shop: Home) -> None:
    core = shop.core()
    tenant_id = shop.ask("tenant", "list")[0]["id"]
    user, _ = users.create(core, tenant_id, EMAIL, "dpo", password=PASSWORD)
    signed = sessions.find(core, sessions.sign_in(core, EMAIL, PASSWORD))
    assert signed is not None
    secret = second_factor.begin(core, signed, PASSWORD).secret
    second_factor.confirm(core, signed, pyotp.TOTP(secret).now())
    assert sessions.find(core, sessions.sign_in(core, EMAIL, PASSWORD)) is None

    assert shop.ask("user", "reset-second-factor", EMAIL) == {"id": user.id, "removed": True}
    assert shop.ask("user", "reset-second-factor", user.id) == {"id": user.id, "removed": False}
    assert sessions.find(core, sessions.sign_in(core, EMAIL, PASSWORD))
    core.store.close()


def test_a_member_gets_a_new_one_time_password(shop: Home) -> None:
    made = shop.ask("user", "create", "--email", EMAIL)
    renewed = shop.ask("user", "one-time-password", EMAIL)
    assert renewed["id"] == made["id"]
    assert renewed["one_time_password"] != made["one_time_password"]


def test_whoever_runs_the_installation_makes_a_link_to_a_new_password(shop: Home) -> None:
    made = shop.ask("user", "create", "--email", EMAIL)
    told = shop.ask("user", "reset-password", "--email", EMAIL)
    assert told["id"] == made["id"]
    address, _, token = told["link"].partition("#")
    assert address.endswith("/dashboard/reset-password")
    core = shop.core()
    password_resets.use(core, token, PASSWORD)
    assert sessions.sign_in(core, EMAIL, PASSWORD)
    core.store.close()
    shop.run("user", "reset-password", "--email", "nobody@acme.example").refused("nobody signs in here")


def test_nobody_is_told_apart_by_these_commands(shop: Home) -> None:
    for command in ("reset-second-factor", "one-time-password"):
        shop.run("user", command, "nobody@acme.example").refused("no such user")
