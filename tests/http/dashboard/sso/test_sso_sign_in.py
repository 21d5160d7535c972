"""Signing in through a data controller's own provider, over the whole chain of redirects."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import oidc
import oidc_provider_mock
import pytest
import requests
from browsing import Browser
from flow import HandClock
from oidc import Provider, new_key
from visitors import BOTH

from dxflow.engine.access import invitations, members
from dxflow.engine.core import Core
from dxflow.engine.identity import accounts
from dxflow.engine.services.people import sso, users
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models, quick

EMAIL = "ada@acme.example"

ComeIn = Callable[..., Browser]


def leaves(core: Core, tenant_id: str, kind: str) -> list[dict[str, Any]]:
    every = [json.loads(core.log.entry(tenant_id, seq).leaf) for seq in range(core.log.head(tenant_id).size)]
    return [leaf for leaf in every if leaf["kind"] == kind]


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The issuer of a provider that somebody else wrote (Authlib's server side)."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    with oidc_provider_mock.run_server_in_thread(require_nonce=True) as server:
        yield f"http://localhost:{server.server_port}"


def test_a_member_signs_in_through_a_provider_that_somebody_else_wrote(
    core: Core, tenant: NewTenant, real: str, browser: Browser, come_in: ComeIn, public_url: str
) -> None:
    tenant_id = tenant.controller.id
    sso.set_provider(core, tenant_id, real, "any-client", "any-secret")
    users.create(core, tenant_id, EMAIL, "dpo")
    requests.put(f"{real}/users/ada", json={"email": EMAIL, "email_verified": True}, timeout=10)

    come_in(tenant.controller.did)
    assert browser.url.startswith(f"{real}/oauth2/authorize?")
    browser.post(browser.url, {"sub": "ada"}, site="same-origin")

    assert browser.url == f"{public_url}/dashboard/"
    assert "Signed in as DPO" in browser.text
    assert "one-time password" not in browser.text


def test_who_declines_at_the_provider_is_told_so(
    core: Core, tenant: NewTenant, real: str, browser: Browser, come_in: ComeIn, public_url: str
) -> None:
    sso.set_provider(core, tenant.controller.id, real, "any-client", "any-secret")
    come_in(tenant.controller.id)
    callback = f"{public_url}/dashboard/sso/{tenant.controller.id}/callback"
    state = re.search(r"state=([\w-]+)", browser.url)
    assert state is not None
    browser.open(f"{callback}?error=access_denied&error_description=<b>&state={state[1]}", cross_site=True)
    assert browser.page.status_code == 403
    assert "says that it was declined" in browser.text
    assert "<b>" not in browser.page.text


@BOTH
def test_both_ways_lead_over_a_page_of_ours_because_the_session_is_strict(
    core: Core, acme: str, ada: str, browser: Browser, come_in: ComeIn, provider: Provider, public_url: str
) -> None:
    come_in(acme, following="/dashboard/events")
    assert [urlsplit(url).path for url in browser.trail] == [
        f"/dashboard/sso/{acme}",
        "/authorize",
        f"/dashboard/sso/{acme}/callback",
        "/dashboard/events",
    ]
    assert browser.page.status_code == 200
    assert "Signed in as member" in browser.text
    session = browser.cookie("__Host-dxflow-session")
    assert session is not None
    assert {"HttpOnly", "SameSite=Strict", "Secure", "Path=/"} <= set(session.text.split("; "))
    assert browser.cookie("__Host-dxflow-sso") is None
    [leaf] = leaves(core, acme, "user.signed_in")
    assert (leaf["method"], leaf["actor"]) == ("oidc", f"user:{ada}")
    assert models.SsoFlow.select().count() == 0


def test_the_cookie_on_the_way_is_lax_short_and_out_of_reach_of_scripts(
    acme: str, ada: str, browser: Browser, come_in: ComeIn
) -> None:
    browser.halt = "/callback"
    come_in(acme)
    cookie = browser.cookie("__Host-dxflow-sso")
    assert cookie is not None
    parts = set(cookie.text.split("; "))
    assert {"HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=600"} <= parts
    row = models.SsoFlow.get()
    assert cookie.value not in str(row.__data__)
    assert row.flow_sealed


@pytest.mark.parametrize("public_url", ["https://dxflow.example/privacy"])
def test_behind_a_prefix_every_address_has_it(
    acme: str, ada: str, browser: Browser, come_in: ComeIn, provider: Provider, public_url: str
) -> None:
    come_in(acme)
    assert provider.asked["redirect_uri"] == f"{public_url}/dashboard/sso/{acme}/callback"
    assert browser.url == f"{public_url}/dashboard/"
    assert browser.page.status_code == 200


@pytest.mark.parametrize(
    "methods",
    [
        None,
        ["client_secret_post"],
        ["client_secret_basic", "private_key_jwt"],
        ["client_secret_basic", "client_secret_post"],
    ],
)
def test_the_client_shows_its_secret_as_the_provider_asks(
    acme: str, ada: str, browser: Browser, come_in: ComeIn, provider: Provider, methods: list[str] | None
) -> None:
    provider.methods = methods
    come_in(acme)
    assert "Signed in as member" in browser.text


def test_the_second_time_the_providers_own_name_is_enough(
    core: Core, acme: str, ada: str, new_browser: Callable[[], Browser], come_in: ComeIn, provider: Provider
) -> None:
    """An address may change or lose its verification; who somebody is doesn't."""
    come_in(acme, new_browser())
    provider.about = {"email": "new@acme.example", "email_verified": False}
    later = come_in(acme, new_browser())
    assert "Signed in as member" in later.text
    [identity] = models.SsoIdentity.select()
    assert identity.user_id == ada
    place = {"table": "sso_identities", "column": "subject_sealed", "row_id": identity.id}
    assert core.keys.unseal_own(bytes(identity.subject_sealed), **place).decode().endswith(" sub-1")
    assert "sub-1" not in identity.subject_link


