"""The page of a request: it opens to its key, proves who asks, and lets them withdraw."""

from __future__ import annotations

import pytest
import requests
from flow import HandClock, leaves
from postbox import Postbox, with_post
from visitors import edge

from dxflow.config.logging import configure
from dxflow.config.settings import Settings
from dxflow.engine.core import Core
from dxflow.engine.desk import portal
from dxflow.engine.fulfilment import package
from dxflow.engine.platforms.base import Person as Named
from dxflow.engine.services import tenants
from dxflow.engine.services.subjects import subjects
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

from .conftest import FILLED, Person, key_in, reference_in, text_of


def state(request_id: str) -> str:
    return str(models.RightsRequest.get_by_id(request_id).state)


def test_the_page_asks_for_the_key_and_opens_to_it(person: Person) -> None:
    request_id, key = person.ask()
    asking = person.get(f"/{request_id}")
    assert "Enter the key" in text_of(asking)
    assert "2 April" not in text_of(asking)
    shown = person.post(f"/{request_id}", key=key)
    assert "waits for the proof that it is you" in text_of(shown)
    assert "Answer due by 2 April 2099" in text_of(shown)
    assert "canary" not in shown.text


def test_a_key_may_be_typed_as_people_type(person: Person) -> None:
    request_id, key = person.ask()
    for typed in (
        key.upper(),
        key.replace("-", " "),
        f" {key.replace('-', '')} ",
        key.replace("0", "O").replace("1", "l"),
    ):
        assert person.post(f"/{request_id}", key=typed).status_code == 200


def test_a_wrong_key_and_no_such_request_are_answered_alike(person: Person) -> None:
    request_id, key = person.ask()
    other_id, other_key = person.ask(details="another")
    nobodys = "00000000-0000-4000-8000-000000000000"
    pages = set()
    for path, tried in ((request_id, "0" * 24), (request_id, other_key), (request_id, ""), (nobodys, key)):
        answer = person.post(f"/{path}", key=tried)
        assert answer.status_code == 403
        pages.add(answer.text.replace(path, ""))
    assert len(pages) == 1
    assert person.get(f"/{nobodys}").text.replace(nobodys, "") == person.get(f"/{other_id}").text.replace(
        other_id, ""
    )


def test_wrong_keys_are_counted_by_client_and_a_right_one_is_not(person: Person) -> None:
    request_id, key = person.ask()
    for _ in range(60):
        assert person.post(f"/{request_id}", key=key).status_code == 200
    statuses = [person.post(f"/{request_id}", key="wrong").status_code for _ in range(51)]
    assert statuses == [403] * 50 + [429]
    assert person.post(f"/{request_id}", key=key).status_code == 429


def test_a_key_goes_on_opening_when_the_tenants_key_is_rotated(
    core: Core, clock: HandClock, person: Person
) -> None:
    request_id, key = person.ask()
    core.keys.store(person.tenant_id, "link", 2, b"n" * 32)
    clock.forward(7200)
    core.keys.refresh()
    assert person.post(f"/{request_id}", key=key).status_code == 200
    row = models.RightsRequest.get_by_id(request_id)
    assert portal.key_of(core, row) != key


def test_a_person_withdraws_only_after_saying_so_and_only_what_is_open(
    core: Core, tenant: NewTenant, person: Person
) -> None:
    request_id, key = person.ask()
    unsure = person.post(f"/{request_id}", key=key, act="withdraw")
    assert unsure.status_code == 422
    assert state(request_id) == "received"
    done = person.post(f"/{request_id}", key=key, act="withdraw", sure="yes")
    assert "Your request is withdrawn." in text_of(done)
    assert state(request_id) == "cancelled"
    again = person.post(f"/{request_id}", key=key, act="withdraw", sure="yes")
    assert "no longer possible" in text_of(again)
    assert "Withdraw the request" not in text_of(again)
    acts = [leaf["kind"] for leaf in leaves(tenant.controller.id) if leaf.get("actor") == "requester"]
    assert acts == ["rights_request.created", "identity_check.sent", "rights_request.moved"]


def test_nobody_withdraws_without_the_key(person: Person) -> None:
    request_id, _ = person.ask()
    assert person.post(f"/{request_id}", key="wrong", act="withdraw", sure="yes").status_code == 403
    assert state(request_id) == "received"


