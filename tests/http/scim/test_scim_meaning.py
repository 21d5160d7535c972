"""What follows from what a directory says: accounts, memberships, sessions, roles; and what never does."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from flow import HandClock
from scim_caller import ScimCaller, refused
from visitors import BOTH

from dxflow.engine.access import invitations, members
from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.erasing import erasure
from dxflow.engine.identity import accounts
from dxflow.engine.identity.keys import INSTALLATION
from dxflow.engine.rotation import rotate_links, rotate_seal
from dxflow.engine.services import acts
from dxflow.engine.services.people import credentials, membership, sessions, users
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models, quick

PASSWORD = "four plain words together"
ADA, BOB = "ada@acme.example", "bob@acme.example"
_marks = itertools.count()


class Office:
    """What the engine knows of the people of a data controller."""

    def __init__(self, core: Core, tenant: NewTenant) -> None:
        self.core, self.tenant_id = core, tenant.controller.id

    def account(self, address: str) -> models.User:
        found = users.by_email(self.core, address)
        assert found is not None, address
        return found

    def membership(self, address: str) -> models.Membership:
        found = members.find(self.tenant_id, self.account(address).id)
        assert found is not None, address
        return found

    def role(self, address: str) -> str:
        return str(self.membership(address).role)

    def may_come_in(self, address: str) -> bool:
        return bool(self.membership(address).active)

    def hire(self, address: str, role: str = "member") -> models.User:
        """Brought in by people."""
        return users.create(self.core, self.tenant_id, address, role, password=PASSWORD)[0]

    def session(self, address: str) -> str:
        """Signed in here."""
        return sessions.open_for(self.core, self.account(address).id, self.tenant_id, sessions.OIDC)

    def key(self, address: str, *scopes: str) -> str:
        """A key of their own."""
        owner = self.account(address).id
        name = f"key {next(_marks)}"
        made = credentials.create_key(self.core, self.tenant_id, name, scopes, "system", user_id=owner)
        return made[1]

    def kinds(self, start: str) -> list[str]:
        """The leaves of the log whose kind begins so."""
        size = self.core.log.head(self.tenant_id).size
        leaves = [acts.opened(self.core, self.tenant_id, index).leaf for index in range(size)]
        return [leaf["kind"] for leaf in leaves if leaf["kind"].startswith(start)]


@pytest.fixture
def office(core: Core, tenant: NewTenant) -> Office:
    return Office(core, tenant)


@pytest.fixture
def other_office(core: Core, other_tenant: NewTenant) -> Office:
    return Office(core, other_tenant)


def rename(directory: ScimCaller, user_id: str, address: str) -> int:
    operation = {
        "op": "replace",
        "value": {"userName": address, "emails": [{"value": address, "primary": True}]},
    }
    return directory.patch(f"/Users/{user_id}", operation).status_code


def set_active(directory: ScimCaller, user_id: str, active: bool) -> int:
    operation = {"op": "replace", "path": "active", "value": active}
    return directory.patch(f"/Users/{user_id}", operation).status_code


class TestAccounts:
    """Who somebody is."""

    @BOTH
    def test_a_user_with_an_address_becomes_a_member_and_a_data_subject(
        self, directory: ScimCaller, office: Office, drain: Callable[[], int]
    ) -> None:
        directory.user(BOB)
        assert (office.role(BOB), office.membership(BOB).source) == ("member", "scim")
        drain()
        assert office.account(BOB).subject_id is not None
        assert office.membership(BOB).subject_id is not None

    def test_the_primary_address_counts_before_the_first_and_the_user_name(
        self, directory: ScimCaller, office: Office
    ) -> None:
        emails = [{"value": "b@first.example"}, {"value": "b@primary.example", "primary": True}]
        directory.user(BOB, emails=emails)
        assert office.may_come_in("b@primary.example")
        assert users.by_email(office.core, BOB) is None

    def test_without_an_address_there_is_no_account_until_there_is_one(
        self, directory: ScimCaller, office: Office
    ) -> None:
        made = directory.user("bob")
        assert models.Membership.select().count() == 0
        operation = {"op": "add", "path": "emails", "value": [{"value": BOB}]}
        directory.patch(f"/Users/{made['id']}", operation)
        assert office.may_come_in(BOB)

    def test_nobody_gets_an_account_while_switched_off(self, directory: ScimCaller, office: Office) -> None:
        made = directory.user(BOB, active=False)
        assert users.by_email(office.core, BOB) is None
        set_active(directory, made["id"], True)
        assert office.may_come_in(BOB)

    def test_somebody_of_another_data_controller_joins_this_one_too(
        self, directory: ScimCaller, office: Office, other_office: Office
    ) -> None:
        theirs = other_office.hire(BOB, "dpo")
        directory.user(BOB)
        assert office.account(BOB).id == theirs.id
        assert (office.role(BOB), other_office.role(BOB)) == ("member", "dpo")

    def test_an_invitation_of_our_people_comes_first(
        self, directory: ScimCaller, office: Office, core: Core, drain: Callable[[], int]
    ) -> None:
        row = core.new_id()
        sealed = core.keys.seal_own(BOB.encode(), table="invitations", column="email_sealed", row_id=row)
        models.Invitation.create(
            id=row,
            tenant_id=office.tenant_id,
            email_link=core.keys.link_own(accounts.EMAIL, BOB),
            email_sealed=sealed,
            role="dpo",
            token_hash=invitations.hash_of("x"),
            invited_by="system",
            created_at=core.clock(),
            expires_at=core.clock() + invitations.LIFETIME,
            force_insert=True,
        )
        directory.user(BOB)
        drain()
        assert (office.role(BOB), office.membership(BOB).source) == ("dpo", "invitation")

    def test_two_users_of_one_directory_are_not_one_person(
        self, directory: ScimCaller, office: Office
    ) -> None:
        directory.user("bob", emails=[{"value": BOB}])
        answer = directory.post("/Users", {"userName": "robert", "emails": [{"value": BOB}]})
        assert BOB not in refused(answer, 409, "uniqueness")["detail"]


class TestAddresses:
    """An address that changes."""

    @BOTH
    def test_changes_the_account_that_the_directory_alone_relies_on(
        self, directory: ScimCaller, office: Office
    ) -> None:
        made = directory.user(BOB)
        before = office.account(BOB)
        assert rename(directory, made["id"], "robert@acme.example") == 200
        assert office.account("robert@acme.example").id == before.id
        assert users.by_email(office.core, BOB) is None

    @BOTH
    def test_never_changes_an_account_that_is_at_work_elsewhere(
        self, directory: ScimCaller, office: Office, other_office: Office
    ) -> None:
        theirs = other_office.hire(BOB)
        made = directory.user(BOB)
        assert rename(directory, made["id"], "robert@acme.example") == 200
        assert office.account(BOB).id == theirs.id
        assert other_office.may_come_in(BOB)
        assert not office.may_come_in(BOB)
        assert office.may_come_in("robert@acme.example")

    def test_never_takes_over_who_was_given_more_by_people(
        self, directory: ScimCaller, office: Office
    ) -> None:
        """Else whoever holds the directory's key would sign in as an owner."""
        office.hire(ADA, "owner")
        boss = office.hire(BOB, "owner")
        made = directory.user(BOB)
        assert rename(directory, made["id"], "mallory@acme.example") == 200
        assert office.account(BOB).id == boss.id
        assert office.role("mallory@acme.example") == "member"

    def test_nor_who_was_promoted_by_people_since(self, directory: ScimCaller, office: Office) -> None:
        made = directory.user(BOB)
        before = office.account(BOB).id
        membership.set_role(office.core, office.tenant_id, before, "dpo")
        rename(directory, made["id"], "mallory@acme.example")
        assert office.account(BOB).id == before
        assert office.role("mallory@acme.example") == "member"

    def test_of_another_user_here_is_taken(self, directory: ScimCaller, office: Office) -> None:
        directory.user(ADA)
        office.hire("eve@acme.example")
        made = directory.user(BOB)
        assert rename(directory, made["id"], "eve@acme.example") == 409
        operation = {"op": "replace", "path": "emails", "value": [{"value": ADA}]}
        refused(directory.patch(f"/Users/{made['id']}", operation), 409, "uniqueness")
        assert office.may_come_in(BOB)
        assert directory.get(f"/Users/{made['id']}").headers["ETag"] == 'W/"1"'

    def test_there_and_back_again(self, directory: ScimCaller, office: Office, other_office: Office) -> None:
        other_office.hire(BOB)
        made = directory.user(BOB)
        rename(directory, made["id"], "robert@acme.example")
        rename(directory, made["id"], BOB)
        assert office.may_come_in(BOB)