def test_every_sign_in_has_a_session_of_its_own(
    acme: str, ada: str, browser: Browser, come_in: ComeIn
) -> None:
    """Whoever planted a token in the browser before doesn't have the one after."""
    come_in(acme)
    first = browser.cookie("__Host-dxflow-session")
    come_in(acme)
    second = browser.cookie("__Host-dxflow-session")
    assert first is not None
    assert second is not None
    assert first.value != second.value


def test_an_address_that_only_userinfo_tells_counts(
    acme: str, ada: str, browser: Browser, come_in: ComeIn, provider: Provider
) -> None:
    provider.in_token = False
    come_in(acme)
    assert "Signed in as member" in browser.text
    assert provider.seen.count("/userinfo") == 1
    come_in(acme)
    assert provider.seen.count("/userinfo") == 1, "who is known needn't be asked about"


def test_who_was_invited_becomes_what_the_invitation_says(
    core: Core, acme: str, browser: Browser, come_in: ComeIn
) -> None:
    _invite(core, acme, EMAIL, "developer")
    come_in(acme)
    assert "Signed in as developer" in browser.text
    assert models.Invitation.get().accepted_at is not None
    [leaf] = leaves(core, acme, "user.created")
    assert (leaf["role"], leaf["source"]) == ("developer", "invitation")


def test_a_newcomer_gets_the_role_that_the_provider_was_set_with(
    core: Core, acme: str, browser: Browser, come_in: ComeIn, provider: Provider
) -> None:
    sso.set_provider(core, acme, provider.issuer, oidc.CLIENT, oidc.SECRET, "auditor")
    come_in(acme)
    assert "Signed in as auditor" in browser.text
    membership = models.Membership.get(tenant_id=acme)
    assert (membership.role, membership.source) == ("auditor", "oidc")
    [leaf] = leaves(core, acme, "user.created")
    assert leaf["source"] == "oidc"


def test_without_such_a_role_newcomers_stay_out_and_leave_no_trace(
    core: Core, acme: str, browser: Browser, come_in: ComeIn
) -> None:
    before = core.log.head(acme).size
    come_in(acme)
    assert browser.page.status_code == 403
    assert "Ask whoever looks after dxflow at Acme Shop to invite you" in browser.text
    assert accounts.find(core.keys, EMAIL) is None
    assert models.SsoIdentity.select().count() == 0
    assert core.log.head(acme).size == before
    assert browser.cookie("__Host-dxflow-session") is None


@pytest.mark.parametrize("verified", [False, None, 1, "yes", "True", ["true"], {"email": True}])
def test_an_address_that_the_provider_has_not_verified_finds_nobody(
    acme: str, ada: str, browser: Browser, come_in: ComeIn, provider: Provider, verified: object
) -> None:
    provider.about = {"email": EMAIL, "email_verified": verified}
    come_in(acme)
    assert browser.page.status_code == 403
    assert browser.cookie("__Host-dxflow-session") is None


