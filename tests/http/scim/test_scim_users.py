"""Users over SCIM: the whole life of one, in the dialects that Okta and Entra speak."""

from __future__ import annotations

import uuid

import pytest
from scim_caller import ENTERPRISE, MEDIA_TYPE, USER, ScimCaller, refused
from visitors import BOTH

WORK = {"value": "bob@acme.example", "type": "work", "primary": True}


@BOTH
def test_a_user_is_made_read_replaced_changed_and_removed(directory: ScimCaller) -> None:
    made = directory.user("bob@acme.example", externalId="00u1", name={"givenName": "Bob"}, emails=[WORK])
    path = f"/Users/{made['id']}"
    assert made["active"] is True
    assert made["meta"]["resourceType"] == "User"
    assert made["meta"]["location"] == f"http://dxflow.example/scim/v2{path}"
    read = directory.get(path)
    assert read.headers["Content-Type"] == MEDIA_TYPE
    assert read.headers["ETag"] == made["meta"]["version"] == 'W/"1"'
    assert read.json() == made
    replaced = directory.put(path, {"schemas": [USER], "userName": "robert@acme.example", "active": True})
    assert replaced.json()["userName"] == "robert@acme.example"
    assert "emails" not in replaced.json()
    assert "externalId" not in replaced.json()
    changed = directory.patch(path, {"op": "add", "path": "name.familyName", "value": "Ross"})
    assert changed.json()["name"] == {"familyName": "Ross"}
    assert directory.send("DELETE", path).status_code == 204
    refused(directory.get(path), 404)
    refused(directory.send("DELETE", path), 404)


def test_the_address_of_a_new_user_is_told(directory: ScimCaller) -> None:
    answer = directory.post("/Users", {"userName": "bob@acme.example"})
    assert answer.status_code == 201
    assert answer.headers["Location"] == answer.json()["meta"]["location"]
    assert answer.headers["ETag"] == answer.json()["meta"]["version"]


@BOTH
def test_a_put_sent_twice_changes_nothing_the_second_time(directory: ScimCaller) -> None:
    made = directory.user("bob@acme.example", emails=[WORK, {"value": "b@acme.example", "type": "home"}])
    body = {key: made[key] for key in ("schemas", "userName")} | {"displayName": "Bob", "active": True}
    body["emails"] = [{"value": "b@acme.example", "type": "home"}, WORK]
    first = directory.put(f"/Users/{made['id']}", body)
    second = directory.put(f"/Users/{made['id']}", body)
    assert first.json()["meta"]["version"] == 'W/"2"'
    assert second.json() == first.json()
    again = directory.put(f"/Users/{made['id']}", {**second.json(), "emails": second.json()["emails"][::-1]})
    assert again.json()["meta"] == first.json()["meta"]


def test_what_a_put_does_not_say_of_active_stays(directory: ScimCaller) -> None:
    made = directory.user("bob@acme.example", active=False)
    assert directory.put(f"/Users/{made['id']}", {"userName": "bob@acme.example"}).json()["active"] is False


def test_a_user_renamed_is_found_by_the_external_id_and_the_new_name_alone(directory: ScimCaller) -> None:
    made = directory.user("ada.byron@acme.example", externalId="00u7")
    (listed,) = directory.get("/Users", params={"filter": 'externalId eq "00u7"'}).json()["Resources"]
    directory.put(f"/Users/{listed['id']}", {**listed, "userName": "ada.lovelace@acme.example"})
    assert directory.found('externalId eq "00u7"') == ["ada.lovelace@acme.example"]
    assert directory.found('userName eq "ADA.lovelace@acme.example"') == ["ada.lovelace@acme.example"]
    assert directory.found('userName eq "ada.byron@acme.example"') == []
    assert directory.user("ada.byron@acme.example")["id"] != made["id"]


