"""``/api/v1/rights-desk`` over real HTTP."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from callers import Caller
from flow import leaves

from dxflow.engine.core import Core
from dxflow.engine.rights import team
from dxflow.engine.services.tenants import NewTenant

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

PATH = "/api/v1/rights-desk"
DEFAULTS = {
    "team_email_set": False,
    "zone": "UTC",
    "languages": ["en", "de", "fr", "es", "it", "nl"],
    "embed_origins": [],
    "form_open": True,
    "privacy_url": None,
    "authority": None,
    "package_days": 14,
    "updated_at": None,
}


def test_it_is_shown_changed_and_never_tells_the_teams_address(
    api: Caller, stranger: Caller, core: Core, tenant: NewTenant
) -> None:
    assert api.get(PATH).json() == DEFAULTS
    change = {"zone": "Europe/Berlin", "team_email": "team@acme.example", "languages": ["de", "en"]}
    answer = api.post(PATH, change)
    assert answer.status_code == 200
    assert "acme" not in answer.text
    assert answer.json() == api.get(PATH).json()
    said = {"zone": "Europe/Berlin", "languages": ["de", "en"], "team_email_set": True}
    assert answer.json() == {**DEFAULTS, **said, "updated_at": answer.json()["updated_at"]}
    assert answer.json()["updated_at"].endswith("Z")
    assert team.address(core, tenant.controller.id) == "team@acme.example"
    assert api.post(PATH, {"team_email": None}).json()["team_email_set"] is False
    assert stranger.get(PATH).json() == DEFAULTS
    [first, second] = leaves(tenant.controller.id, "rights_desk.set")
    assert first["settings"] == ["languages", "team_email", "zone"]
    assert second["settings"] == ["team_email"]


def test_looking_takes_less_than_changing(with_scopes: Callable[..., Caller], anybody: Caller) -> None:
    reader, writer, admin = with_scopes("read"), with_scopes("write"), with_scopes("admin")
    assert reader.get(PATH).status_code == 200
    assert [one.post(PATH, {"form_open": False}).status_code for one in (reader, writer, admin)] == [
        403,
        403,
        200,
    ]
    assert anybody.get(PATH).status_code == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"zone": None}, "zone"),
        ({"languages": []}, "languages"),
        ({"languages": ["en", "xx"]}, "languages"),
        ({"embed_origins": ["https://a.example/x"]}, "embed_origins"),
        ({"form_open": "yes"}, "form_open"),
        ({"package_days": "14"}, "package_days"),
        ({"privacy_url": "ftp://a.example"}, "privacy_url"),
        ({"authority": ""}, "authority"),
        ({"team_email": "nobody"}, "team_email"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_isnt_allowed_is_named(api: Caller, body: dict[str, object], field: str) -> None:
    answer = api.post(PATH, body)
    assert answer.status_code == 422
    assert field in answer.text
    assert api.get(PATH).json() == DEFAULTS


def test_the_same_key_with_another_change_is_another_request(api: Caller) -> None:
    """Also where the other names only what is a default anyway."""
    key = {"Idempotency-Key": "k-1"}
    api.post(PATH, {"zone": "Europe/Berlin"})
    assert api.post(PATH, {}, headers=key).json()["zone"] == "Europe/Berlin"
    assert api.post(PATH, {"zone": "UTC"}, headers=key).status_code == 409
    assert api.get(PATH).json()["zone"] == "Europe/Berlin"
