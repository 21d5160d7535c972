"""Setting, changing and disabling a provider; whom it named outlives rotations, and not their erasure."""

from __future__ import annotations

import json
from typing import Any

import oidc
import pytest
import requests
from flow import HandClock
from oidc import CLIENT, SECRET, Provider

from dxflow.engine import rotation
from dxflow.engine.core import Core
from dxflow.engine.errors import Invalid, NotFound, TransientError
from dxflow.engine.identity.keys import INSTALLATION
from dxflow.engine.services.people import sessions, sso, sso_entry, sso_people, users
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.sso.discovery import Directory
from dxflow.engine.sso.id_tokens import Claims
from dxflow.engine.store import models

CALLBACK = "https://dxflow.example/dashboard/sso/acme/callback"


@pytest.fixture
def acme(core: Core, tenant: NewTenant, provider: Provider) -> str:
    sso.set_provider(core, tenant.controller.id, provider.issuer, CLIENT, SECRET, "member")
    return str(tenant.controller.id)


def come_in(core: Core, tenant_id: str) -> str:
    """The whole way, without a browser; the session's token."""
    directory = Directory(core.outgoing)
    departure = sso_entry.begin(core, directory, tenant_id, CALLBACK, "/dashboard/")
    location = requests.get(departure.to, allow_redirects=False, timeout=10).headers["Location"]
    answer = dict(pair.split("=", 1) for pair in location.partition("?")[2].split("&"))
    del answer["iss"]
    return sso_entry.finish(core, directory, tenant_id, CALLBACK, answer, departure.browser).token


def leaves(core: Core, tenant_id: str) -> list[dict[str, Any]]:
    return [json.loads(core.log.entry(tenant_id, seq).leaf) for seq in range(core.log.head(tenant_id).size)]


def test_the_secret_lies_sealed_and_the_leaf_names_neither_it_nor_the_issuer(
    core: Core, acme: str, provider: Provider
) -> None:
    row = sso.show(acme)
    assert SECRET.encode() not in bytes(row.secret_sealed)
    assert sso.client(core, row, CALLBACK) == (CLIENT, SECRET, CALLBACK)
    leaf = next(leaf for leaf in leaves(core, acme) if leaf["kind"] == "sso.provider_set")
    assert (leaf["provider"], leaf["newcomers"]) == (row.id, "member")
    assert provider.issuer not in json.dumps(leaf)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"issuer": "accounts.example"}, "issuer"),
        ({"issuer": "https://10.0.0.1"}, "issuer"),
        ({"issuer": "http://169.254.169.254"}, "issuer"),
        ({"client_id": " "}, "client_id"),
        ({"client_id": "a\nb"}, "client_id"),
        ({"secret": ""}, "secret"),
        ({"secret": "x" * 501}, "secret"),
        ({"role": "king"}, "role"),
    ],
)
def test_what_wont_do_is_refused_and_changes_nothing(
    core: Core, acme: str, provider: Provider, changed: dict[str, str], field: str
) -> None:
    given = {"issuer": provider.issuer, "client_id": "other", "secret": "other", **changed}
    with pytest.raises(Invalid) as caught:
        sso.set_provider(core, acme, **given)
    assert caught.value.field == field
    assert sso.show(acme).client_id == CLIENT


def test_a_provider_is_asked_before_it_is_set(core: Core, acme: str, provider: Provider) -> None:
    with pytest.raises(Invalid, match=r"issuer: .*HTTP 404"):
        sso.set_provider(core, acme, f"{provider.issuer}/nothing/here", CLIENT, SECRET)
    provider.document["issuer"] = "https://accounts.example"
    with pytest.raises(Invalid, match="another issuer"):
        sso.set_provider(core, acme, provider.issuer, CLIENT, SECRET)
    with pytest.raises(TransientError, match="can't be reached"):
        sso.set_provider(core, acme, "http://127.0.0.1:1", CLIENT, SECRET)
    assert sso.show(acme).issuer == provider.issuer


def test_another_secret_keeps_who_was_known_and_another_issuer_doesnt(core: Core, acme: str) -> None:
    token = come_in(core, acme)
    sso.set_provider(core, acme, sso.show(acme).issuer, CLIENT, "renewed")
    assert models.SsoIdentity.select().count() == 1
    assert sessions.find(core, token) is not None
    with oidc.provider() as other:
        sso.set_provider(core, acme, other.issuer, CLIENT, SECRET)
        assert models.SsoIdentity.select().count() == 0, "its sub-1 is another person"
        assert sessions.find(core, token) is None
    assert models.SsoProvider.select().count() == 1


def test_disabling_ends_its_sessions_its_flows_and_its_identities(core: Core, acme: str) -> None:
    token = come_in(core, acme)
    sso_entry.begin(core, Directory(core.outgoing), acme, CALLBACK, "/dashboard/")
    row = sso.disable(core, acme)
    assert row.disabled_at is not None
    assert sessions.find(core, token) is None
    assert models.SsoFlow.select().count() == models.SsoIdentity.select().count() == 0
    sso.disable(core, acme)
    assert [leaf["kind"] for leaf in leaves(core, acme)].count("sso.provider_disabled") == 1
    with pytest.raises(NotFound):
        sso_entry.begin(core, Directory(core.outgoing), acme, CALLBACK, "/dashboard/")
    sso.set_provider(core, acme, row.issuer, CLIENT, SECRET)
    assert sessions.find(core, come_in(core, acme)) is not None


def test_a_data_controller_without_a_provider_says_so(core: Core, tenant: NewTenant) -> None:
    for ask in (sso.show, sso.in_force):
        with pytest.raises(NotFound):
            ask(tenant.controller.id)
    with pytest.raises(NotFound):
        sso.disable(core, tenant.controller.id)


def test_rotations_keep_secret_flow_and_identity(
    core: Core, acme: str, provider: Provider, clock: HandClock
) -> None:
    come_in(core, acme)
    directory = Directory(core.outgoing)
    departure = sso_entry.begin(core, directory, acme, CALLBACK, "/dashboard/")
    rotation.rotate_seal(core, acme)
    rotation.rotate_seal(core, INSTALLATION)
    rotation.rotate_links(core, INSTALLATION, pause=clock.forward)
    location = requests.get(departure.to, allow_redirects=False, timeout=10).headers["Location"]
    answer = dict(pair.split("=", 1) for pair in location.partition("?")[2].split("&"))
    del answer["iss"]
    provider.about = {}  # by address nobody would be found
    arrival = sso_entry.finish(core, directory, acme, CALLBACK, answer, departure.browser)
    assert sessions.find(core, arrival.token) is not None
    assert models.SsoIdentity.select().count() == 1


def test_one_sub_at_two_data_controllers_is_two_names(core: Core, acme: str) -> None:
    claims = Claims(sub="sub-1", nonce="n")
    come_in(core, acme)
    provider = sso.show(acme)
    assert sso_people.known(core, provider, claims) is not None
    elsewhere = models.SsoProvider(id=core.new_id(), tenant_id=core.new_id())
    assert sso_people.known(core, elsewhere, claims) is None


def test_a_session_says_how_it_was_opened(core: Core, acme: str) -> None:
    signed = sessions.find(core, come_in(core, acme))
    assert signed is not None
    assert (signed.method, signed.vouched_for) == ("oidc", True)
    _, once = users.create(core, acme, "bob@acme.example", "member")
    assert once is not None
    signed = sessions.find(core, sessions.sign_in(core, "bob@acme.example", once))
    assert signed is not None
    assert (signed.method, signed.vouched_for) == ("one_time_password", False)