def test_a_stale_external_id_finds_nobody(directory: ScimCaller) -> None:
    made = directory.user("bob@acme.example", externalId="old")
    directory.patch(f"/Users/{made['id']}", {"op": "replace", "path": "externalId", "value": "new"})
    assert directory.found('externalId eq "old"') == []
    assert directory.found('externalId eq "NEW"') == []
    assert directory.found('externalId eq "new"') == ["bob@acme.example"]
    directory.patch(f"/Users/{made['id']}", {"op": "remove", "path": "externalId"})
    assert directory.found('externalId eq "new"') == []


@BOTH
def test_a_user_name_is_nobody_elses_in_any_case(directory: ScimCaller, elsewhere: ScimCaller) -> None:
    directory.user("bob@acme.example")
    refused(directory.post("/Users", {"userName": "BOB@acme.example"}), 409, "uniqueness")
    other = directory.user("ada@acme.example")
    taken = directory.put(f"/Users/{other['id']}", {"userName": "Bob@Acme.example"})
    assert "bob" not in refused(taken, 409, "uniqueness")["detail"].lower()
    elsewhere.user("bob@acme.example")


def test_a_removed_user_can_be_made_again(directory: ScimCaller) -> None:
    made = directory.user("bob@acme.example", externalId="1", emails=[WORK])
    directory.send("DELETE", f"/Users/{made['id']}")
    again = directory.user("bob@acme.example", externalId="1", emails=[WORK])
    assert again["id"] != made["id"]
    assert directory.found('externalId eq "1"') == ["bob@acme.example"]


@pytest.mark.parametrize(
    ("text", "meant"), [("False", False), ("false", False), (False, False), ("True", True), ("true", True)]
)
def test_active_may_be_a_text(directory: ScimCaller, text: object, meant: bool) -> None:
    made = directory.user("bob@acme.example", active=text)
    assert made["active"] is meant
    for operation in (
        {"op": "Replace", "path": "active", "value": text},
        {"op": "replace", "value": {"active": text}},
        {"op": "Add", "path": f"{USER}:active", "value": text},
    ):
        path = f"/Users/{directory.user(str(uuid.uuid4()), active=not meant)['id']}"
        assert directory.patch(path, operation).json()["active"] is meant
        assert directory.get(path).json()["active"] is meant


class TestETags:
    """RFC 7644 section 3.14."""

    def test_a_stale_one_is_refused_and_nothing_changes(self, directory: ScimCaller) -> None:
        made = directory.user("bob@acme.example")
        path, old = f"/Users/{made['id']}", {"If-Match": made["meta"]["version"]}
        rename = {"op": "replace", "path": "displayName", "value": "Bob"}
        assert directory.patch(path, rename, headers=old).status_code == 200
        refused(directory.patch(path, {**rename, "value": "x"}, headers=old), 412)
        refused(directory.put(path, {"userName": "x"}, headers=old), 412)
        refused(directory.send("DELETE", path, headers=old), 412)
        assert directory.get(path).json()["displayName"] == "Bob"

    @pytest.mark.parametrize("header", ["*", '"1"', 'W/"1"', 'W/"7", W/"1"'])
    def test_the_present_one_is_let_through(self, directory: ScimCaller, header: str) -> None:
        path = f"/Users/{directory.user('bob@acme.example')['id']}"
        answer = directory.put(path, {"userName": "bob"}, headers={"If-Match": header})
        assert answer.status_code == 200

    def test_what_the_caller_has_is_not_sent_again(self, directory: ScimCaller) -> None:
        made = directory.user("bob@acme.example")
        have = {"If-None-Match": made["meta"]["version"]}
        answer = directory.get(f"/Users/{made['id']}", headers=have)
        assert (answer.status_code, answer.content) == (304, b"")
        directory.put(f"/Users/{made['id']}", {"userName": "rob"})
        assert directory.get(f"/Users/{made['id']}", headers=have).status_code == 200


