"""A forgotten password, seen by its owner and by whoever would like to be: on both databases."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from flow import HandClock, drain
from postbox import Postbox

from dxflow.engine.access.roles import MATRIX, Role
from dxflow.engine.core import Core
from dxflow.engine.desk import settings
from dxflow.engine.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotAuthentic,
    NotFound,
    TooManyAttempts,
)
from dxflow.engine.services import tenants
from dxflow.engine.services.people import (
    entrance,
    membership,
    password_resets,
    second_factor,
    sessions,
    users,
)
from dxflow.engine.services.people.devices import Client
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

ADA, OLD, NEW = "ada@acme.example", "four plain words together", "other plain words together"
TOKEN = re.compile(r"^dxr_[\w-]{43}$", re.MULTILINE)


@pytest.fixture
def ada(core: Core, tenant: NewTenant) -> models.User:
    return users.create(core, tenant.controller.id, ADA, Role.DPO, password=OLD)[0]


def mailed(core: Core, box: Postbox, to: str = ADA) -> str:
    """The token of the newest link that went there."""
    drain(core)
    found = [token for text in box.to(to) for token in TOKEN.findall(text)]
    assert found, f"no link went to {to}"
    return str(found[-1])


def kinds(tenant_id: str) -> list[str]:
    row = models.AuditEntry
    return [one.kind for one in row.select().where(row.tenant_id == tenant_id).order_by(row.seq)]


def test_the_owner_of_the_mailbox_chooses_a_password_and_every_session_ends(
    mailing: Core, box: Postbox, tenant: NewTenant, ada: models.User
) -> None:
    other = tenants.create(mailing, "Other Shop", "FR").controller.id
    users.create(mailing, other, ADA, Role.MEMBER)
    here = sessions.find(mailing, sessions.sign_in(mailing, ADA, OLD))
    assert here is not None
    there = sessions.switch(mailing, here, other)
    again = sessions.sign_in(mailing, ADA, OLD)
    password_resets.ask(mailing, " ADA@acme.example ")
    token = mailed(mailing, box)
    assert password_resets.check(mailing, token) == ADA
    password_resets.use(mailing, token, NEW)
    assert [sessions.find(mailing, one) for one in (there, again)] == [None, None]
    with pytest.raises(NotAuthentic):
        sessions.sign_in(mailing, ADA, OLD)
    assert sessions.find(mailing, sessions.sign_in(mailing, ADA, NEW)) is not None
    assert "user.session_ended" in kinds(other)
    assert "user.password_reset" not in kinds(other), "how it came to that is told where the account began"
    assert {"user.password_reset_sent", "user.password_reset"} <= set(kinds(tenant.controller.id))
    drain(mailing)
    assert any("was changed just now" in text for text in box.to(ADA, "changed"))


def test_a_link_works_once_and_ends_its_siblings(mailing: Core, box: Postbox, ada: models.User) -> None:
    tokens = []
    for _ in range(2):
        password_resets.ask(mailing, ADA)
        tokens.append(mailed(mailing, box))
    password_resets.use(mailing, tokens[0], NEW)
    for token in tokens:
        with pytest.raises(NotFound):
            password_resets.use(mailing, token, OLD)


def test_a_link_ends_after_an_hour(mailing: Core, box: Postbox, ada: models.User, clock: HandClock) -> None:
    password_resets.ask(mailing, ADA)
    token = mailed(mailing, box)
    clock.forward(3_590)
    assert password_resets.check(mailing, token) == ADA
    clock.forward(20)
    with pytest.raises(NotFound):
        password_resets.use(mailing, token, NEW)
    assert password_resets.forget(mailing) == 1


def test_a_password_that_wont_do_uses_nothing_up(mailing: Core, box: Postbox, ada: models.User) -> None:
    password_resets.ask(mailing, ADA)
    token = mailed(mailing, box)
    for wrong in ("short", ADA, "aaaaaaaaaaaaaaa"):
        with pytest.raises(Invalid, match="password"):
            password_resets.use(mailing, token, wrong)
    password_resets.use(mailing, token, NEW)


def test_a_token_is_kept_as_its_hash_and_sealed_on_its_way(
    mailing: Core, box: Postbox, ada: models.User
) -> None:
    password_resets.ask(mailing, ADA)
    [waiting] = models.Message.select().where(models.Message.kind == "password_reset")
    token = mailed(mailing, box)
    everything = str([row.__data__ for row in models.PasswordReset.select()])
    everything += str(waiting.__data__) + str([row.__data__ for row in models.Event.select()])
    everything += str([row.leaf for row in models.AuditEntry.select()])
    assert token not in everything
    assert token.encode() not in bytes(waiting.text_sealed)
    sent = models.Message.get_by_id(waiting.id)
    assert (sent.state, sent.text_sealed, sent.to_sealed) == ("sent", None, None)


@pytest.mark.parametrize(
    "email", ["nobody@acme.example", "not an address", "", "ada@acme.example\nBcc: x@y.z"]
)
def test_for_an_address_of_nobody_nothing_is_left_behind(
    mailing: Core, box: Postbox, tenant: NewTenant, ada: models.User, email: str
) -> None:
    drain(mailing)
    before = kinds(tenant.controller.id)
    password_resets.ask(mailing, email)
    drain(mailing)
    assert box.sent == []
    assert not models.PasswordReset.select().exists()
    assert not models.Message.select().exists()
    assert kinds(tenant.controller.id) == before


def test_the_same_work_is_done_for_an_address_of_nobody(
    mailing: Core, ada: models.User, statements: list[str]
) -> None:
    """Seals, rows, the audit entry, and a commit that waits for the disk: time tells nobody apart."""
    statements.clear()
    password_resets.ask(mailing, ADA)
    of_ada = [text for text in statements if "SAVEPOINT" not in text]
    statements.clear()
    password_resets.ask(mailing, "nobody@acme.example")
    assert [text for text in statements if "SAVEPOINT" not in text] == of_ada
    assert len(of_ada) > 10


def test_asking_is_limited_for_each_address_the_same_way_for_nobodys(mailing: Core, ada: models.User) -> None:
    for email in (ADA, "nobody@acme.example"):
        for _ in range(5):
            password_resets.ask(mailing, email)
        with pytest.raises(TooManyAttempts):
            password_resets.ask(mailing, email)


def test_nobody_keeps_the_owner_from_asking(mailing: Core, box: Postbox, ada: models.User) -> None:
    for _ in range(5):
        password_resets.ask(mailing, ADA, Client("198.51.100.7"))
    with pytest.raises(TooManyAttempts):
        password_resets.ask(mailing, ADA, Client("198.51.100.7"))
    password_resets.ask(mailing, ADA, Client("203.0.113.9"))
    password_resets.use(mailing, mailed(mailing, box), NEW)


def test_a_mailbox_gets_so_many_links_whoever_asks(mailing: Core, ada: models.User) -> None:
    for number in range(20):
        password_resets.ask(mailing, ADA, Client(f"198.51.100.{number}"))
    with pytest.raises(TooManyAttempts):
        password_resets.ask(mailing, ADA, Client("203.0.113.9"))


def test_asking_is_limited_for_each_client(mailing: Core, ada: models.User) -> None:
    client = Client("198.51.100.7")
    for number in range(50):
        password_resets.ask(mailing, f"guess{number}@acme.example", client)
    with pytest.raises(TooManyAttempts):
        password_resets.ask(mailing, ADA, client)


def test_whoever_is_locked_out_by_guesses_gets_in_by_the_link(
    mailing: Core, box: Postbox, ada: models.User
) -> None:
    for _ in range(5):
        with pytest.raises(NotAuthentic):
            entrance.sign_in(mailing, ADA, "a wrong password")
    with pytest.raises(TooManyAttempts):
        entrance.sign_in(mailing, ADA, OLD)
    password_resets.ask(mailing, ADA)
    password_resets.use(mailing, mailed(mailing, box), NEW)
    assert entrance.sign_in(mailing, ADA, NEW)


def test_a_second_factor_is_still_asked_for(mailing: Core, box: Postbox, ada: models.User) -> None:
    with mailing.store.transaction():
        models.User.update(totp_confirmed_at=mailing.clock()).where(models.User.id == ada.id).execute()
    password_resets.ask(mailing, ADA)
    password_resets.use(mailing, mailed(mailing, box), NEW)
    token = sessions.sign_in(mailing, ADA, NEW)
    assert sessions.find(mailing, token) is None
    assert second_factor.pending(mailing, token) is not None


@pytest.mark.parametrize("how", ["shut out", "switched off"])
def test_nobody_who_may_not_come_in_gets_a_link(
    mailing: Core, box: Postbox, tenant: NewTenant, ada: models.User, how: str
) -> None:
    if how == "shut out":
        membership.shut_out(mailing, tenant.controller.id, ada.id)
    else:
        models.User.update(active=False).where(models.User.id == ada.id).execute()
    password_resets.ask(mailing, ADA)
    drain(mailing)
    assert box.sent == []


def test_a_link_is_over_once_its_owner_is_switched_off(mailing: Core, box: Postbox, ada: models.User) -> None:
    password_resets.ask(mailing, ADA)
    token = mailed(mailing, box)
    models.User.update(active=False).where(models.User.id == ada.id).execute()
    with pytest.raises(NotFound):
        password_resets.use(mailing, token, NEW)


def test_who_comes_in_through_a_provider_alone_is_told_so(
    mailing: Core, box: Postbox, tenant: NewTenant, ada: models.User
) -> None:
    models.User.update(password_hash=None).where(models.User.id == ada.id).execute()
    models.Membership.update(source="oidc").where(models.Membership.user_id == ada.id).execute()
    password_resets.ask(mailing, ADA)
    drain(mailing)
    [text] = box.to(ADA)
    assert "company's own sign-in" in text
    assert not models.PasswordReset.select().exists()


def test_the_letter_is_in_the_language_of_the_desk(
    mailing: Core, box: Postbox, tenant: NewTenant, ada: models.User
) -> None:
    settings.change(mailing, tenant.controller.id, "system", {"languages": ["de"]})
    password_resets.ask(mailing, ADA)
    drain(mailing)
    assert "Neues Passwort" in str(box.sent[-1]["Subject"])


def test_a_colleague_makes_a_link_to_hand_over(core: Core, tenant: NewTenant, ada: models.User) -> None:
    link = password_resets.make(core, tenant.controller.id, ada.id, actor="user:1", reach=MATRIX[Role.OWNER])
    assert link.expires_at - core.clock() < timedelta(hours=1)
    assert sessions.sign_in(core, ADA, OLD), "until it is used the present password works"
    password_resets.use(core, link.token, NEW)
    assert sessions.sign_in(core, ADA, NEW)
    leaf = json.loads(models.AuditEntry.get(kind="user.password_reset_link_made").leaf)
    assert (leaf["actor"], leaf["user"]) == ("user:1", ada.id)


def test_a_colleague_takes_over_nothing_beyond_their_reach(
    core: Core, tenant: NewTenant, ada: models.User
) -> None:
    here, reach = tenant.controller.id, MATRIX[Role.OWNER]
    owner, _ = users.create(core, here, "owner@acme.example", Role.OWNER)
    with pytest.raises(Forbidden, match="may do more"):
        password_resets.make(core, here, owner.id, actor="user:1", reach=MATRIX[Role.BUSINESS_OWNER])
    other = tenants.create(core, "Other Shop", "FR").controller.id
    users.create(core, other, ADA, Role.MEMBER)
    with pytest.raises(Conflict, match="other data controllers"):
        password_resets.make(core, here, ada.id, actor="user:1", reach=reach)
    with pytest.raises(Forbidden, match="another data controller made"):
        password_resets.make(core, other, ada.id, actor="user:1", reach=reach)
    stranger, _ = users.create(core, other, "eve@other.example", Role.MEMBER)
    with pytest.raises(NotFound):
        password_resets.make(core, here, stranger.id, actor="user:1", reach=reach)
    assert not models.PasswordReset.select().exists()


@pytest.mark.parametrize("since", ["joined another data controller", "may do more", "was shut out"])
def test_a_colleagues_link_opens_no_more_than_it_did_when_it_was_made(
    core: Core, tenant: NewTenant, ada: models.User, since: str
) -> None:
    here = tenant.controller.id
    users.create(core, here, "owner@acme.example", Role.OWNER)
    link = password_resets.make(core, here, ada.id, actor="user:1", reach=MATRIX[Role.ADMIN])
    if since == "joined another data controller":
        other = tenants.create(core, "Other Shop", "FR").controller.id
        users.create(core, other, ADA, Role.MEMBER)
    elif since == "may do more":
        membership.set_role(core, here, ada.id, Role.OWNER)
    else:
        membership.shut_out(core, here, ada.id)
    with pytest.raises(NotFound):
        password_resets.check(core, link.token)
    with pytest.raises(NotFound):
        password_resets.use(core, link.token, NEW)


def test_a_colleagues_link_outlives_a_smaller_role(core: Core, tenant: NewTenant, ada: models.User) -> None:
    here = tenant.controller.id
    link = password_resets.make(core, here, ada.id, actor="user:1", reach=MATRIX[Role.ADMIN])
    membership.set_role(core, here, ada.id, Role.MEMBER)
    password_resets.use(core, link.token, NEW)
    assert sessions.sign_in(core, ADA, NEW)


def test_whoever_runs_the_installation_makes_a_link_for_anybody(
    core: Core, tenant: NewTenant, ada: models.User
) -> None:
    link = password_resets.make_for_operator(core, ADA)
    password_resets.use(core, link.token, NEW)
    with pytest.raises(NotFound):
        password_resets.make_for_operator(core, "nobody@acme.example")


def test_the_token_stands_where_no_server_is_sent_it() -> None:
    address = password_resets.address("https://dxflow.example/", "dxr_x")
    assert address == "https://dxflow.example/dashboard/reset-password#dxr_x"