class TestSwitchingOff:
    """``active`` and DELETE."""

    @BOTH
    @pytest.mark.parametrize("how", ["patch", "put", "delete"])
    def test_ends_sessions_and_keys_here_at_once_and_nothing_elsewhere(
        self, directory: ScimCaller, office: Office, other_office: Office, how: str
    ) -> None:
        other_office.hire(BOB)
        path = f"/Users/{directory.user(BOB)['id']}"
        here, there = office.session(BOB), other_office.session(BOB)
        key, their_key = office.key(BOB, "read"), other_office.key(BOB, "read")
        {
            "patch": lambda: directory.patch(path, {"op": "Replace", "path": "active", "value": "False"}),
            "put": lambda: directory.put(path, {"userName": BOB, "active": False}),
            "delete": lambda: directory.send("DELETE", path),
        }[how]()
        assert not office.may_come_in(BOB)
        assert sessions.find(office.core, here) is None
        assert sessions.find(office.core, there) is not None
        assert ScimCaller(directory.base, key).get("/Users").status_code == 401
        assert credentials.authenticate(office.core, their_key)
        assert office.account(BOB).active

    def test_nobody_comes_back_because_a_worker_was_slow(
        self, directory: ScimCaller, office: Office, drain: Callable[[], int]
    ) -> None:
        made = directory.user(BOB)
        directory.send("DELETE", f"/Users/{made['id']}")
        drain()
        assert not office.may_come_in(BOB)

    @BOTH
    def test_switching_on_brings_back(self, directory: ScimCaller, office: Office) -> None:
        office.hire(ADA, "dpo")
        for address, role in ((ADA, "dpo"), (BOB, "member")):
            made = directory.user(address)
            set_active(directory, made["id"], False)
            assert not office.may_come_in(address)
            set_active(directory, made["id"], True)
            assert office.may_come_in(address)
            assert office.role(address) == role

    def test_made_anew_they_come_back(self, directory: ScimCaller, office: Office) -> None:
        directory.send("DELETE", f"/Users/{directory.user(BOB)['id']}")
        directory.user(BOB)
        assert office.may_come_in(BOB)

    def test_whoever_people_shut_out_stays_out(self, directory: ScimCaller, office: Office) -> None:
        mine = {"user_id": office.hire(BOB).id, "tenant_id": office.tenant_id}
        quick.update(models.Membership, mine, {"active": False})
        made = directory.user(BOB)
        directory.put(f"/Users/{made['id']}", {"userName": BOB, "active": True, "title": "x"})
        set_active(directory, made["id"], False)
        set_active(directory, made["id"], True)
        assert not office.may_come_in(BOB)

    @BOTH
    def test_the_last_owner_stays(self, directory: ScimCaller, office: Office) -> None:
        office.hire(BOB, "owner")
        made = directory.user(BOB)
        path, off = f"/Users/{made['id']}", {"op": "replace", "path": "active", "value": False}
        told = refused(directory.patch(path, off), 409)
        assert "somebody else an owner" in told["detail"]
        refused(directory.put(path, {"userName": BOB, "active": False}), 409)
        refused(directory.send("DELETE", path), 409)
        assert rename(directory, made["id"], "robert@acme.example") == 409
        answer = directory.post("/Users", {"userName": "b", "emails": [{"value": BOB}], "active": False})
        refused(answer, 409, "uniqueness")
        assert (office.role(BOB), office.may_come_in(BOB)) == ("owner", True)
        office.hire(ADA, "owner")
        assert set_active(directory, made["id"], False) == 200
        assert not office.may_come_in(BOB)

    def test_an_owner_who_may_not_come_in_is_no_other_owner(
        self, directory: ScimCaller, office: Office
    ) -> None:
        quick.update(models.User, {"id": office.hire(ADA, "owner").id}, {"active": False})
        office.hire(BOB, "owner")
        refused(directory.send("DELETE", f"/Users/{directory.user(BOB)['id']}"), 409)


