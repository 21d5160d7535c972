"""What attackers try: with links, with other browsers, with a provider of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import oidc
import pytest
import requests
from browsing import Browser
from flow import HandClock, seeing
from oidc import Provider
from visitors import BOTH, PASSWORD, Visitor

from dxflow.engine.core import Core
from dxflow.engine.errors import Conflict, NotAuthentic
from dxflow.engine.identity import accounts
from dxflow.engine.services import tenants
from dxflow.engine.services.people import sso, sso_entry, users
from dxflow.engine.sso.discovery import Directory
from dxflow.engine.store import models

EMAIL = "ada@acme.example"

ComeIn = Callable[..., Browser]


@pytest.fixture
def evil() -> Iterator[Provider]:
    """The attacker's own provider, which says whatever they like."""
    with oidc.provider(email=EMAIL, email_verified=True) as made:
        yield made


@pytest.fixture
def mallory(core: Core, evil: Provider) -> str:
    """The id of the attacker's own data controller, which takes every newcomer."""
    tenant_id = tenants.create(core, "Mallory Ltd", "DE").controller.id
    sso.set_provider(core, tenant_id, evil.issuer, oidc.CLIENT, oidc.SECRET, "owner")
    return str(tenant_id)


def halted(browser: Browser, come_in: ComeIn, tenant_id: str) -> str:
    """The address of the callback, which the browser has not opened yet."""
    browser.halt = "/callback"
    come_in(tenant_id, browser)
    browser.halt = ""
    return browser.url


def test_a_state_works_once(
    acme: str, ada: str, browser: Browser, come_in: ComeIn, provider: Provider
) -> None:
    callback = halted(browser, come_in, acme)
    kept = browser.cookie("__Host-dxflow-sso")
    assert kept is not None
    browser.open(callback, cross_site=True)
    assert "Signed in as member" in browser.text
    browser.cookies["dxflow.example"] = {"__Host-dxflow-sso": kept}
    browser.open(callback, cross_site=True)
    assert browser.page.status_code == 403
    assert "works once" in browser.text
    assert provider.seen.count("/token") == 1, "the code goes nowhere a second time"
    assert models.Session.select().count() == 1


def test_a_callback_is_worth_nothing_in_another_browser(
    acme: str, ada: str, new_browser: Callable[[], Browser], come_in: ComeIn, provider: Provider
) -> None:
    """Login CSRF: the attacker's own sign-in, finished by the victim; and a callback that leaked."""
    attacker, victim = new_browser(), new_browser()
    callback = halted(attacker, come_in, acme)
    victim.open(callback, cross_site=True)
    assert victim.page.status_code == 403
    assert victim.cookie("__Host-dxflow-session") is None
    assert "/token" not in provider.seen
    attacker.open(callback, cross_site=True)
    assert attacker.page.status_code == 403, "whoever leaks a state has used it up"


def test_the_cookie_of_another_sign_in_is_another_browser(
    acme: str, ada: str, new_browser: Callable[[], Browser], come_in: ComeIn
) -> None:
    attacker, victim = new_browser(), new_browser()
    callback = halted(attacker, come_in, acme)
    halted(victim, come_in, acme)
    victim.open(callback, cross_site=True)
    assert victim.page.status_code == 403


def test_ten_minutes_later_it_is_over(
    acme: str, ada: str, browser: Browser, come_in: ComeIn, clock: HandClock
) -> None:
    callback = halted(browser, come_in, acme)
    clock.forward(601)
    browser.open(callback, cross_site=True)
    assert browser.page.status_code == 403
    assert "lasts ten minutes" in browser.text


@pytest.mark.parametrize(
    "query", ["", "?code=x", "?state=", "?state=x&code=y", "?state=%00&code=%ff", "?state=a&state=b"]
)
def test_a_callback_out_of_nowhere_is_told_so(
    acme: str, browser: Browser, public_url: str, query: str
) -> None:
    browser.open(f"{public_url}/dashboard/sso/{acme}/callback{query}")
    assert browser.page.status_code == 403
    assert "You aren't signed in" in browser.text


