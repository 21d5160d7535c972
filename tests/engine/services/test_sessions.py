"""Signing in and out: a one-time password opens once, a refusal tells nothing, what is taken away is gone."""

from __future__ import annotations

import hashlib
import json
import threading
from datetime import timedelta

import pytest
from flow import HandClock

from dxflow.engine.core import Core
from dxflow.engine.errors import Forbidden, NotAuthentic, NotFound
from dxflow.engine.services import tenants
from dxflow.engine.services.people import passwords, session_rows, sessions, users
from dxflow.engine.services.people.devices import NOWHERE, Client
from dxflow.engine.services.people.sessions import Signed
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

from .conftest import EMAIL, PASSWORD


@pytest.fixture
def once(core: Core, tenant: NewTenant) -> str:
    """The one-time password of a user at EMAIL."""
    _, secret = users.create(core, tenant.controller.id, EMAIL, "dpo")
    assert secret is not None
    return secret


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
    core: Core, user: models.User, checked: list[str]
) -> None:
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


@pytest.fixture
def other(core: Core, user: models.User) -> models.DataController:
    """A second data controller that the user belongs to, as an auditor."""
    controller = tenants.create(core, "Other Shop", "FR").controller
    users.create(core, controller.id, EMAIL, "auditor")
    return controller


def signed_in(core: Core, client: Client = NOWHERE) -> Signed:
    signed = sessions.find(core, sessions.sign_in(core, EMAIL, PASSWORD, client))
    assert signed is not None
    return signed


def test_signing_in_leads_to_the_first_active_membership(
    core: Core, tenant: NewTenant, user: models.User, other: models.DataController
) -> None:
    assert signed_in(core).tenant_id == tenant.controller.id
    models.Membership.update(active=False).where(
        models.Membership.tenant_id == tenant.controller.id
    ).execute()
    assert signed_in(core).tenant_id == other.id


def test_a_membership_that_is_switched_off_opens_nothing(core: Core, user: models.User) -> None:
    token = sessions.sign_in(core, EMAIL, PASSWORD)
    models.Membership.update(active=False).execute()
    assert sessions.find(core, token) is None
    with pytest.raises(NotAuthentic):
        sessions.sign_in(core, EMAIL, PASSWORD)


def test_sessions_are_listed_with_where_and_when_which_lies_sealed(core: Core, user: models.User) -> None:
    here = signed_in(core, Client("203.0.113.7", "Firefox on Linux"))
    signed_in(core, Client("2001:db8::1", "Safari on iPhone"))
    listed = sessions.listing(core, user.id)
    assert [(one.client.address, one.client.browser) for one in listed] == [
        ("2001:db8::1", "Safari on iPhone"),
        ("203.0.113.7", "Firefox on Linux"),
    ]
    assert here.id in {one.id for one in listed}
    assert all(b"203.0.113.7" not in bytes(row.client_sealed) for row in models.Session.select())


def test_when_a_session_was_seen_is_kept_to_the_minute(
    core: Core, clock: HandClock, user: models.User
) -> None:
    token = sessions.sign_in(core, EMAIL, PASSWORD)
    made = models.Session.get().seen_at
    clock.forward(50)
    sessions.find(core, token)
    assert models.Session.get().seen_at == made
    clock.forward(15)
    sessions.find(core, token)
    assert models.Session.get().seen_at - made >= timedelta(seconds=65)


def test_of_more_than_twenty_sessions_the_oldest_goes(core: Core, user: models.User) -> None:
    tokens = [sessions.sign_in(core, EMAIL, PASSWORD) for _ in range(22)]
    assert [bool(sessions.find(core, token)) for token in tokens] == [False] * 2 + [True] * 20


def test_one_session_of_ones_own_is_ended_and_no_other(core: Core, user: models.User) -> None:
    here, lost, kept = (signed_in(core) for _ in range(3))
    sessions.revoke(core, here, lost.id)
    assert {one.id for one in sessions.listing(core, user.id)} == {here.id, kept.id}
    assert kinds()[-1] == "user.session_ended"
    for gone in (lost.id, "no id", ""):
        with pytest.raises(NotFound):
            sessions.revoke(core, here, gone)


