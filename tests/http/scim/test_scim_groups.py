"""Groups over SCIM: who is in them, in every dialect, and large ones."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest
from scim_caller import GROUP, ScimCaller, refused
from visitors import BOTH

from dxflow.engine.core import Core
from dxflow.engine.provisioning import views
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models, quick


def members(directory: ScimCaller, path: str) -> set[str]:
    return {one["value"] for one in directory.get(path).json().get("members", [])}


@pytest.fixture
def three(directory: ScimCaller) -> list[str]:
    """The ids of three users."""
    return [directory.user(f"user-{number}")["id"] for number in range(3)]


@BOTH
def test_a_group_is_made_read_replaced_and_removed(directory: ScimCaller, three: list[str]) -> None:
    made = directory.group("Sales", *three[:2], externalId="g1")
    path = f"/Groups/{made['id']}"
    assert directory.get(path).json() == made
    place = f"http://dxflow.example/scim/v2/Users/{three[0]}"
    assert {"value": three[0], "$ref": place, "type": "User"} in made["members"]
    (told,) = directory.get(f"/Users/{three[0]}").json()["groups"]
    where = made["meta"]["location"]
    assert told == {"value": made["id"], "$ref": where, "display": "Sales", "type": "direct"}
    directory.put(path, {"displayName": "Sales team", "members": [{"value": three[2]}]})
    assert members(directory, path) == {three[2]}
    assert "groups" not in directory.get(f"/Users/{three[0]}").json()
    assert directory.send("DELETE", path).status_code == 204
    refused(directory.get(path), 404)
    assert "groups" not in directory.get(f"/Users/{three[2]}").json()


@BOTH
def test_a_put_sent_twice_changes_nothing_the_second_time(directory: ScimCaller, three: list[str]) -> None:
    made = directory.group("Sales", *three)
    body = {"displayName": "Sales", "members": [{"value": one} for one in reversed(three)]}
    assert directory.put(f"/Groups/{made['id']}", body).json() == made
    assert directory.get(f"/Users/{three[0]}").headers["ETag"] == 'W/"2"'


def test_a_user_has_another_version_in_another_group(directory: ScimCaller, three: list[str]) -> None:
    before = directory.get(f"/Users/{three[0]}").headers["ETag"]
    made = directory.group("Sales", three[0])
    inside = directory.get(f"/Users/{three[0]}").headers["ETag"]
    directory.patch(f"/Groups/{made['id']}", {"op": "replace", "path": "displayName", "value": "Sellers"})
    renamed = directory.get(f"/Users/{three[0]}").headers["ETag"]
    assert len({before, inside, renamed}) == 3


class TestMembers:
    """Adding and removing them by PATCH."""

    @BOTH
    def test_as_okta_does(self, directory: ScimCaller, three: list[str]) -> None:
        made = directory.group("Sales", three[0])
        path = f"/Groups/{made['id']}"
        named = {"op": "replace", "value": {"id": made["id"], "displayName": "Sales EU"}}
        assert directory.patch(path, named).json()["displayName"] == "Sales EU"
        directory.patch(
            path, {"op": "add", "path": "members", "value": [{"value": three[1], "display": "x"}]}
        )
        directory.patch(path, {"op": "remove", "path": f'members[value eq "{three[0]}"]'})
        assert members(directory, path) == {three[1]}
        directory.patch(
            path, {"op": "replace", "path": "members", "value": [{"value": one} for one in three]}
        )
        assert members(directory, path) == set(three)

    @BOTH
    def test_as_entra_does(self, directory: ScimCaller, three: list[str]) -> None:
        path = f"/Groups/{directory.group('Sales', three[0])['id']}"
        directory.patch(path, {"op": "Add", "path": "members", "value": [{"value": one} for one in three]})
        assert members(directory, path) == set(three)
        gone = [{"value": three[0]}, {"value": three[1]}]
        directory.patch(path, {"op": "Remove", "path": "members", "value": gone})
        assert members(directory, path) == {three[2]}
        said = {"displayName": "All", "members": [{"value": three[0]}]}
        directory.patch(path, {"op": "Replace", "value": said})
        assert members(directory, path) == {three[0]}
        directory.patch(path, {"op": "Remove", "path": "members"})
        assert members(directory, path) == set()

    def test_in_the_order_that_was_said(self, directory: ScimCaller, three: list[str]) -> None:
        path = f"/Groups/{directory.group('Sales', three[0])['id']}"
        directory.patch(
            path,
            {"op": "remove", "path": f'members[value eq "{three[0]}" or value eq "{three[1]}"]'},
            {"op": "add", "path": "members", "value": {"value": three[0]}},
            {"op": "add", "value": {f"{GROUP}:members": [{"value": three[2]}]}},
        )
        assert members(directory, path) == {three[0], three[2]}

    def test_twice_changes_nothing_the_second_time(self, directory: ScimCaller, three: list[str]) -> None:
        path = f"/Groups/{directory.group('Sales')['id']}"
        operation = {"op": "add", "path": "members", "value": [{"value": three[0]}]}
        first = directory.patch(path, operation).json()
        assert directory.patch(path, operation).json() == first
        gone = {"op": "remove", "path": f'members[value eq "{uuid.uuid4()}"]'}
        assert directory.patch(path, gone).json() == first

    @pytest.mark.parametrize(
        ("operation", "scim_type"),
        [
            ({"op": "add", "path": "members", "value": [{"value": str(uuid.uuid4())}]}, "invalidValue"),
            ({"op": "add", "path": "members", "value": [{"value": "nobody"}]}, "invalidValue"),
            ({"op": "add", "path": "members", "value": [{"display": "x"}]}, "invalidValue"),
            ({"op": "add", "path": "members", "value": [5]}, "invalidValue"),
            ({"op": "add", "path": "members", "value": ["x"]}, "invalidValue"),
            ({"op": "remove", "path": 'members[value co "x"]'}, "invalidFilter"),
            ({"op": "replace", "path": 'members[value eq "x"].value', "value": "y"}, "mutability"),
            ({"op": "remove", "path": "displayName"}, "mutability"),
            ({"op": "replace", "path": "displayName", "value": ""}, "invalidValue"),
        ],
    )
    def test_what_can_not_be_is_refused(
        self, directory: ScimCaller, three: list[str], operation: dict[str, Any], scim_type: str
    ) -> None:
        path = f"/Groups/{directory.group('Sales', three[0])['id']}"
        refused(directory.patch(path, operation), 400, scim_type)
        assert members(directory, path) == {three[0]}

    def test_nobody_of_another_directory(
        self, directory: ScimCaller, elsewhere: ScimCaller, three: list[str]
    ) -> None:
        refused(
            elsewhere.post("/Groups", {"displayName": "x", "members": [{"value": three[0]}]}),
            400,
            "invalidValue",
        )
        assert elsewhere.found("displayName pr", "Groups") == []


@BOTH
def test_groups_are_found_by_name_external_id_and_member(directory: ScimCaller, three: list[str]) -> None:
    sales = directory.group("Sales", three[0], externalId="G1")
    directory.group("Support", *three)
    for filter, names in {
        'displayName eq "SALES"': ["Sales"],
        'externalId eq "G1"': ["Sales"],
        'externalId eq "g1"': [],
        f'id eq "{sales["id"]}" and members eq "{three[0]}"': ["Sales"],
        f'id eq "{sales["id"]}" and members[value eq "{three[1]}"]': [],
        f'members.value eq "{three[1]}"': ["Support"],
        f'members[value eq "{three[1]}"]': ["Support"],
        'displayName sw "S"': ["Sales", "Support"],
        'displayName eq "a\\u0000b"': [],
        'displayName eq "\\ud800"': [],
        'externalId eq "\\ud800"': [],
    }.items():
        assert directory.found(filter, "Groups") == names, filter


def test_a_name_stands_once(directory: ScimCaller, elsewhere: ScimCaller) -> None:
    directory.group("Sales")
    other = directory.group("Support")
    refused(directory.post("/Groups", {"displayName": "sALES"}), 409, "uniqueness")
    refused(directory.put(f"/Groups/{other['id']}", {"displayName": "Sales"}), 409, "uniqueness")
    elsewhere.group("Sales")


def test_a_stale_etag_is_refused(directory: ScimCaller, three: list[str]) -> None:
    path, old = f"/Groups/{directory.group('Sales')['id']}", {"If-Match": 'W/"1"'}
    add = {"op": "add", "path": "members", "value": [{"value": three[0]}]}
    assert directory.patch(path, add, headers=old).status_code == 200
    refused(directory.patch(path, add, headers=old), 412)
    refused(directory.send("DELETE", path, headers=old), 412)
    assert directory.get(path, headers={"If-None-Match": 'W/"2"'}).status_code == 304


@pytest.fixture
def crowd(core: Core, directory: ScimCaller, tenant: NewTenant) -> list[str]:
    """Ten thousand users, as rows."""
    template = quick.get(models.ScimUser, id=directory.user("template")["id"])
    assert template is not None
    row = {**vars(template)["__data__"]}
    made = [row | {"id": str(uuid.uuid4()), "user_name_link": uuid.uuid4().hex} for _ in range(10_000)]
    with core.store.transaction():
        quick.insert_all(models.ScimUser, made)
    return [str(one["id"]) for one in made]


@BOTH
def test_a_group_of_ten_thousand_is_changed_by_what_changes(directory: ScimCaller, crowd: list[str]) -> None:
    path = f"/Groups/{directory.group('Everybody')['id']}"
    for first in range(0, len(crowd), 1000):
        page = [{"value": one} for one in crowd[first : first + 1000]]
        directory.patch(f"{path}?attributes=id", {"op": "add", "path": "members", "value": page})
    began = time.perf_counter()
    for one in crowd[:5]:
        gone = {"op": "remove", "path": f'members[value eq "{one}"]'}
        answer = directory.patch(f"{path}?excludedAttributes=members", gone)
        assert answer.status_code == 200
        assert len(answer.content) < 1000
    took = time.perf_counter() - began
    assert len(members(directory, path)) == len(crowd) - 5
    assert took < 5, f"five of ten thousand took {took:.1f} s"


def test_a_page_of_groups_ends_before_it_names_too_many(
    directory: ScimCaller, three: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "MOST_MEMBERS", 4)
    for name in ("A", "B", "C"):
        directory.group(name, *three)
    told = directory.get("/Groups").json()
    assert (told["totalResults"], told["itemsPerPage"]) == (3, 1)
    assert directory.get("/Groups?excludedAttributes=members").json()["itemsPerPage"] == 3
    refused(directory.get("/Groups", params={"filter": "members pr"}), 400, "tooMany")
