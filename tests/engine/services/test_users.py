"""People who sign in: brought in once, sealed, with a role in each data controller and one way in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from dxflow.engine.access import roles
from dxflow.engine.access.roles import Permission, Role
from dxflow.engine.core import Core
from dxflow.engine.errors import Conflict, Forbidden, Invalid, NotFound
from dxflow.engine.services import tenants
from dxflow.engine.services.people import membership, passwords, sessions, users
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

PASSWORD = "four plain words together"


def leaves(kind: str) -> list[dict[str, object]]:
    """The audit leaves of a kind, oldest first."""
    entries = models.AuditEntry.select().where(models.AuditEntry.kind == kind).order_by(models.AuditEntry.seq)
    return [json.loads(entry.leaf) for entry in entries]


def test_a_user_is_found_by_any_spelling_of_the_address(core: Core, tenant: NewTenant) -> None:
    user, _ = users.create(core, tenant.controller.id, "Ada.Byron@ACME.example", "dpo")
    found = users.by_email(core, " ada.byron@acme.EXAMPLE ")
    assert found is not None
    assert found.id == user.id
    assert users.email_of(core, found) == "ada.byron@acme.example"


def test_the_address_stands_in_no_column_and_no_leaf_in_the_clear(core: Core, tenant: NewTenant) -> None:
    user, _ = users.create(core, tenant.controller.id, "canary@acme.example", "dpo")
    row = models.User.get_by_id(user.id)
    assert b"canary" not in row.email_sealed
    assert "canary" not in row.email_link
    assert not [entry for entry in models.AuditEntry.select() if "canary" in entry.leaf]


def test_a_one_time_password_is_readable_and_never_the_same(core: Core, tenant: NewTenant) -> None:
    made = {users.create(core, tenant.controller.id, f"p{n}@acme.example", "member")[1] for n in range(5)}
    assert len(made) == 5
    assert all(re.fullmatch(r"([a-hj-km-np-z2-9]{5}-){3}[a-hj-km-np-z2-9]{5}", one or "") for one in made)


def test_bringing_somebody_in_is_an_audit_entry_with_their_role(core: Core, tenant: NewTenant) -> None:
    user, _ = users.create(core, tenant.controller.id, "a@acme.example", "auditor", actor="key:1")
    [leaf] = leaves("user.created")
    assert json.dumps(leaf).count(user.id) == 1
    assert '"auditor"' in json.dumps(leaf)
    assert '"key:1"' in json.dumps(leaf)


def test_the_user_workflow_keeps_the_role_that_was_given(
    core: Core, tenant: NewTenant, drain: Callable[[], int]
) -> None:
    users.create(core, tenant.controller.id, "a@acme.example", "dpo")
    drain()
    assert [member.role for member in membership.every(tenant.controller.id)] == [Role.DPO]
    assert not models.Event.select().where(models.Event.state != "done").exists()


def test_nobody_is_brought_in_twice(core: Core, tenant: NewTenant) -> None:
    users.create(core, tenant.controller.id, "a@acme.example", "dpo")
    with pytest.raises(Conflict):
        users.create(core, tenant.controller.id, "A@acme.example", "owner")
    assert [member.role for member in membership.every(tenant.controller.id)] == [Role.DPO]
    assert len(leaves("user.created")) == 1


def test_one_person_may_have_another_role_at_another_controller(core: Core, tenant: NewTenant) -> None:
    other = tenants.create(core, "Other Shop", "FR").controller
    user, first = users.create(core, tenant.controller.id, "a@acme.example", "owner")
    same, second = users.create(core, other.id, "a@acme.example", "auditor")
    assert same.id == user.id
    assert first is not None
    assert second is None
    assert [member.role for member in membership.every(other.id)] == [Role.AUDITOR]
    assert len(leaves("user.joined")) == 1


@pytest.mark.parametrize(
    ("field", "email", "role", "password"),
    [
        ("email", "nobody", "dpo", None),
        ("email", "", "dpo", None),
        ("role", "a@acme.example", "king", None),
        ("role", "a@acme.example", "", None),
        ("password", "a@acme.example", "dpo", "eleven char"),
        ("password", "a@acme.example", "dpo", "A@ACME.example"),
        ("password", "a@acme.example", "dpo", "aaaaaaaaaaaaaaaa"),
        ("password", "a@acme.example", "dpo", "x" * 10 + "abcdefgh" * 40),
    ],
)
def test_what_cant_be_is_refused_and_named(
    core: Core, tenant: NewTenant, field: str, email: str, role: str, password: str | None
) -> None:
    with pytest.raises(Invalid) as refused:
        users.create(core, tenant.controller.id, email, role, password=password)
    assert refused.value.field == field
    assert not models.User.select().exists()


def test_a_refusal_quotes_neither_address_nor_password(core: Core, tenant: NewTenant) -> None:
    for email, password in (("canary is no address", None), ("a@acme.example", "canary")):
        with pytest.raises(Invalid) as refused:
            users.create(core, tenant.controller.id, email, "dpo", password=password)
        assert "canary" not in str(refused.value)


def test_a_chosen_password_takes_the_place_of_the_one_time_one(core: Core, tenant: NewTenant) -> None:
    tenant_id = tenant.controller.id
    user, once = users.create(core, tenant_id, "a@acme.example", "dpo")
    users.set_password(core, tenant_id, user.id, PASSWORD, current=None)
    row = models.User.get_by_id(user.id)
    assert row.one_time_hash is None
    assert not passwords.matches(once or "", chosen=row.password_hash, one_time=row.one_time_hash)
    assert passwords.matches(PASSWORD, chosen=row.password_hash, one_time=row.one_time_hash)


def test_changing_a_password_takes_the_present_one(core: Core, tenant: NewTenant) -> None:
    tenant_id = tenant.controller.id
    user, _ = users.create(core, tenant_id, "a@acme.example", "dpo", password=PASSWORD)
    for wrong in (None, "", "not it at all"):
        with pytest.raises(Invalid, match="current"):
            users.set_password(core, tenant_id, user.id, "another set of words", current=wrong)
    users.set_password(core, tenant_id, user.id, "another set of words", current=PASSWORD)
    assert sessions.sign_in(core, "a@acme.example", "another set of words")


def test_a_password_is_the_same_however_the_keyboard_composed_it(core: Core, tenant: NewTenant) -> None:
    users.create(core, tenant.controller.id, "a@acme.example", "dpo", password="caf\u00e9 au lait, encore")
    assert sessions.sign_in(core, "a@acme.example", "cafe\u0301 au lait, encore")


def test_a_chosen_password_ends_every_other_session(core: Core, tenant: NewTenant) -> None:
    tenant_id = tenant.controller.id
    user, _ = users.create(core, tenant_id, "a@acme.example", "dpo", password=PASSWORD)
    here, elsewhere = (sessions.sign_in(core, "a@acme.example", PASSWORD) for _ in range(2))
    kept = sessions.find(core, here)
    assert kept is not None
    users.set_password(
        core, tenant_id, user.id, "another set of words", current=PASSWORD, keep=kept.token_hash
    )
    assert sessions.find(core, here) is not None
    assert sessions.find(core, elsewhere) is None


def test_a_renewed_one_time_password_replaces_every_other_way_in(core: Core, tenant: NewTenant) -> None:
    tenant_id = tenant.controller.id
    user, _ = users.create(core, tenant_id, "a@acme.example", "dpo", password=PASSWORD)
    token = sessions.sign_in(core, "a@acme.example", PASSWORD)
    once = users.renew_one_time(core, tenant_id, user.id)
    assert sessions.find(core, token) is None
    with pytest.raises(Exception, match="fit together"):
        sessions.sign_in(core, "a@acme.example", PASSWORD)
    assert sessions.sign_in(core, "a@acme.example", once)


def test_another_controller_cant_renew_what_opens_the_first(core: Core, tenant: NewTenant) -> None:
    other = tenants.create(core, "Other Shop", "FR").controller
    user, _ = users.create(core, tenant.controller.id, "a@acme.example", "owner")
    users.create(core, other.id, "a@acme.example", "member")
    with pytest.raises(NotFound):
        users.renew_one_time(core, other.id, user.id)


@pytest.mark.parametrize("active", [True, False])
def test_a_manager_cant_take_over_somebody_who_belongs_elsewhere_too(
    core: Core, tenant: NewTenant, active: bool
) -> None:
    other = tenants.create(core, "Other Shop", "FR").controller
    user, _ = users.create(core, tenant.controller.id, "a@acme.example", "dpo", password=PASSWORD)
    users.create(core, other.id, "a@acme.example", "owner")
    models.Membership.update(active=active).where(models.Membership.tenant_id == other.id).execute()
    with pytest.raises(Conflict, match="whoever runs this installation"):
        users.renew_one_time(core, tenant.controller.id, user.id, actor="user:1")
    assert sessions.sign_in(core, "a@acme.example", PASSWORD), "nothing was changed"
    assert users.renew_one_time(core, tenant.controller.id, user.id), "the command line may"


def test_a_role_is_changed_at_once_and_logged(core: Core, tenant: NewTenant) -> None:
    tenant_id = tenant.controller.id
    user, _ = users.create(core, tenant_id, "a@acme.example", "dpo", password=PASSWORD)
    token = sessions.sign_in(core, "a@acme.example", PASSWORD)
    membership.set_role(core, tenant_id, user.id, "auditor", actor="user:1")
    signed = sessions.find(core, token)
    assert signed is not None
    assert signed.role == Role.AUDITOR
    assert len(leaves("user.role_set")) == 1


def test_the_last_owner_keeps_the_role(core: Core, tenant: NewTenant) -> None:
    tenant_id = tenant.controller.id
    first, _ = users.create(core, tenant_id, "a@acme.example", "owner")
    with pytest.raises(Conflict):
        membership.set_role(core, tenant_id, first.id, "dpo")
    users.create(core, tenant_id, "b@acme.example", "owner")
    assert membership.set_role(core, tenant_id, first.id, "dpo").role == "dpo"


def test_a_role_at_one_controller_gives_none_at_another(core: Core, tenant: NewTenant) -> None:
    other = tenants.create(core, "Other Shop", "FR").controller
    user, _ = users.create(core, tenant.controller.id, "a@acme.example", "dpo")
    for stranger in (user.id, "919108f7-52d1-4320-9bac-f847db4148a8", "no id"):
        with pytest.raises(NotFound):
            membership.set_role(core, other.id, stranger, "owner")
        with pytest.raises(NotFound):
            users.set_password(core, other.id, stranger, PASSWORD, current=None)
    with pytest.raises(NotFound):
        users.find(core, other.id, "a@acme.example")


def test_a_member_is_found_by_address_and_by_id(core: Core, tenant: NewTenant) -> None:
    user, _ = users.create(core, tenant.controller.id, "a@acme.example", "dpo")
    assert users.find(core, tenant.controller.id, "A@acme.example").id == user.id
    assert users.find(core, tenant.controller.id, user.id.upper()).id == user.id


@pytest.mark.parametrize(
    ("permission", "excluded"),
    [
        (Permission.ACT, {Role.MEMBER, Role.AUDITOR}),
        (Permission.READ_PEOPLE, {Role.AGENCY, Role.DEVELOPER, Role.MEMBER, Role.AUDITOR}),
    ],
)
def test_every_role_has_its_permissions_and_no_more(permission: Permission, excluded: set[Role]) -> None:
    assert {role for role in Role if not roles.may(role, permission)} == excluded
    for role in excluded:
        with pytest.raises(Forbidden):
            roles.require(role, permission)
