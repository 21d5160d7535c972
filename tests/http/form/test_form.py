"""The hosted form over real HTTP: what it records, what it shows, what it keeps to itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from flow import Sender, at_once, customer, drain, leaves
from visitors import BOTH

from dxflow.engine.core import Core
from dxflow.engine.rights import intake
from dxflow.engine.rights.languages import LANGUAGES
from dxflow.engine.services import tenants
from dxflow.engine.services.people import attempts
from dxflow.engine.services.rights import requests as service
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

from .conftest import FILLED, Person, key_in, reference_in, text_of


def test_a_request_is_recorded_with_who_asked_in_which_words_and_language(
    core: Core, tenant: NewTenant, person: Person
) -> None:
    request_id, _ = person.ask(lang="fr", where="FR", type="erasure")
    row = models.RightsRequest.get_by_id(request_id)
    assert (row.tenant_id, row.type, row.source) == (tenant.controller.id, "erasure", "form")
    assert (row.language, row.jurisdiction, row.regime, row.state) == ("fr", "FR", "gdpr", "received")
    assert intake.requester(core, row) == {"email": "canary@person.example", "name": "Canary Bird"}
    assert service.details_of(core, row) == "everything since 2020"
    (leaf,) = leaves(tenant.controller.id, "rights_request.created")
    assert leaf["actor"] == "requester"
    assert "canary" not in json.dumps(leaf)


def test_the_answer_names_the_reference_the_dates_the_law_and_the_key(person: Person) -> None:
    done = person.post(**FILLED)
    row = models.RightsRequest.get_by_id(reference_in(done))
    said = text_of(done)
    assert "Received on 2 March 2099" in said
    assert row.due == "2099-04-02"
    assert "Answer due by 2 April 2099" in said
    assert "GDPR Art. 12(3)" in said
    assert f"https://privacy.example/dx/request/{person.tenant_id}/{row.id}" in said
    assert re.fullmatch(r"([0-9a-hjkmnp-tv-z]{4}-){5}[0-9a-hjkmnp-tv-z]{4}", key_in(done))


@pytest.mark.parametrize(
    ("where", "type", "regime"),
    [
        ("GB", "access", "uk_gdpr"),
        ("US-CA", "access", "ccpa"),
        ("US-CA", "sale_opt_out", "ccpa_opt_out"),
        ("NL", "portability", "gdpr"),
        ("OTHER", "access", "gdpr"),
    ],
)
def test_where_somebody_lives_decides_the_law(person: Person, where: str, type: str, regime: str) -> None:
    request_id, _ = person.ask(where=where, type=type)
    row = models.RightsRequest.get_by_id(request_id)
    assert row.regime == regime
    assert row.jurisdiction == ("DE" if where == "OTHER" else where)


def test_every_type_can_be_asked_for_and_is_shown_in_every_language(person: Person) -> None:
    for language in LANGUAGES:
        page = person.get(f"?lang={language}")
        offered = re.findall(r'name="type" value="(\w+)"', page.text)
        assert len(offered) == len(set(offered)) == 15
        assert f'<html lang="{language}">' in page.text
        assert page.headers["Content-Language"] == language


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"type": ""}, "type", "Choose what you would like to ask for."),
        ({"type": "nonsense"}, "type", "Choose what you would like to ask for."),
        ({"email": "no address"}, "email", "Enter an e-mail address like name@example.com."),
        ({"phone": "none"}, "phone", "Enter a telephone number like"),
        ({"email": "", "name": ""}, "email", "Enter an e-mail address, a telephone number or a name."),
        ({"where": ""}, "where", "Choose where you live."),
        ({"where": "XX"}, "where", "Choose where you live."),
        ({"details": "x" * 4001}, "details", "Shorten this to 4000 characters."),
        ({"name": "x" * 201}, "name", "Shorten this to 200 characters."),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_above_and_the_rest_is_kept(
    person: Person, changes: dict[str, str], field: str, words: str
) -> None:
    again = person.post(**{**FILLED, "details": "<b>mine</b>", **changes})
    assert again.status_code == 422
    assert text_of(again).count(words) == 2
    assert f'id="{field}-error"' in again.text
    assert re.search(rf'href="#{"type-access" if field == "type" else field}"', again.text)
    assert "<title>Error:" in again.text
    if "details" not in changes:
        assert "&lt;b&gt;mine&lt;/b&gt;" in again.text
    if "email" not in changes:
        assert 'value="canary@person.example"' in again.text
    assert models.RightsRequest.select().count() == 0


def test_a_field_that_people_do_not_see_is_shown_to_whoever_filled_it_in(person: Person) -> None:
    assert 'aria-hidden="true"' in person.get().text
    again = person.post(**FILLED, website="https://spam.example")
    assert again.status_code == 422
    assert "Leave this field empty" in text_of(again)
    assert 'aria-hidden="true"' not in again.text
    assert models.RightsRequest.select().count() == 0


def test_a_form_sent_twice_is_one_request_and_a_changed_one_another(person: Person) -> None:
    once = re.search(r'name="once" value="([^"]+)"', person.get().text)
    assert once
    first = person.ask(once=once[1])
    assert person.ask(once=once[1]) == first
    assert person.ask(once=once[1], details="something else") != first
    assert models.RightsRequest.select().count() == 2


@BOTH
def test_of_two_clicks_at_once_one_makes_the_request(core: Core, person: Person) -> None:
    asked = at_once(core, [lambda: person.ask(once="a" * 32) for _ in range(4)])
    assert len({str(one) for one in asked}) == 1, asked
    assert models.RightsRequest.select().count() == 1


def test_who_is_on_file_and_who_is_not_see_the_same(core: Core, tenant: NewTenant, person: Person) -> None:
    Sender(core, tenant.controller.id).send("customers/create", customer(1, email="known@person.example"))
    drain(core)
    pages = []
    for email in ("known@person.example", "unknown@person.example"):
        done = person.post(**{**FILLED, "email": email})
        own = (reference_in(done), key_in(done), email)
        same = done.text
        for mine in own:
            same = same.replace(mine, "")
        pages.append((done.status_code, same, sorted(set(done.headers) - {"Date"})))
    assert pages[0] == pages[1]
    known, unknown = models.RightsRequest.select().order_by(models.RightsRequest.created_at)
    assert known.subject_id is not None
    assert unknown.subject_id is None


def test_one_address_is_named_only_so_often_and_others_are_not_kept_out(person: Person) -> None:
    answers = [person.post(**{**FILLED, "details": str(number)}) for number in range(7)]
    assert [one.status_code for one in answers[:5]] == [200] * 5
    assert answers[5].status_code == 429
    assert int(answers[5].headers["Retry-After"]) >= 1
    assert "canary" not in answers[5].text
    assert person.post(**{**FILLED, "email": "CANARY@person.example"}).status_code == 429
    assert person.post(**{**FILLED, "email": "other@person.example"}).status_code == 200


def test_a_client_sends_only_so_many_whatever_they_say(
    monkeypatch: pytest.MonkeyPatch, person: Person
) -> None:
    monkeypatch.setattr(attempts, "NETWORK", replace(attempts.NETWORK, free=4))
    statuses = [
        person.post(**{**FILLED, "email": f"p{number}@person.example"}).status_code for number in range(6)
    ]
    assert statuses == [200] * 4 + [429] * 2


def test_a_tenant_is_found_by_its_did_too_and_nobody_else_is(person: Person, tenant: NewTenant) -> None:
    by_did = requests.get(f"{person.site}/request/{tenant.controller.did}", timeout=30)
    assert by_did.status_code == 200
    for name in ("00000000-0000-4000-8000-000000000000", "nobody", "did:dep:00", "%00"):
        missing = requests.get(f"{person.site}/request/{name}", headers={"Accept-Language": "de"}, timeout=30)
        assert missing.status_code == 404
        assert "Diese Seite gibt es nicht" in text_of(missing)


def test_a_closed_form_says_so_and_takes_nothing(
    person: Person, desk: Callable[..., models.RightsDesk]
) -> None:
    desk(form_open=False)
    for answer in (person.get(), person.post(**FILLED)):
        assert "This form is closed" in text_of(answer)
        assert "Acme Shop takes no requests here" in text_of(answer)
    assert models.RightsRequest.select().count() == 0


def test_the_form_speaks_what_its_desk_offers_and_its_reader_wants(
    person: Person, desk: Callable[..., models.RightsDesk]
) -> None:
    assert '<html lang="nl">' in person.get(headers={"Accept-Language": "nl-BE, en;q=0.5"}).text
    desk(languages=["de", "en"])
    assert '<html lang="en">' in person.get(headers={"Accept-Language": "nl-BE, de;q=0"}).text
    assert '<html lang="de">' in person.get(headers={"Accept-Language": "fr, de;q=0.2"}).text
    assert '<html lang="de">' in person.get("?lang=de", headers={"Accept-Language": "en"}).text
    page = person.get("?lang=it")
    assert '<html lang="en">' in page.text
    assert re.findall(r'hreflang="(\w+)"', page.text) == ["en", "de"]


def test_a_desk_names_its_notice_and_whom_to_complain_to(
    person: Person, desk: Callable[..., models.RightsDesk]
) -> None:
    desk(privacy_url="https://acme.example/privacy", authority="the <Commissioner>")
    page = person.get()
    assert 'href="https://acme.example/privacy"' in page.text
    assert "You can also complain to the &lt;Commissioner&gt;." in page.text


def test_no_script_no_cookie_nothing_from_elsewhere_and_no_frame(person: Person) -> None:
    for page in (
        person.get(),
        person.get("?embed=1"),
        person.post(**FILLED),
        person.get("/confirm?token=abc"),
    ):
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "script" not in policy
        assert page.headers["X-Frame-Options"] == "DENY"
        assert page.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in page.headers
        assert "<script" not in page.text
        assert " style=" not in page.text


def test_only_named_origins_may_show_the_form_in_a_frame(
    person: Person, desk: Callable[..., models.RightsDesk]
) -> None:
    desk(embed_origins=["https://shop.example", "https://x.example; script-src *", "https://b.example:8443"])
    framed = person.get("?embed=1")
    ancestors = framed.headers["Content-Security-Policy"].partition("frame-ancestors ")[2]
    assert ancestors == "https://shop.example https://b.example:8443"
    assert "X-Frame-Options" not in framed.headers
    assert framed.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "<header" not in framed.text
    assert 'name="embed" value="1"' in framed.text
    done = person.post(**FILLED, embed="1")
    assert "https://shop.example" in done.headers["Content-Security-Policy"]
    alone = person.get()
    assert "frame-ancestors 'none'" in alone.headers["Content-Security-Policy"]
    assert alone.headers["X-Frame-Options"] == "DENY"


def test_what_is_no_form_is_answered_with_a_page(person: Person) -> None:
    big = requests.post(
        f"{person.site}/request/{person.tenant_id}", data={"details": "x" * 70_000}, timeout=30
    )
    assert big.status_code == 413
    assert "can’t be read" in text_of(big)
    odd = requests.post(f"{person.site}/request/{person.tenant_id}", json={"type": "access"}, timeout=30)
    assert odd.status_code == 422
    assert requests.put(f"{person.site}/request/{person.tenant_id}", timeout=30).status_code == 405


def test_control_characters_and_odd_signs_become_no_more_than_text(core: Core, person: Person) -> None:
    request_id, _ = person.ask(name="Ca\r\nnary\0 Bird", details="a\0b\r\nc", email="")
    row = models.RightsRequest.get_by_id(request_id)
    assert "\0" not in json.dumps(intake.requester(core, row))
    assert service.details_of(core, row) == "ab\nc"


def test_all_languages_have_the_same_texts_with_the_same_placeholders() -> None:
    folder = Path(__file__).parents[3] / "http" / "form" / "languages"
    read = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}
    assert set(read) == set(LANGUAGES)
    for language, words in read.items():
        assert list(words) == list(read["en"]), language
        for name, text in words.items():
            assert text.strip() == text
            assert text, (language, name)
            placeholders = sorted(re.findall(r"{\w+}", text))
            assert placeholders == sorted(re.findall(r"{\w+}", read["en"][name])), (language, name)
    for name in read["en"]:
        if name.startswith(("form.", "error.", "status.", "done.", "why.")) and name != "form.name":
            assert len({words[name] for words in read.values()}) >= 5, f"{name} isn't translated"


def test_one_tenants_form_never_touches_another(core: Core, person: Person) -> None:
    other = tenants.create(core, "Other Shop", "FR").controller.id
    request_id, key = person.ask()
    elsewhere = Person(person.site, other)
    assert elsewhere.post(f"/{request_id}", key=key).status_code == 403
    assert models.RightsRequest.select().where(models.RightsRequest.tenant_id == other).count() == 0