class TestRoles:
    """Groups, and the attribute ``roles``."""

    @BOTH
    def test_a_group_that_is_named_after_a_role_gives_it(self, directory: ScimCaller, office: Office) -> None:
        bob = directory.user(BOB)["id"]
        path = f"/Groups/{directory.group('dxflow-Business Owner', bob)['id']}"
        assert office.role(BOB) == "business_owner"
        directory.patch(path, {"op": "remove", "path": f'members[value eq "{bob}"]'})
        assert office.role(BOB) == "member"
        directory.put(path, {"displayName": "DPO", "members": [{"value": bob}]})
        assert office.role(BOB) == "dpo"
        directory.patch(path, {"op": "replace", "path": "displayName", "value": "Readers"})
        assert office.role(BOB) == "member"
        directory.patch(path, {"op": "replace", "path": "displayName", "value": "data-controller"})
        assert office.role(BOB) == "data_controller"
        directory.send("DELETE", path)
        assert office.role(BOB) == "member"

    @BOTH
    def test_the_strongest_wins(self, directory: ScimCaller, office: Office) -> None:
        made = directory.user(BOB, roles=[{"value": "Auditor"}, {"value": "nonsense"}])
        assert office.role(BOB) == "auditor"
        group = directory.group("dpo", made["id"])
        directory.group("developer", made["id"])
        assert office.role(BOB) == "dpo"
        directory.send("DELETE", f"/Groups/{group['id']}")
        assert office.role(BOB) == "developer"
        directory.patch(
            f"/Users/{made['id']}", {"op": "replace", "path": "roles", "value": [{"value": "ADMIN"}]}
        )
        assert office.role(BOB) == "admin"
        directory.patch(f"/Users/{made['id']}", {"op": "remove", "path": "roles"})
        assert office.role(BOB) == "developer"

    def test_nobody_is_made_an_owner(self, directory: ScimCaller, office: Office) -> None:
        made = directory.user(BOB, roles=[{"value": "owner"}])
        directory.group("Owner", made["id"])
        directory.group("dxflow-owner", made["id"])
        assert office.role(BOB) == "member"

    def test_whoever_was_given_a_role_by_people_keeps_it(self, directory: ScimCaller, office: Office) -> None:
        office.hire(ADA, "owner")
        ada, bob = directory.user(ADA)["id"], directory.user(BOB)["id"]
        membership.set_role(office.core, office.tenant_id, office.account(BOB).id, "developer")
        directory.group("auditor", ada, bob)
        assert (office.role(ADA), office.role(BOB)) == ("owner", "developer")

    def test_the_key_of_a_person_shuts_out_nobody_who_may_do_more(
        self, directory: ScimCaller, office: Office
    ) -> None:
        office.hire(ADA, "admin")
        for owner in (BOB, "carol@example.com"):
            office.hire(owner, "owner")
        hers = ScimCaller(directory.base, office.key(ADA, "scim"))
        path = f"/Users/{hers.user(BOB)['id']}"
        refused(hers.patch(path, {"op": "replace", "path": "active", "value": False}), 403)
        refused(hers.send("DELETE", path), 403)
        assert office.may_come_in(BOB)
        assert directory.patch(path, {"op": "replace", "path": "active", "value": False}).status_code == 200
        assert not office.may_come_in(BOB)

    def test_a_role_is_in_force_at_once(self, directory: ScimCaller, office: Office) -> None:
        bob = directory.user(BOB)["id"]
        token = office.session(BOB)
        directory.group("dpo", bob)
        found = sessions.find(office.core, token)
        assert found is not None
        assert found.role == Role.DPO