@pytest.fixture
def known(core: Core, tenant: NewTenant) -> None:
    """The person is on file, since before they ask."""
    subjects.enter(core, tenant.controller.id, Named(email="canary@person.example"), "system")


@pytest.mark.usefixtures("known")
def test_the_mailed_code_proves_who_asks(core: Core, box: Postbox, person: Person) -> None:
    request_id, key = person.ask(once="b" * 32)
    person.ask(once="b" * 32)
    assert box.codes(with_post(core, box)) == ["canary@person.example"]
    code = box.code(with_post(core, box), "canary@person.example")
    wrong = person.post(f"/{request_id}", key=key, act="code", code=f"{(int(code) + 1) % 10**6:06d}")
    assert wrong.status_code == 422
    assert text_of(wrong).count("This code is wrong, or its time is over.") == 2
    assert person.post(f"/{request_id}", key=key, act="code", code="").status_code == 422
    assert state(request_id) == "received"
    right = person.post(f"/{request_id}", key=key, act="code", code=f" {code[:3]} {code[3:]} ")
    assert "Thank you, that was right." in text_of(right)
    assert "It is certain that it is you." in text_of(right)
    assert "Code of six digits" not in text_of(right)
    row = models.RightsRequest.get_by_id(request_id)
    assert (row.state, row.verified_by) == ("identity_verified", "channel")


@pytest.mark.usefixtures("known")
def test_a_new_code_ends_the_one_before_and_there_are_not_many(
    core: Core, box: Postbox, person: Person
) -> None:
    desk, address = with_post(core, box), "canary@person.example"
    request_id, key = person.ask()
    first = box.code(desk, address)
    answer = person.post(f"/{request_id}", key=key, act="new")
    assert "a new code is on its way" in text_of(answer)
    if box.code(desk, address) != first:  # one in a million is
        assert person.post(f"/{request_id}", key=key, act="code", code=first).status_code == 422
    statuses = [person.post(f"/{request_id}", key=key, act="new").status_code for _ in range(6)]
    assert statuses[-1] == 429
    assert len(box.codes(desk)) <= 5
    assert person.post(f"/{request_id}", key=key).status_code == 200


@pytest.mark.usefixtures("known")
def test_guessing_ends_the_code_and_shuts_nobody_out_of_the_page(
    core: Core, box: Postbox, person: Person
) -> None:
    request_id, key = person.ask()
    code = box.code(with_post(core, box), "canary@person.example")
    guesses = [f"{(int(code) + n) % 10**6:06d}" for n in range(1, 4)]
    assert [person.post(f"/{request_id}", key=key, act="code", code=one).status_code for one in guesses] == [
        422
    ] * 3
    assert person.post(f"/{request_id}", key=key, act="code", code=code).status_code == 422
    assert person.post(f"/{request_id}", key=key).status_code == 200
    assert state(request_id) == "received"


@pytest.mark.usefixtures("known")
def test_who_is_on_file_is_asked_for_the_same_and_told_the_same_as_who_is_not(person: Person) -> None:
    pages = []
    for email in ("canary@person.example", "nobody@person.example"):
        request_id, key = person.ask(email=email)
        said = []
        for fields in ({}, {"act": "new"}, {"act": "code", "code": "000000"}):
            answer = person.post(f"/{request_id}", key=key, **fields)
            said.append((answer.status_code, answer.text.replace(request_id, "").replace(key, "")))
        pages.append(said)
    assert [status for status, _ in pages[0]] == [200, 200, 422]
    assert pages[0] == pages[1]


def test_whoever_gave_no_address_is_asked_the_same(person: Person) -> None:
    done = person.post(**{**FILLED, "email": ""})
    assert "asks you in another way" in text_of(done)
    shown = person.post(f"/{reference_in(done)}", key=key_in(done))
    assert "Code of six digits" in text_of(shown)


def test_without_mail_the_form_takes_requests_all_the_same(core: Core, tenant: NewTenant) -> None:
    with edge(core, "http://127.0.0.1") as site:
        person = Person(site, tenant.controller.id)
        request_id, key = person.ask()
        assert "No code could be sent" in text_of(person.post(f"/{request_id}", key=key, act="new"))