@pytest.mark.parametrize("sender", ["cross-site", "same-site", "none"])
def test_no_other_page_begins_a_sign_in(acme: str, browser: Browser, public_url: str, sender: str) -> None:
    browser.post(f"{public_url}/dashboard/sso/{acme}", {}, site=sender)
    assert browser.page.status_code == 403
    assert browser.cookie("__Host-dxflow-sso") is None
    assert models.SsoFlow.select().count() == 0


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/", "//evil.example/", "/\\evil.example", "/dashboard//evil.example",
        "/dashboard/../../evil", "javascript:alert(1)", "/dashboard/%0d%0aX:y", "/other", "/dashboardevil",
        "/dashboard/\"><script>alert(1)</script>",
    ],
)  # fmt: skip
def test_the_way_on_leads_nowhere_else(
    acme: str, ada: str, browser: Browser, come_in: ComeIn, public_url: str, wanted: str
) -> None:
    come_in(acme, browser, following=requests.utils.quote(wanted, safe=""))
    assert browser.url.startswith(f"{public_url}/dashboard/")
    assert (
        "evil.example" not in browser.url.removeprefix(f"{public_url}/dashboard/")
        or "//" not in browser.url[8:]
    )
    assert "<script>alert" not in browser.page.text
    assert browser.cookie("__Host-dxflow-session") is not None


def test_a_hosts_name_that_somebody_makes_up_is_not_where_the_provider_sends_people(
    acme: str, site: str, provider: Provider
) -> None:
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    page = requests.post(f"{site}/dashboard/sso/{acme}", headers=headers, timeout=10)
    assert (
        "redirect_uri=https%3A%2F%2Fdxflow.example%2F" in page.text
        or "redirect_uri=https://dxflow.example/" in page.text
    )
    assert "evil.example" not in page.text


def test_another_data_controllers_provider_signs_nobody_in_here(
    core: Core, acme: str, ada: str, mallory: str, browser: Browser, come_in: ComeIn, public_url: str
) -> None:
    """Mallory's provider says that it verified Ada's address. That makes a member of Mallory's, and no more."""
    come_in(mallory)
    assert "Mallory Ltd" in browser.text
    assert "Acme Shop" not in browser.text
    [session] = models.Session.select()
    assert (session.tenant_id, session.user_id, session.method) == (mallory, ada, "oidc")
    assert models.Membership.select().where(models.Membership.tenant_id == acme).count() == 1
    [identity] = models.SsoIdentity.select()
    assert identity.tenant_id == mallory
    callback = f"{public_url}/dashboard/sso/{acme}"
    assert "Sign in to Acme Shop" in browser.open(callback).text, "at Acme she isn't signed in"


def test_such_a_session_makes_no_way_in_of_its_own(
    core: Core,
    acme: str,
    ada: str,
    mallory: str,
    browser: Browser,
    come_in: ComeIn,
    public_url: str,
    site: str,
) -> None:
    """Otherwise Mallory would choose Ada's password, and sign in with it at Acme."""
    users.set_password(core, acme, ada, PASSWORD, current=None)
    come_in(mallory)
    assert browser.open(f"{public_url}/dashboard/password").status_code == 403
    browser.open(f"{public_url}/dashboard/events")
    chosen = {"password": "mallory chose these", "again": "mallory chose these", "current": PASSWORD}
    token = browser.page.text.partition('name="csrf" value="')[2].partition('"')[0]
    browser.post(f"{public_url}/dashboard/password", {**chosen, "csrf": token}, site="same-origin")
    assert browser.page.status_code == 403
    assert "through your company's provider" in browser.text
    with pytest.raises(NotAuthentic):
        core_sign_in(core, "mallory chose these")
    assert core_sign_in(core, PASSWORD)


def core_sign_in(core: Core, password: str) -> str:
    from dxflow.engine.services.people import sessions

    return sessions.sign_in(core, EMAIL, password)