class TestTenants:
    """One directory never reaches another's."""

    @BOTH
    def test_what_is_another_directorys_is_not_there(
        self, directory: ScimCaller, elsewhere: ScimCaller
    ) -> None:
        user, group = directory.user(BOB, externalId="x"), directory.group("Sales")
        for path in (f"/Users/{user['id']}", f"/Groups/{group['id']}"):
            refused(elsewhere.get(path), 404)
            refused(elsewhere.put(path, {"userName": "x", "displayName": "x"}), 404)
            refused(elsewhere.patch(path, {"op": "replace", "path": "externalId", "value": "y"}), 404)
            refused(elsewhere.send("DELETE", path), 404)
        for filter in ('externalId eq "x"', f'id eq "{user["id"]}"', f'userName eq "{BOB}"', "userName pr"):
            assert elsewhere.found(filter) == []
        assert directory.get(f"/Users/{user['id']}").json() == user

    def test_equal_names_of_two_directories_share_no_index(
        self, directory: ScimCaller, elsewhere: ScimCaller
    ) -> None:
        directory.user(BOB, externalId="x")
        elsewhere.user(BOB, externalId="x")
        rows = list(models.ScimUser.select())
        assert len({row.user_name_link for row in rows}) == 2
        assert len({row.external_id_link for row in rows}) == 2