@pytest.mark.usefixtures("known")
def test_following_a_mailed_link_confirms_nothing_and_its_button_does(
    core: Core, box: Postbox, person: Person
) -> None:
    request_id, _ = person.ask()
    token = box.token(with_post(core, box), "canary@person.example")
    (mail,) = box.to("canary@person.example", "code")
    path = f"/request/{person.tenant_id}/confirm?token={token}"
    assert path in mail
    for method in ("GET", "HEAD"):
        assert requests.request(method, person.site + path, timeout=30).status_code == 200
    asked = person.get(f"/confirm?token={token}")
    assert "Yes, it was me" in text_of(asked)
    assert asked.headers["Referrer-Policy"] == "no-referrer"
    assert state(request_id) == "received"
    assert "Thank you, that was right." in text_of(person.post("/confirm", token=token))
    assert state(request_id) == "identity_verified"
    again = person.post("/confirm", token=token)
    assert again.status_code == 422
    assert "no longer holds" in text_of(again)


@pytest.mark.usefixtures("known")
def test_the_confirm_page_says_what_was_asked_and_when(core: Core, box: Postbox, person: Person) -> None:
    person.ask()
    person.ask(type="erasure")
    token = box.token(with_post(core, box), "canary@person.example")
    (_, mail) = box.to("canary@person.example", "code")
    assert "What was asked for: erasure of your personal data" in mail
    for _ in range(2):  # looking changes nothing
        page = text_of(person.get(f"/confirm?token={token}"))
        assert "on 2 March 2099: Delete my data" in page
    assert "Yes, it was me" in page
    foreign = Person(person.site, tenants.create(core, "Other", "DE").controller.id)
    assert "no longer holds" in text_of(foreign.get(f"/confirm?token={token}"))


@pytest.mark.usefixtures("known")
def test_who_didnt_ask_says_so_and_the_link_and_code_end(
    core: Core, box: Postbox, person: Person, tenant: NewTenant
) -> None:
    request_id, key = person.ask(type="erasure")
    desk = with_post(core, box)
    code, token = box.code(desk, "canary@person.example"), box.token(desk, "canary@person.example")
    told = person.post("/confirm", token=token, act="not_me")
    assert "Thank you for telling us" in text_of(told)
    assert person.post("/confirm", token=token).status_code == 422
    assert person.post("/confirm", token=token, act="not_me").status_code == 422
    assert person.post(f"/{request_id}", key=key, act="code", code=code).status_code == 422
    assert state(request_id) == "received"
    [entry] = leaves(tenant.controller.id, "identity_check.disowned")
    assert entry["request"] == request_id
    assert models.Notification.get(kind="rights_request.disowned").entity_id == request_id


def test_a_token_that_is_none_is_neither_shown_nor_taken(person: Person) -> None:
    for token in ("", "short", '"><b>' * 3, "u" * 43):
        answer = person.post("/confirm", token=token)
        assert answer.status_code == 422
        assert "<b>" not in answer.text
    assert "no longer holds" in text_of(person.get("/confirm?token=%22%3E%3Cscript%3E"))


@pytest.mark.usefixtures("known")
def test_an_answered_request_leads_to_its_package_while_there_is_one(
    core: Core, clock: HandClock, person: Person
) -> None:
    request_id, key = person.ask()
    row = models.RightsRequest
    row.update(state="review", verified_at=core.clock()).where(row.id == request_id).execute()
    made = package.make(core, person.tenant_id, request_id, "user:1")
    path = f"/dx/request/{person.tenant_id}/package/{made.id}"
    assert path not in person.post(f"/{request_id}", key=key).text
    row.update(state="response_sent", responded_at=core.clock()).where(row.id == request_id).execute()
    shown = person.post(f"/{request_id}", key=key)
    assert path in shown.text
    assert "Fetch your data" in text_of(shown)
    clock.forward(15 * 24 * 3600)
    assert path not in person.post(f"/{request_id}", key=key).text


def test_neither_key_nor_person_nor_token_reaches_the_log(
    core: Core, tenant: NewTenant, capfd: pytest.CaptureFixture[str]
) -> None:
    configure(Settings.load(log_level="debug"))
    with edge(core, "http://127.0.0.1") as site:
        person = Person(site, tenant.controller.id)
        request_id, key = person.ask()
        person.post(f"/{request_id}", key=key)
        person.post(f"/{request_id}", key="wrong")
        person.get(f"/confirm?token={'t' * 43}")
        person.post("/confirm", token="t" * 43)
        person.post(**{**FILLED, "details": "x" * 70_000})
    told = "".join(capfd.readouterr())
    for secret in (key, key.replace("-", ""), "canary", "Canary", "t" * 43):
        assert secret not in told