class TestPatch:
    """RFC 7644 section 3.5.2, and what Entra and Okta make of it."""

    def test_entra_capitalises_and_addresses_what_is_not_there_yet(self, directory: ScimCaller) -> None:
        path = f"/Users/{directory.user('bob@acme.example')['id']}"
        answer = directory.patch(
            path,
            {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "bob@new.example"},
            {"op": "Add", "path": "name.givenName", "value": "Bob"},
            {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Sales"},
            {"op": "Replace", "path": "active", "value": "False"},
        )
        told = answer.json()
        assert told["emails"] == [{"type": "work", "value": "bob@new.example"}]
        assert told["name"] == {"givenName": "Bob"}
        assert told[ENTERPRISE] == {"department": "Sales"}
        assert told["active"] is False
        assert ENTERPRISE in told["schemas"]

    def test_okta_sends_an_object_without_a_path(self, directory: ScimCaller) -> None:
        made = directory.user("bob@acme.example")
        said = {"id": made["id"], "active": False, "name.familyName": "Ross"}
        told = directory.patch(f"/Users/{made['id']}", {"op": "replace", "value": said}).json()
        assert (told["active"], told["name"]) == (False, {"familyName": "Ross"})

    def test_all_of_it_happens_or_none(self, directory: ScimCaller) -> None:
        path = f"/Users/{directory.user('bob@acme.example')['id']}"
        answer = directory.patch(
            path,
            {"op": "replace", "path": "displayName", "value": "Bob"},
            {"op": "replace", "path": 'emails[value co "x"].type', "value": "home"},
        )
        refused(answer, 400, "noTarget")
        assert "displayName" not in directory.get(path).json()

    def test_the_same_patch_twice_changes_nothing_the_second_time(self, directory: ScimCaller) -> None:
        path = f"/Users/{directory.user('bob@acme.example')['id']}"
        operation = {"op": "add", "path": "emails", "value": [WORK]}
        first = directory.patch(path, operation).json()
        assert directory.patch(path, operation).json() == first

    @pytest.mark.parametrize(
        ("operation", "scim_type"),
        [
            ({"op": "replace", "path": "id", "value": "1"}, "mutability"),
            ({"op": "replace", "path": "groups", "value": []}, "mutability"),
            ({"op": "remove", "path": "userName"}, "mutability"),
            ({"op": "replace", "path": "userName", "value": " "}, "invalidValue"),
            ({"op": "remove"}, "noTarget"),
            ({"op": "replace", "path": "active", "value": "perhaps"}, "invalidValue"),
            ({"op": "replace", "path": "emails", "value": "x"}, "invalidValue"),
            ({"op": "replace", "path": "emails[", "value": "x"}, "invalidPath"),
            ({"op": "move", "path": "active", "value": True}, "invalidValue"),
            ({"path": "active"}, "invalidValue"),
        ],
    )
    def test_what_can_not_be_is_refused(
        self, directory: ScimCaller, operation: dict[str, object], scim_type: str
    ) -> None:
        path = f"/Users/{directory.user('bob@acme.example')['id']}"
        refused(directory.patch(path, operation), 400, scim_type)
        assert directory.get(path).headers["ETag"] == 'W/"1"'


def test_a_password_is_never_kept_or_shown(directory: ScimCaller) -> None:
    made = directory.user("bob@acme.example", password="correct horse battery")
    path = f"/Users/{made['id']}"
    assert "password" not in made
    answer = directory.patch(path, {"op": "replace", "path": "password", "value": "another one here"})
    assert answer.status_code == 200
    assert answer.headers["ETag"] == 'W/"1"'
    assert directory.found('password eq "another one here"') == []


def test_attributes_nobody_here_knows_are_left_out(directory: ScimCaller) -> None:
    """A directory that sends one more can still shut somebody out."""
    theirs = "urn:example:params:scim:schemas:extension:badge:2.0:User"
    made = directory.user("bob@acme.example", shoeSize=43, **{theirs: {"badge": "7"}})
    assert not {"shoeSize", theirs} & set(made)
    said = {"active": False, "shoeSize": 44, f"{theirs}:badge": "8"}
    assert directory.patch(f"/Users/{made['id']}", {"op": "replace", "value": said}).json()["active"] is False