class TestTheLog:
    """Who did what, and no word of whom."""

    def test_every_change_and_every_reading_is_in_it(self, directory: ScimCaller, office: Office) -> None:
        made = directory.user(BOB)
        path = f"/Users/{made['id']}"
        directory.get(path)
        directory.get("/Users")
        rename(directory, made["id"], "robert@acme.example")
        group = directory.group("dpo", made["id"])
        directory.put(f"/Groups/{group['id']}", {"displayName": "dpo"})
        directory.send("DELETE", f"/Groups/{group['id']}")
        directory.send("DELETE", path)
        assert office.kinds("scim.") == [
            "scim.user_created",
            "scim.user_changed",
            "scim.roles_given",
            "scim.group_created",
            "scim.roles_given",
            "scim.group_changed",
            "scim.group_removed",
            "scim.user_removed",
        ]
        assert office.kinds("personal_data.read") == ["personal_data.read"] * 2

    def test_it_names_attributes_and_no_value(
        self, directory: ScimCaller, office: Office, core: Core, drain: Callable[[], int]
    ) -> None:
        made = directory.user(BOB, title="Countess")
        drain()
        directory.patch(f"/Users/{made['id']}", {"op": "replace", "path": "title", "value": "Duchess"})
        opened = acts.opened(core, office.tenant_id, core.log.head(office.tenant_id).size - 1)
        assert opened.leaf["attributes"] == ["title"]
        assert opened.changed is not None
        assert (opened.changed["from"], opened.changed["to"]) == ({"title": "Countess"}, {"title": "Duchess"})
        leaves = [core.log.entry(office.tenant_id, index).leaf for index in range(opened.leaf["seq"] + 1)]
        assert not [leaf for leaf in leaves if BOB in leaf or "ess" in leaf.replace("process", "")]

    def test_with_the_person_the_directorys_words_are_erased(
        self, directory: ScimCaller, office: Office, core: Core, drain: Callable[[], int]
    ) -> None:
        made = directory.user(BOB)
        drain()
        subject = str(office.account(BOB).subject_id)
        erasure.erase(core, office.tenant_id, subject, "system", reason="request", with_account=True)
        refused(directory.get(f"/Users/{made['id']}"), 404)


@BOTH
def test_users_are_found_while_and_after_keys_are_rotated(
    directory: ScimCaller, core: Core, office: Office, clock: HandClock
) -> None:
    made = directory.user(BOB, externalId="x")
    plain = directory.user("nameless")
    before = models.ScimUser.get_by_id(made["id"])
    rotate_links(core, INSTALLATION, pause=clock.forward)
    rotate_seal(core, office.tenant_id)
    after = models.ScimUser.get_by_id(made["id"])
    assert before.user_name_link != after.user_name_link
    assert before.external_id_link != after.external_id_link
    assert bytes(before.resource_sealed) != bytes(after.resource_sealed)
    assert models.ScimUser.get_by_id(plain["id"]).external_id_link is None
    assert directory.found(f'userName eq "{BOB}"') == directory.found('externalId eq "x"') == [BOB]
    refused(directory.post("/Users", {"userName": BOB}), 409, "uniqueness")
