"""Signing in and out: a one-time password opens once, a refusal tells nothing, what is taken away is gone."""

from __future__ import annotations

import hashlib
import json
import threading
from datetime import timedelta

import pytest
from flow import HandClock

from dxflow.engine.core import Core
from dxflow.engine.errors import NotAuthentic
from dxflow.engine.services import passwords, sessions, users
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

PASSWORD = "four plain words together"
EMAIL = "dpo@acme.example"


@pytest.fixture
def once(core: Core, tenant: NewTenant) -> str:
    """The one-time password of a user at EMAIL."""
    _, secret = users.create(core, tenant.controller.id, EMAIL, "dpo")
    assert secret is not None
    return secret


@pytest.fixture
def user(core: Core, tenant: NewTenant) -> models.User:
    """A user at EMAIL who chose PASSWORD."""
    return users.create(core, tenant.controller.id, EMAIL, "dpo", password=PASSWORD)[0]


def kinds() -> list[str]:
    return [entry.kind for entry in models.AuditEntry.select().order_by(models.AuditEntry.seq)]


def test_a_one_time_password_opens_exactly_one_session(core: Core, once: str) -> None:
    signed = sessions.find(core, sessions.sign_in(core, EMAIL, once))
    assert signed is not None
    assert not signed.has_password
    with pytest.raises(NotAuthentic):
        sessions.sign_in(core, EMAIL, once)
    assert kinds().count("user.signed_in") == 1


def test_of_two_who_bring_it_at_once_one_is_refused(core: Core, once: str) -> None:
    gate, outcomes = threading.Barrier(2), list[str]()

    def enter() -> None:
        gate.wait()
        try:
            sessions.sign_in(core, EMAIL, once)
            outcomes.append("in")
        except NotAuthentic:
            outcomes.append("refused")
        core.store.close()

    threads = [threading.Thread(target=enter) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["in", "refused"]
    assert models.Session.select().count() == 1


def test_a_one_time_password_may_be_typed_as_it_was_heard(core: Core, once: str) -> None:
    assert sessions.sign_in(core, EMAIL, f" {once.upper().replace('-', ' ')} ")


def test_a_chosen_password_opens_again_and_again(core: Core, user: models.User) -> None:
    tokens = {sessions.sign_in(core, EMAIL, PASSWORD) for _ in range(3)}
    assert len(tokens) == 3
    assert all(sessions.find(core, token) for token in tokens)


@pytest.mark.parametrize(
    ("email", "password"),
    [
        (EMAIL, "wrong"),
        (EMAIL, ""),
        (EMAIL, PASSWORD.upper()),
        ("nobody@acme.example", PASSWORD),
        ("no address", PASSWORD),
        ("", ""),
        (EMAIL, "\ud800" * 20),
    ],
)
def test_every_refusal_reads_alike(core: Core, user: models.User, email: str, password: str) -> None:
    with pytest.raises(NotAuthentic) as refused:
        sessions.sign_in(core, email, password)
    assert str(refused.value) == "this e-mail address and password don't fit together"
    assert not models.Session.select().exists()


def test_an_unknown_address_costs_one_verification_like_a_known_one(
    core: Core, user: models.User, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []

    def verified(stored: str, given: bytes) -> bool:
        checked.append(stored)
        return False

    monkeypatch.setattr(passwords, "_verified", verified)
    for email in (EMAIL, "nobody@acme.example", "no address"):
        with pytest.raises(NotAuthentic):
            sessions.sign_in(core, email, PASSWORD)
    assert len(checked) == 3
    assert len({stored.rsplit("$", 2)[0] for stored in checked}) == 1, "hashes of one cost"


def test_a_session_is_kept_as_a_hash_alone(core: Core, user: models.User) -> None:
    token = sessions.sign_in(core, EMAIL, PASSWORD)
    [row] = models.Session.select()
    assert row.token_hash == hashlib.sha256(token.encode()).hexdigest()
    assert len(token) >= 43


@pytest.mark.parametrize("token", ["", "x", "\ud800", "0" * 5000])
def test_a_made_up_token_is_nobodys(core: Core, user: models.User, token: str) -> None:
    sessions.sign_in(core, EMAIL, PASSWORD)
    assert sessions.find(core, token) is None


def test_a_session_ends_after_twelve_hours(core: Core, clock: HandClock, user: models.User) -> None:
    token = sessions.sign_in(core, EMAIL, PASSWORD)
    clock.forward(timedelta(hours=11, minutes=59).total_seconds())
    assert sessions.find(core, token) is not None
    clock.forward(120)
    assert sessions.find(core, token) is None
    sessions.sign_in(core, EMAIL, PASSWORD)
    assert models.Session.select().count() == 1, "the one that is over was swept away"


def test_a_deactivated_user_is_out_at_once(core: Core, user: models.User) -> None:
    token = sessions.sign_in(core, EMAIL, PASSWORD)
    models.User.update(active=False).where(models.User.id == user.id).execute()
    assert sessions.find(core, token) is None
    with pytest.raises(NotAuthentic):
        sessions.sign_in(core, EMAIL, PASSWORD)


def test_who_lost_their_membership_is_out_at_once(core: Core, user: models.User) -> None:
    token = sessions.sign_in(core, EMAIL, PASSWORD)
    models.Membership.delete().where(models.Membership.user_id == user.id).execute()
    assert sessions.find(core, token) is None
    with pytest.raises(NotAuthentic):
        sessions.sign_in(core, EMAIL, PASSWORD)


def test_signing_in_and_out_are_audit_entries_of_the_person(core: Core, user: models.User) -> None:
    signed = sessions.find(core, sessions.sign_in(core, EMAIL, PASSWORD))
    assert signed is not None
    sessions.sign_out(core, signed)
    sessions.sign_out(core, signed)
    entries = list(models.AuditEntry.select().order_by(models.AuditEntry.seq))[-2:]
    assert [entry.kind for entry in entries] == ["user.signed_in", "user.signed_out"]
    assert all(f"user:{user.id}" in json.dumps(json.loads(entry.leaf)) for entry in entries)
    assert kinds().count("user.signed_out") == 1
