"""How a desk works: defaults, changes one by one, and nothing that isn't allowed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flow import at_once, leaves

from dxflow.engine.core import Core
from dxflow.engine.desk import actions, settings
from dxflow.engine.desk.settings import Desk
from dxflow.engine.errors import Invalid
from dxflow.engine.mail.catalogue import LANGUAGES
from dxflow.engine.platforms.base import Person
from dxflow.engine.rights import following, team
from dxflow.engine.services import tenants
from dxflow.engine.services.rights import requests
from dxflow.engine.store import models

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def change(core: Core, mine: str, **changes: object) -> Desk:
    return settings.change(core, mine, "system", changes)


def test_where_nobody_said_anything_the_defaults_hold(mine: str) -> None:
    assert settings.of(mine) == Desk(False, "UTC", LANGUAGES, (), True, None, None, 14, None)


def test_the_databases_defaults_are_the_same(core: Core, mine: str) -> None:
    core.store.database.execute_sql(
        f"INSERT INTO rights_desks (tenant_id) VALUES ('{mine}')"  # a test's own id
    )
    row = settings.of(mine)
    assert row.updated_at is not None
    assert Desk() == settings.Desk(
        **{name: getattr(row, name) for name in Desk.__dataclass_fields__ if name != "updated_at"}
    )


def test_what_is_named_changes_and_the_rest_stays(core: Core, mine: str) -> None:
    change(core, mine, zone="Europe/Berlin", languages=["de", "en", "de"], package_days=30)
    change(core, mine, authority="BlnBDI, Berlin", embed_origins=["https://www.acme.example:443"])
    found = change(core, mine, form_open=False, privacy_url="https://acme.example/privacy?lang=de#top")
    assert found == settings.of(mine)
    assert (found.zone, found.languages, found.package_days) == ("Europe/Berlin", ("de", "en"), 30)
    assert (found.authority, found.embed_origins) == ("BlnBDI, Berlin", ("https://www.acme.example",))
    assert (found.form_open, found.privacy_url) == (False, "https://acme.example/privacy?lang=de#top")


def test_the_teams_address_is_sealed_kept_and_taken_away(core: Core, mine: str) -> None:
    assert change(core, mine, team_email=" Team@BÜCHER.example ").team_email_set
    change(core, mine, zone="Europe/Paris")
    assert team.address(core, mine) == "Team@xn--bcher-kva.example"
    row = models.RightsDesk.get(tenant_id=mine)
    assert b"xn--bcher" not in bytes(row.team_email_sealed)
    assert not change(core, mine, team_email=None).team_email_set
    assert team.address(core, mine) is None


def test_a_change_is_an_entry_without_the_address(core: Core, mine: str) -> None:
    change(core, mine, team_email="team@acme.example", zone="Europe/Berlin")
    change(core, mine, zone="Europe/Berlin")
    change(core, mine)
    [entry] = leaves(mine, "rights_desk.set")
    assert entry["settings"] == ["team_email", "zone"]
    sealed = models.ActPayload.get(id=entry["act"])
    place = {"table": "act_payloads", "column": "payload_sealed", "row_id": str(entry["act"])}
    opened = core.keys.unseal(mine, bytes(sealed.payload_sealed), **place)
    assert b"Europe/Berlin" in opened
    assert b"acme.example" not in opened


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("team_email", "team", "not an e-mail address"),
        ("team_email", "a@b.example\r\nBcc: c@d.example", "not an e-mail address"),
        ("zone", "Berlin", "IANA"),
        ("zone", "", "IANA"),
        ("zone", "../../etc/passwd", "IANA"),
        ("languages", [], "en, de, fr, es, it, nl"),
        ("languages", ["en", "tlh"], "en, de, fr, es, it, nl"),
        ("languages", "en", "list"),
        ("embed_origins", ["http://acme.example"], "https://"),
        ("embed_origins", ["https://acme.example/"], "without a path"),
        ("embed_origins", ["https://*.example"], "https://"),
        ("embed_origins", ["https://ACME.example"], "lower case"),
        ("embed_origins", ["https://acme.example; script-src *"], "https://"),
        ("embed_origins", ["https://acme.example\n"], "https://"),
        ("embed_origins", ["https://acme.example:65536"], "https://"),
        ("embed_origins", [f"https://a{n}.example" for n in range(21)], "20"),
        ("form_open", 1, "true or false"),
        ("privacy_url", "javascript:alert(1)", "https://"),
        ("privacy_url", "https://acme.example/ x", "https://"),
        ("privacy_url", "https://" + "a" * 2000, "2000"),
        ("authority", " \n ", "1 to 200"),
        ("authority", "x" * 201, "1 to 200"),
        ("package_days", 0, "1 to 90"),
        ("package_days", 91, "1 to 90"),
        ("package_days", True, "1 to 90"),
        ("package_days", "14", "1 to 90"),
        ("colour", "red", "team_email, zone"),
        ("tenant_id", "x", "team_email, zone"),
    ],
)
def test_what_isnt_allowed_is_named(core: Core, mine: str, name: str, value: object, told: str) -> None:
    with pytest.raises(Invalid, match=told) as caught:
        change(core, mine, **{name: value})
    assert caught.value.field == name
    assert settings.of(mine) == Desk()


def test_nothing_is_set_where_one_of_several_is_wrong(core: Core, mine: str) -> None:
    with pytest.raises(Invalid):
        change(core, mine, zone="Europe/Berlin", package_days=0)
    assert settings.of(mine) == Desk()


def test_a_local_page_may_embed_the_form_without_tls(core: Core, mine: str) -> None:
    found = change(core, mine, embed_origins=["http://localhost:8080", "http://127.0.0.1"])
    assert found.embed_origins == ("http://localhost:8080", "http://127.0.0.1")


def test_two_who_change_different_settings_both_succeed(core: Core, mine: str) -> None:
    change(core, mine, package_days=7)
    calls = [
        lambda: change(core, mine, zone="Europe/Berlin"),
        lambda: change(core, mine, team_email="team@acme.example"),
        lambda: change(core, mine, form_open=False),
    ]
    at_once(core, calls)
    found = settings.of(mine)
    assert (found.zone, found.team_email_set, found.form_open, found.package_days) == (
        "Europe/Berlin", True, False, 7,
    )  # fmt: skip


def test_one_desk_is_not_anothers(core: Core, mine: str) -> None:
    theirs = tenants.create(core, "Other", "DE").controller.id
    change(core, mine, zone="Europe/Berlin")
    assert settings.of(theirs) == Desk()


def test_another_zone_moves_the_dates_of_open_requests(core: Core, mine: str) -> None:
    """At 22:30 in UTC it is the next day in Auckland: the month begins a day later."""
    person, came = Person(email="ada@shop.example"), datetime(2099, 3, 1, 22, 30, tzinfo=UTC)
    asked = [
        requests.create(core, mine, "system", "access", person, jurisdiction="DE", received_at=came)
        for _ in range(2)
    ]
    actions.cancel(core, mine, asked[1].id, "system")
    change(core, mine, zone="Pacific/Auckland")
    moved, ended = (models.RightsRequest.get_by_id(one.id) for one in asked)
    assert (asked[0].due, moved.due, ended.due) == ("2099-04-01", "2099-04-02", "2099-04-01")
    assert (moved.version, moved.warn_at) == (asked[0].version + 1, _half(came, "2099-04-03T00:00+13:00"))
    change(core, mine, zone="Pacific/Auckland", package_days=3)
    assert models.RightsRequest.get_by_id(moved.id).version == moved.version
    assert following.status(core, moved)["expected_by"] == "2099-04-02T10:59:59Z"


def _half(received: datetime, end: str) -> datetime:
    """When half of the time is over."""
    return received + (datetime.fromisoformat(end) - received) / 2
