"""SCIM's own errors, whoever asks and whatever they send."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from scim_caller import MEDIA_TYPE, ScimCaller, refused
from visitors import BOTH

from dxflow.engine.store import models

PATHS = [
    "/Users", "/Users/x", "/Groups", "/Groups/x", "/ServiceProviderConfig", "/ResourceTypes",
    "/ResourceTypes/User", "/Schemas", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_told_without_the_scope(
    directory: ScimCaller, with_scopes: Callable[..., ScimCaller], path: str
) -> None:
    nobody = ScimCaller(directory.base).get(path)
    refused(nobody, 401)
    assert nobody.headers["WWW-Authenticate"] == "Bearer"
    refused(with_scopes("read", "write").get(path), 403)
    assert with_scopes("admin").get(path).status_code in (200, 404)


def test_what_is_not_there_is_404_whatever_it_looks_like(directory: ScimCaller) -> None:
    for one in (str(uuid.uuid4()), "1", "x" * 5000, "%00", "%FF", "null", "1' OR '1'='1", "..%2f"):
        refused(directory.get(f"/Users/{one}"), 404)
        refused(directory.send("DELETE", f"/Groups/{one}"), 404)
        refused(directory.patch(f"/Users/{one}", {"op": "replace", "path": "active", "value": True}), 404)
    for path in ("/Nothing", "/Users/1/2", "/Schemas/urn:x", "/ResourceTypes/Pet", "/Me", ""):
        refused(directory.get(path), 404)


def test_a_method_that_is_not_there_is_405(directory: ScimCaller) -> None:
    for path in ("/Schemas", "/ResourceTypes", "/ServiceProviderConfig", "/Users"):
        answer = directory.send("DELETE", path)
        refused(answer, 405)
        assert "GET" in answer.headers["Allow"]
    refused(directory.post("/Bulk", {}), 404)


def test_only_json_is_read(directory: ScimCaller) -> None:
    for content_type, status in {
        "text/xml": 415,
        "application/json": 201,
        f"{MEDIA_TYPE};charset=utf-8": 201,
    }.items():
        body = json.dumps({"userName": str(uuid.uuid4())})
        answer = directory.send("POST", "/Users", data=body, headers={"Content-Type": content_type})
        assert answer.status_code == status, content_type
    refused(directory.send("POST", "/Users", data="x" * 100_001), 413)
    for raw in (
        "",
        "{",
        "nonsense",
        '{"userName": NaN}',
        '{"userName":"a","userName":"b"}',
        b"\xff",
        "[" * 50_000,
    ):
        refused(directory.send("POST", "/Users", data=raw), 400, "invalidSyntax")


@BOTH
@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("userName", 5),
        ("userName", ""),
        ("userName", " "),
        ("userName", None),
        ("userName", ["x"]),
        ("active", "perhaps"),
        ("active", {}),
        ("name", "Bob"),
        ("emails", "bob@acme.example"),
        ("emails", [{"value": "not an address"}]),
        ("emails", [{"value": 7}]),
        ("emails", [{"value": "a@b.example", "primary": True}, {"value": "c@b.example", "primary": True}]),
        ("x509Certificates", [{"value": "not base64!"}]),
        ("roles", "admin"),
        ("displayName", 1.5),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(directory: ScimCaller, attribute: str, value: object) -> None:
    body: dict[str, Any] = {"userName": "bob", attribute: value}
    assert attribute in refused(directory.post("/Users", body), 400, "invalidValue")["detail"]
    assert models.ScimUser.select().count() == 0


def test_a_body_that_is_something_else_is_refused(directory: ScimCaller) -> None:
    for body in (
        [],
        5,
        "x",
        True,
        {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "userName": "x"},
    ):
        refused(directory.post("/Users", body), 400, "invalidSyntax")
    for body in ({}, {"Operations": []}, {"Operations": "x"}, {"Operations": [5]}, {"Operations": [{}] * 2}):
        made = directory.user(str(uuid.uuid4()))
        answer = directory.send("PATCH", f"/Users/{made['id']}", json=body)
        assert refused(answer, 400, answer.json()["scimType"])["scimType"] in (
            "invalidValue",
            "invalidSyntax",
        )


@BOTH
@pytest.mark.parametrize(
    "text",
    [
        "\x00",
        "a\x00b",
        "\ufffe",
        "😀" * 40,
        "x" * 10_000,
        "ß İ ı ﬀ",
        "'; DROP TABLE users; --",
        "\u202e",
        "e\u0301",
    ],
)
def test_any_text_is_kept_as_it_is_or_refused(directory: ScimCaller, text: str) -> None:
    made = directory.user(f"u{text}", displayName=text, externalId=text)
    again = directory.get(f"/Users/{made['id']}").json()
    assert (again["userName"], again["displayName"], again["externalId"]) == (f"u{text}", text, text)
    refused(directory.post("/Users", {"userName": f"U{text}"}), 409, "uniqueness")
    answer = directory.post("/Groups", {"displayName": f"g{text}", "externalId": text})
    if answer.status_code == 201:
        assert answer.json()["displayName"] == f"g{text}"
    else:
        refused(answer, 400, "invalidValue")


def test_half_a_character_is_refused(directory: ScimCaller) -> None:
    for raw in ('{"userName":"\\ud800"}', '{"userName":"x","\\udfff":1}', '{"userName":"x","y":["\\ud800"]}'):
        refused(directory.send("POST", "/Users", data=raw), 400, "invalidValue")


def test_a_body_of_many_levels_or_attributes_ends(directory: ScimCaller) -> None:
    nested: Any = "x"
    for _ in range(400):
        nested = {"name": nested}
    assert directory.post("/Users", {"userName": "deep", "x": nested}).status_code == 201
    refused(directory.post("/Users", {"userName": "x", "name": {"familyName": nested}}), 400, "invalidValue")
    refused(directory.post("/Users", {"userName": "x" * 70_000}), 400, "invalidValue")
    made = directory.user("bob")
    many = [{"op": "add", "path": "title", "value": "x"}] * 1001
    refused(directory.patch(f"/Users/{made['id']}", *many), 400, "tooMany")


@BOTH
def test_of_many_at_once_one_gets_the_name(directory: ScimCaller) -> None:
    def create(number: int) -> requests.Response:
        emails = [{"value": "bob@acme.example"}]
        return directory.post("/Users", {"userName": "bob" if number % 2 else "BOB", "emails": emails})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(create, range(8)))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 7]
    assert models.Membership.select().count() == 1


@BOTH
def test_many_changes_of_one_user_at_once_are_all_counted(directory: ScimCaller) -> None:
    path = f"/Users/{directory.user('bob')['id']}"

    def change(number: int) -> int:
        operation = {"op": "replace", "path": "title", "value": f"title {number}"}
        return directory.patch(path, operation).status_code

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(change, range(8))) == [200] * 8
    assert directory.get(path).headers["ETag"] == 'W/"9"'


def test_the_service_says_what_it_can(directory: ScimCaller) -> None:
    config = directory.get("/ServiceProviderConfig").json()
    assert config["patch"] == config["etag"] == config["sort"] == {"supported": True}
    assert config["bulk"]["supported"] is False
    assert config["changePassword"] == {"supported": False}
    types = directory.get("/ResourceTypes").json()["Resources"]
    assert [(one["name"], one["endpoint"]) for one in types] == [("User", "/Users"), ("Group", "/Groups")]
    for schema in directory.get("/Schemas").json()["Resources"]:
        assert directory.get(f"/Schemas/{schema['id']}").json() == schema
    refused(directory.get("/Schemas?filter=id pr"), 403)


def test_the_paths_are_not_part_of_the_apis_document(directory: ScimCaller) -> None:
    document = requests.get(f"{directory.base}/openapi.json", timeout=30).json()
    assert not [path for path in document["paths"] if path.startswith("/scim")]