def test_some_providers_write_true_as_text(
    acme: str, ada: str, browser: Browser, come_in: ComeIn, provider: Provider
) -> None:
    provider.about = {"email": "Ada@ACME.example", "email_verified": "true"}
    come_in(acme)
    assert "Signed in as member" in browser.text


def test_another_sub_with_the_same_address_is_somebody_else(
    acme: str, ada: str, new_browser: Callable[[], Browser], come_in: ComeIn, provider: Provider
) -> None:
    """Companies give a leaver's address to whoever comes next."""
    come_in(acme, new_browser())
    provider.sub = "sub-2"
    late = come_in(acme, new_browser())
    assert late.page.status_code == 403
    assert late.cookie("__Host-dxflow-session") is None


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("what", ["membership", "user"])
def test_who_was_shut_out_stays_out(
    core: Core,
    acme: str,
    ada: str,
    new_browser: Callable[[], Browser],
    come_in: ComeIn,
    what: str,
    known: bool,
) -> None:
    sso.set_provider(core, acme, sso.show(acme).issuer, oidc.CLIENT, oidc.SECRET, "member")
    if known:
        come_in(acme, new_browser())
    if what == "user":
        quick.update(models.User, {"id": ada}, {"active": False})
    else:
        quick.update(models.Membership, {"user_id": ada}, {"active": False})
    late = come_in(acme, new_browser())
    assert late.page.status_code == 403
    assert late.cookie("__Host-dxflow-session") is None


def test_a_key_that_is_new_is_asked_for_once(
    acme: str, ada: str, browser: Browser, come_in: ComeIn, provider: Provider
) -> None:
    come_in(acme)
    assert provider.seen.count("/jwks") == 1
    provider.key = new_key("second")
    provider.header, provider.published = {"alg": "RS256", "kid": "second"}, [provider.key]
    come_in(acme)
    assert "Signed in as member" in browser.text
    assert provider.seen.count("/jwks") == 2


def test_a_session_ends_like_any_other(
    acme: str, ada: str, browser: Browser, come_in: ComeIn, clock: HandClock, public_url: str
) -> None:
    come_in(acme)
    clock.forward(12 * 3600 + 1)
    browser.open(f"{public_url}/dashboard/")
    assert "/sign-in" in browser.url


def test_disabling_the_provider_ends_its_sessions_and_closes_the_door(
    core: Core, acme: str, ada: str, browser: Browser, come_in: ComeIn, public_url: str
) -> None:
    come_in(acme)
    sso.disable(core, acme)
    assert "/sign-in" in (browser.open(f"{public_url}/dashboard/").url and browser.url)
    assert browser.open(f"{public_url}/dashboard/sso/{acme}").status_code == 404
    assert models.SsoIdentity.select().count() == 0


def test_signing_out_needs_no_password_of_our_own(
    acme: str, ada: str, browser: Browser, come_in: ComeIn
) -> None:
    come_in(acme)
    browser.submit()
    assert "You are signed out" in browser.text


def _invite(core: Core, tenant_id: str, email: str, role: str) -> None:
    row_id, now = core.new_id(), core.clock()
    place = {"table": "invitations", "column": "email_sealed", "row_id": row_id}
    quick.insert(
        models.Invitation,
        {
            "id": row_id,
            "tenant_id": tenant_id,
            "email_link": accounts.link(core.keys, email),
            "email_sealed": core.keys.seal_own(email.encode(), **place),
            "role": role,
            "token_hash": invitations.hash_of(invitations.token()),
            "invited_by": "system",
            "created_at": now,
            "expires_at": now + invitations.LIFETIME,
        },
    )


def test_an_invitation_elsewhere_brings_nobody_in_here(
    core: Core, acme: str, browser: Browser, come_in: ComeIn
) -> None:
    from dxflow.engine.services import tenants

    other = tenants.create(core, "Other Shop", "FR").controller.id
    _invite(core, other, EMAIL, "owner")
    come_in(acme)
    assert browser.page.status_code == 403
    assert accounts.find(core.keys, EMAIL) is None
    assert members.find(other, core.new_id()) is None