def test_an_answer_for_one_data_controller_is_worth_nothing_at_another(
    acme: str, ada: str, mallory: str, browser: Browser, come_in: ComeIn, evil: Provider, provider: Provider
) -> None:
    """Mix-up: Mallory's provider passes the browser on to Acme's, to be handed the code that comes back."""
    to_mallory = halted(browser, come_in, mallory)
    at_acme = to_mallory.replace(mallory, acme)
    browser.open(at_acme, cross_site=True)
    assert browser.page.status_code == 403
    assert "/token" not in evil.seen + provider.seen
    assert models.Session.select().count() == 0


def test_whoever_has_no_provider_looks_like_whoever_isnt_there(
    core: Core, browser: Browser, public_url: str
) -> None:
    without = tenants.create(core, "Quiet Shop", "DE").controller
    seen = set()
    for name in (without.id, without.did, core.new_id(), "did:dep:" + "0" * 64, "nobody", "%00"):
        for path in (name, f"{name}/callback?state=x&code=y"):
            page = browser.open(f"{public_url}/dashboard/sso/{path}")
            assert page.status_code == 404
            assert "Quiet Shop" not in page.text
            seen.add(browser.text.partition("HTTP 404")[0])
    assert len(seen) == 1


def test_people_who_sign_in_with_a_password_still_do(
    core: Core, acme: str, ada: str, browser: Browser, come_in: ComeIn
) -> None:
    users.set_password(core, acme, ada, PASSWORD, current=None)
    come_in(acme)
    assert core_sign_in(core, PASSWORD)


@BOTH
def test_of_two_who_bring_one_state_at_once_one_comes_in(
    core: Core, acme: str, ada: str, provider: Provider
) -> None:
    directory, callback = Directory(core.outgoing), "https://dxflow.example/back"
    departure = sso_entry.begin(core, directory, acme, callback, "/dashboard/")
    arrived = requests.get(departure.to, allow_redirects=False, timeout=10).headers["Location"]
    answer = dict(pair.split("=", 1) for pair in arrived.partition("?")[2].split("&"))
    answer["iss"] = provider.issuer

    def arrive(_: int) -> bool:
        try:
            sso_entry.finish(core, directory, acme, callback, answer, departure.browser)
        except sso_entry.Astray:
            return False
        finally:
            core.store.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(seeing(arrive), range(2))) == [False, True]
    assert models.Session.select().count() == 1


@BOTH
def test_of_two_first_sign_ins_at_once_one_person_comes(core: Core, acme: str, provider: Provider) -> None:
    sso.set_provider(core, acme, provider.issuer, oidc.CLIENT, oidc.SECRET, "member")
    directory, callback = Directory(core.outgoing), "https://dxflow.example/back"
    ways = []
    for _ in range(2):
        departure = sso_entry.begin(core, directory, acme, callback, "/dashboard/")
        arrived = requests.get(departure.to, allow_redirects=False, timeout=10).headers["Location"]
        answer = dict(pair.split("=", 1) for pair in arrived.partition("?")[2].split("&"))
        ways.append(({**answer, "iss": provider.issuer}, departure.browser))

    def arrive(way: tuple[dict[str, str], str]) -> bool:
        try:
            return bool(sso_entry.finish(core, directory, acme, callback, *way).token)
        except Conflict:
            return False
        finally:
            core.store.close()

    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(seeing(arrive), ways))
    assert accounts.find(core.keys, EMAIL) is not None
    assert models.SsoIdentity.select().count() == 1
    assert models.Membership.select().where(models.Membership.tenant_id == acme).count() == 1


def test_a_session_of_a_password_is_no_session_of_the_provider(
    site: str, core: Core, acme: str, ada: str
) -> None:
    """Disabling the provider ends its own sessions alone."""
    users.set_password(core, acme, ada, PASSWORD, current=None)
    token = core_sign_in(core, PASSWORD)
    sso.disable(core, acme)
    visitor = Visitor(site)
    visitor.session.headers["Cookie"] = f"__Host-dxflow-session={token}"
    assert visitor.get("/dashboard/", follow=False).status_code == 200
