"""``tenant``, ``key`` and ``user``: what they print, once and ever after."""

from __future__ import annotations

import re
import uuid

from commands import Home

from dxflow.engine.identity import did

NOBODY = "5b1e8c1c-6f5c-4d0a-9c44-5d4d54a3a111"


def test_a_tenant_is_made_with_its_did_and_first_key(home: Home) -> None:
    made = home.ask("tenant", "create", "--name", "Acme Shop")
    assert uuid.UUID(made["id"]).version == 4
    assert made["did"] == did.derive(made["id"], "dep")
    assert (made["name"], made["jurisdiction"]) == ("Acme Shop", "EU")
    assert made["api_key"].startswith("dxk_")


def test_tenants_are_listed_and_shown_without_their_keys(home: Home) -> None:
    made = home.ask("tenant", "create", "--name", "Acme Shop", "--jurisdiction", "DE")
    [listed] = home.ask("tenant", "list")
    shown = home.ask("tenant", "show", made["did"].upper())
    assert listed["did"] == shown["did"] == made["did"]
    assert (shown["connectors"], shown["log_entries"]) == (0, 2)
    assert "dxk_" not in str([listed, shown])


def test_an_unknown_jurisdiction_and_a_blank_name_are_refused(home: Home) -> None:
    home.run("tenant", "create", "--name", "Acme", "--jurisdiction", "Mars").refused("jurisdiction")
    home.run("tenant", "create", "--name", "  ").refused("name")
    assert home.ask("tenant", "list") == []


def test_a_tenant_that_does_not_exist_is_one_line(shop: Home) -> None:
    shop.run("tenant", "show", NOBODY).refused("no tenant")
    shop.run("key", "list", "--tenant", "did:dep:00").refused("no tenant")


def test_without_a_tenant_the_reason_says_how_to_make_one(home: Home) -> None:
    home.run("key", "list").refused("dxflow tenant create")


def test_with_two_tenants_one_must_be_named(shop: Home) -> None:
    second = shop.ask("tenant", "create", "--name", "Second Shop")
    shop.run("key", "list").refused("--tenant")
    assert [row["name"] for row in shop.ask("key", "list", "--tenant", second["did"])] == ["first key"]


def test_a_key_is_shown_once_and_listed_without_its_secret(shop: Home) -> None:
    made = shop.ask("key", "create", "--name", "reader", "--scope", "read")
    assert made["api_key"].startswith(made["prefix"])
    listed = shop.ask("key", "list")
    assert [(row["name"], row["scopes"]) for row in listed] == [
        ("first key", ["admin", "read", "scim", "write"]),
        ("reader", ["read"]),
    ]
    assert made["api_key"] not in str(listed)
    assert made["api_key"] not in shop.run("key", "list").out


def test_a_revoked_key_stays_listed_with_the_time(shop: Home) -> None:
    made = shop.ask("key", "create", "--name", "gone")
    assert shop.ask("key", "revoke", made["id"])["revoked_at"] is not None
    assert shop.ask("key", "list")[1]["revoked_at"] is not None
    shop.run("key", "revoke", NOBODY).refused("no such API key")


def test_an_unknown_scope_is_refused(shop: Home) -> None:
    shop.run("key", "create", "--name", "x", "--scope", "everything").refused(
        "allowed are read, write, admin"
    )


def test_a_user_gets_a_one_time_password_that_is_shown_once(shop: Home) -> None:
    made = shop.ask("user", "create", "--email", "Ada@Example.com", "--role", "dpo")
    assert re.fullmatch(r"\w{5}(-\w{5}){3}", made["one_time_password"])
    [listed] = shop.ask("user", "list")
    assert (listed["email"], listed["role"], listed["has_password"]) == ("ada@example.com", "dpo", False)
    assert made["one_time_password"] not in str(listed)


def test_a_role_is_changed_by_address_or_id(shop: Home) -> None:
    made = shop.ask("user", "create", "--email", "ada@example.com")
    assert shop.ask("user", "role", "ada@example.com", "auditor")["role"] == "auditor"
    assert shop.ask("user", "role", made["id"], "admin")["role"] == "admin"
    shop.run("user", "role", made["id"], "emperor").refused("allowed are owner")
    shop.run("user", "role", NOBODY, "admin").refused("no such user")


def test_a_table_for_people_has_headings_and_no_json(shop: Home) -> None:
    shown = shop.run("tenant", "list")
    heading, row = shown.out.splitlines()
    assert heading.split()[:2] == ["DID", "Name"]
    assert "Acme Shop" in row
    assert shown.err == ""


def test_somebody_is_invited_with_a_token_that_is_shown_once(shop: Home) -> None:
    made = shop.ask("user", "invite", "--email", "Ada@Example.com", "--role", "dpo")
    assert (made["email"], made["role"], made["state"]) == ("ada@example.com", "dpo", "pending")
    assert made["token"].startswith("dxi_")
    assert made["address"].endswith("/dashboard/invitation")
    assert shop.ask("user", "list") == []


def test_the_matrix_shows_every_role_and_permission(shop: Home) -> None:
    rows = shop.ask("user", "role", "--matrix")
    assert {"permission", "owner", "auditor"} <= set(rows[0])
    assert all(row["owner"] for row in rows)
    assert "business owner" in shop.run("user", "role", "--matrix").out
    assert shop.run("user", "role").code == 2


def test_a_command_is_run_for_a_member_with_their_role_and_name(shop: Home) -> None:
    owner = shop.ask("user", "create", "--email", "boss@example.com", "--role", "owner")
    shop.ask("user", "create", "--email", "ada@example.com", "--role", "auditor")
    shop.run("user", "invite", "--email", "x@example.com", "--as", "ada@example.com").refused(
        "your role here is auditor"
    )
    made = shop.ask("user", "invite", "--email", "x@example.com", "--as", "boss@example.com")
    assert made["invited_by"] == f"user:{owner['id']}"
    shop.run("user", "list", "--as", "nobody@example.com").refused("no such user")
    assert shop.run("keyring", "show", "--as", "boss@example.com").code == 2, "the operator's alone"


def test_a_members_place_is_closed_opened_and_ended(shop: Home) -> None:
    shop.ask("user", "create", "--email", "boss@example.com", "--role", "owner")
    shop.ask("user", "create", "--email", "ada@example.com")
    assert shop.ask("user", "shut-out", "ada@example.com")["active"] is False
    assert shop.ask("user", "bring-back", "ada@example.com")["active"] is True
    shop.ask("user", "remove", "ada@example.com")
    assert [row["email"] for row in shop.ask("user", "list")] == ["boss@example.com"]
    shop.run("user", "remove", "boss@example.com").refused("the last owner stays")