def test_nobody_ends_somebody_elses_session(core: Core, tenant: NewTenant, user: models.User) -> None:
    mine = signed_in(core)
    users.create(core, tenant.controller.id, "b@acme.example", "owner", password=PASSWORD)
    theirs = sessions.find(core, sessions.sign_in(core, "b@acme.example", PASSWORD))
    assert theirs is not None
    with pytest.raises(NotFound):
        sessions.revoke(core, theirs, mine.id)
    assert sessions.revoke_others(core, theirs) == 0
    assert len(sessions.listing(core, user.id)) == 1


def test_all_others_are_ended_at_every_data_controller(
    core: Core, user: models.User, other: models.DataController
) -> None:
    here, elsewhere = signed_in(core), signed_in(core)
    sessions.switch(core, elsewhere, other.id)
    signed_in(core)
    assert sessions.revoke_others(core, here) == 2
    assert [one.id for one in sessions.listing(core, user.id)] == [here.id]
    assert kinds().count("user.session_ended") == 2, "in each log its own"


def test_a_manager_ends_a_members_sessions_at_their_own_data_controller_only(
    core: Core, tenant: NewTenant, user: models.User, other: models.DataController
) -> None:
    signed_in(core)
    there = sessions.switch(core, signed_in(core), other.id)
    assert sessions.end_all(core, tenant.controller.id, user.id, "user:1") == 1
    assert sessions.find(core, there) is not None
    assert sessions.end_all(core, tenant.controller.id, user.id, "user:1") == 0


def test_switching_goes_on_under_a_new_token_and_no_longer_than_before(
    core: Core, clock: HandClock, user: models.User, other: models.DataController
) -> None:
    token = sessions.sign_in(core, EMAIL, PASSWORD, Client("203.0.113.7", "Firefox"))
    here = sessions.find(core, token)
    assert here is not None
    clock.forward(3600)
    there = sessions.find(core, sessions.switch(core, here, other.id))
    assert there is not None
    assert sessions.find(core, token) is None
    assert (there.tenant_id, there.role, there.expires_at) == (other.id, "auditor", here.expires_at)
    assert there.csrf != here.csrf
    assert sessions.listing(core, user.id)[0].client.address == "203.0.113.7"
    with pytest.raises(NotAuthentic):
        sessions.switch(core, here, other.id)


def test_nobody_switches_to_where_they_dont_belong(
    core: Core, user: models.User, other: models.DataController
) -> None:
    signed = signed_in(core)
    strange = tenants.create(core, "Strange Shop", "FR").controller
    models.Membership.update(active=False).where(models.Membership.tenant_id == other.id).execute()
    for there in (strange.id, other.id, "", "no id"):
        with pytest.raises(NotFound):
            sessions.switch(core, signed, there)


def test_whom_a_provider_vouched_for_stays_where_it_did(
    core: Core, tenant: NewTenant, user: models.User, other: models.DataController
) -> None:
    there = sessions.find(core, sessions.switch(core, signed_in(core), other.id))
    token = sessions.sign_in(core, EMAIL, PASSWORD)
    oidc = models.Session.update(method="oidc").where(models.Session.tenant_id == tenant.controller.id)
    oidc.execute()
    vouched = sessions.find(core, token)
    assert vouched is not None
    assert there is not None
    with pytest.raises(Forbidden):
        sessions.switch(core, vouched, other.id)
    with pytest.raises(NotFound):
        sessions.revoke(core, vouched, there.id)
    assert sessions.revoke_others(core, vouched) == 0


def test_sessions_that_are_over_are_swept_with_what_they_say(
    core: Core, clock: HandClock, user: models.User
) -> None:
    signed_in(core)
    assert session_rows.forget(core) == 0
    clock.forward(13 * 3600)
    assert session_rows.forget(core) == 1


def test_a_second_factor_that_is_set_while_a_password_is_checked_is_asked_for(
    core: Core, user: models.User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(password: str, *, chosen: str | None, one_time: str | None) -> bool:
        models.User.update(totp_sealed=b"sealed", totp_confirmed_at=core.clock()).execute()
        return True

    monkeypatch.setattr(passwords, "matches", meanwhile)
    with pytest.raises(NotAuthentic):
        sessions.sign_in(core, EMAIL, PASSWORD)
    assert not models.Session.select().exists()
