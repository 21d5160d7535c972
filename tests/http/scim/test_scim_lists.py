"""Lists over SCIM: filters, pages, order, and which attributes are shown."""

from __future__ import annotations

from typing import Any

import pytest
from scim_caller import ENTERPRISE, USER, ScimCaller, refused
from visitors import BOTH

from dxflow.engine.provisioning import searching

SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


@pytest.fixture
def people(directory: ScimCaller) -> ScimCaller:
    """Ada, Bob and Cem, of whom Cem isn't at work any more."""
    emails = [{"type": "work", "value": "ada@acme.example"}, {"type": "home", "value": "a@home.example"}]
    directory.user("ada@acme.example", externalId="A1", title="Countess", emails=emails)
    bob = {"emails": [{"type": "home", "value": "bob@home.example"}], ENTERPRISE: {"department": "Sales"}}
    directory.user("Bob@acme.example", externalId="b2", name={"familyName": "Ross"}, **bob)
    directory.user("cem@acme.example", active=False)
    return directory


ADA, BOB, CEM = "ada@acme.example", "Bob@acme.example", "cem@acme.example"


@BOTH
@pytest.mark.parametrize(
    ("filter", "names"),
    [
        ('userName eq "BOB@ACME.EXAMPLE"', [BOB]),
        (f'{USER}:userName eq "bob@acme.example"', [BOB]),
        ('username Eq "bob@acme.example"', [BOB]),
        ('userName eq "nobody"', []),
        ('externalId eq "A1"', [ADA]),
        ('externalId eq "a1"', []),
        ('externalId eq ""', []),
        ('id eq "nonsense"', []),
        ('emails[type eq "work"].value eq "ADA@acme.example"', [ADA]),
        ('emails[type eq "work" and value co "home"]', []),
        ('emails.value sw "bob@"', [BOB]),
        ('emails co "home.example"', [ADA, BOB]),
        ('userName co "acme" and active eq true', [ADA, BOB]),
        ('userName eq "ada@acme.example" or externalId eq "b2"', [ADA, BOB]),
        ('userName eq "ada@acme.example" and externalId eq "b2"', []),
        ('userName eq "ada@acme.example" and title pr', [ADA]),
        ('userName eq "cem@acme.example" and title pr', []),
        ('userName eq "cem@acme.example" or title pr', [ADA, CEM]),
        ("not (title pr)", [BOB, CEM]),
        ('userName ew "acme.example" and not (active eq true)', [CEM]),
        ('name.familyName eq "ross"', [BOB]),
        (f'{ENTERPRISE}:department eq "sales"', [BOB]),
        ('title ne "Countess"', [BOB, CEM]),
        ('(title pr or name.familyName pr) and userName sw "a"', [ADA]),
        ('meta.created gt "2011-05-13T04:42:34Z"', [ADA, BOB, CEM]),
        ('userName eq "\\u0000\\ud800"', []),
    ],
)
def test_a_filter_finds_whom_it_describes(people: ScimCaller, filter: str, names: list[str]) -> None:
    assert sorted(people.found(filter)) == sorted(names)


@pytest.mark.parametrize(
    "filter",
    [
        "userName",
        "userName eq",
        "userName xx 1",
        'userName eq "x" and',
        '(userName eq "x"',
        "userName eq 5",
        'active gt "x"',
        'nickName[type eq "x"]',
        'nosuch eq "x"',
        'emails[type eq "work"',
        'userName eq "unfinished',
        "(" * 400 + "title pr" + ")" * 400 + " and",
        " and ".join(["not (title pr)"] * 3) + " " + "not (" * 50 + "title pr" + ")" * 50,
    ],
)
def test_a_filter_that_says_nothing_is_refused(people: ScimCaller, filter: str) -> None:
    told = refused(people.get("/Users", params={"filter": filter}), 400, "invalidFilter")
    assert "unfinished" not in told["detail"]


class TestPages:
    """RFC 7644 section 3.4.2.4."""

    def ask(self, people: ScimCaller, **params: object) -> tuple[Any, ...]:
        told = people.get("/Users", params=params).json()
        names = [one["userName"] for one in told["Resources"]]
        return told["totalResults"], told["startIndex"], told["itemsPerPage"], names

    @BOTH
    def test_begin_where_they_are_asked_to_and_end(self, people: ScimCaller) -> None:
        assert self.ask(people, startIndex=1, count=2) == (3, 1, 2, [ADA, BOB])
        assert self.ask(people, startIndex=3, count=2) == (3, 3, 1, [CEM])

    @BOTH
    @pytest.mark.parametrize("filter", [None, "userName pr"])
    def test_are_empty_past_the_end(self, people: ScimCaller, filter: str | None) -> None:
        for start in (4, 5000, 10**30):
            assert self.ask(people, startIndex=start, filter=filter) == (3, start, 0, [])

    def test_know_the_smallest_numbers(self, people: ScimCaller) -> None:
        assert self.ask(people, startIndex=0, count=1) == (3, 1, 1, [ADA])
        assert self.ask(people, startIndex=-7, count=1) == (3, 1, 1, [ADA])
        assert self.ask(people, count=0) == (3, 1, 0, [])
        assert self.ask(people, count=-1) == (3, 1, 0, [])
        assert self.ask(people, count=10**30)[2] == 3

    def test_refuse_what_is_no_number(self, people: ScimCaller) -> None:
        for params in ({"startIndex": "x"}, {"count": "1.5"}, {"sortOrder": "sideways", "sortBy": "id"}):
            refused(people.get("/Users", params=params), 400, "invalidValue")

    def test_hold_no_more_than_they_say(self, directory: ScimCaller) -> None:
        config = directory.get("/ServiceProviderConfig").json()
        assert config["filter"]["maxResults"] == searching.MOST_COUNTED


def test_no_filter_looks_at_more_rows_than_it_may(
    people: ScimCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "MOST_SCANNED", 2)
    refused(people.get("/Users", params={"filter": "title pr"}), 400, "tooMany")
    assert people.found('externalId eq "A1"') == [ADA]
    assert people.found('externalId eq "A1" and title pr') == [ADA]
    assert people.get("/Users").json()["totalResults"] == 3


def test_a_page_costs_as_many_statements_however_many_there_are(
    directory: ScimCaller, statements: list[str]
) -> None:
    def asked() -> list[str]:
        statements.clear()
        assert directory.get("/Users", params={"count": 2}).status_code == 200
        return [sql for sql in statements if "scim_" in sql]

    for number in range(3):
        directory.user(f"user-{number}")
    few = asked()
    for number in range(3, 40):
        directory.user(f"user-{number}")
    assert asked() == few
    assert any("LIMIT" in sql for sql in few)


def test_lists_are_sorted_by_an_attribute(people: ScimCaller) -> None:
    def order(**params: str) -> list[str]:
        return [one["userName"] for one in people.get("/Users", params=params).json()["Resources"]]

    assert order(sortBy="userName") == [ADA, BOB, CEM]
    assert order(sortBy="userName", sortOrder="descending") == [CEM, BOB, ADA]
    assert order(sortBy="title", sortOrder="descending")[-1] == ADA
    assert order(sortBy="emails.value", count="1") == [ADA]
    refused(people.get("/Users", params={"sortBy": "password"}), 400, "invalidPath")


def test_a_search_may_be_a_body(people: ScimCaller) -> None:
    body = {
        "schemas": [SEARCH],
        "filter": "title pr",
        "attributes": ["userName"],
        "startIndex": 1,
        "count": 5,
    }
    told = people.post("/Users/.search", body).json()
    assert told["totalResults"] == 1
    assert set(told["Resources"][0]) == {"schemas", "id", "userName"}
    refused(people.post("/Users/.search", {"schemas": [SEARCH], "filter": "title"}), 400, "invalidFilter")
    assert people.post("/Groups/.search", {"schemas": [SEARCH]}).json()["totalResults"] == 0
    refused(people.post("/.search", {"schemas": [SEARCH]}), 501)


class TestAttributes:
    """RFC 7644 section 3.9."""

    def test_only_those_asked_for_are_shown(self, people: ScimCaller) -> None:
        told = people.get("/Users", params={"attributes": "userName,emails.value", "count": 1}).json()
        (one,) = told["Resources"]
        assert set(one) == {"schemas", "id", "userName", "emails"}
        assert [set(email) for email in one["emails"]] == [{"value"}, {"value"}]

    def test_those_excluded_are_not_shown_and_the_id_always_is(self, people: ScimCaller) -> None:
        (one,) = people.get("/Users", params={"excludedAttributes": "emails,id", "count": 1}).json()[
            "Resources"
        ]
        assert "emails" not in one
        assert {"id", "userName"} <= set(one)

    def test_one_resource_has_them_too(self, people: ScimCaller) -> None:
        made = people.user("dan@acme.example", title="Dr")
        for answer in (
            people.get(f"/Users/{made['id']}", params={"attributes": "title"}),
            people.send("PATCH", f"/Users/{made['id']}", params={"attributes": "title"}, json={
                "Operations": [{"op": "replace", "path": "nickName", "value": "d"}]
            }),
        ):  # fmt: skip
            assert set(answer.json()) == {"schemas", "id", "title"}

    def test_not_both_at_once(self, people: ScimCaller) -> None:
        both = {"attributes": "title", "excludedAttributes": "emails"}
        refused(people.get("/Users", params=both), 400, "invalidValue")
