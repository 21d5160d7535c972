"""The application beside a Flask and a Django one, under a path of theirs; and behind a proxy that hides it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlencode, urljoin, urlsplit

import pytest
import requests
from books import Books
from embedding.launch import Program, gunicorn, write_shown
from falcon import testing
from server import Installation, ask
from traffic import Crowd, shipments
from wire import HOST, Client, Door, free_port

import dxflow
from dxflow.engine import wiring

MOUNT = "/privacy"
EMAIL = "dpo@shop.example"
DJANGO_SETTINGS = """
from django.http import HttpResponse
from django.urls import path

SECRET_KEY, ALLOWED_HOSTS, ROOT_URLCONF = "x" * 50, ["*"], "django_settings"
urlpatterns = [path("", lambda request: HttpResponse("the shop"))]
"""


@pytest.fixture(params=["flask", "django"])
def shop(installation: Installation, request: pytest.FixtureRequest, run, own_redis) -> Program:
    """The README's application under gunicorn with the hooks, and dxflow in it."""
    directory = installation.directory.parent
    write_shown("gunicorn.conf.py", directory)
    write_shown(f"{request.param}_shop.py", directory)
    (directory / "django_settings.py").write_text(DJANGO_SETTINGS)
    app = {"flask": "flask_shop:app", "django": "django_shop:application"}[request.param]
    port = free_port()
    program = gunicorn(
        installation.directory, "-w", "1", app=app, config="gunicorn.conf.py",
        redis_url=own_redis.url, port=port, public_url=f"http://{HOST}:{port}{MOUNT}",
    )  # fmt: skip
    program.ready_path = f"{MOUNT}/readyz"
    program.more_environment = {"DJANGO_SETTINGS_MODULE": "django_settings"}
    return run(program).ready()


def mounted(door: Door) -> Door:
    return replace(door, path=MOUNT + door.path)


def test_deliveries_to_the_mounted_edge_are_done_once_and_the_host_stays_itself(
    installation: Installation, books: Books, shop: Program
) -> None:
    site = f"http://{HOST}:{shop.port}"
    assert requests.get(f"{site}/", timeout=10).text == "the shop"
    assert requests.get(f"{site}/healthz", timeout=10).status_code == 404
    assert requests.get(f"{site}{MOUNT}x/healthz", timeout=10).status_code == 404
    crowd = Crowd(shop.port, {name: mounted(door) for name, door in installation.doors.items()})
    crowd.send(shipments(30))
    assert crowd.statuses() == {(200, "accepted")}
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    check_a_signature_over_the_address(installation, shop)
    check_the_api(installation, site)
    check_the_dashboard(installation, site)
    assert shop.end() == 0


def check_a_signature_over_the_address(installation: Installation, shop: Program) -> None:
    """Mandrill signs the address it posts to, which is the one outside."""
    body = urlencode({"mandrill_events": "[]"}).encode()
    assert Client(shop.port).deliver(mounted(installation.doors["mandrill"]), "", body).status == 200


def check_the_api(installation: Installation, site: str) -> None:
    document = requests.get(f"{site}{MOUNT}/openapi.json", timeout=10).json()
    assert document["servers"] == [{"url": MOUNT}]
    key = {"Authorization": f"Bearer {installation.tenant['api_key']}"}
    made = requests.post(
        f"{site}{MOUNT}/api/v1/data-subjects", json={"email": "grace@shop.example"}, headers=key, timeout=10
    )
    assert made.status_code == 201
    assert (
        requests.get(urljoin(made.url, made.headers["Location"]), headers=key, timeout=10).status_code == 200
    )
    missing = requests.get(f"{site}{MOUNT}/api/v1/nothing", headers=key, timeout=10)
    assert missing.json()["instance"] == f"{MOUNT}/api/v1/nothing"
    settings = {"public_url": f"{site}{MOUNT}"}
    listed = ask(installation.directory, "connector", "list", **settings)
    assert all(row["url"].startswith(f"{site}{MOUNT}/") for row in listed)


def check_the_dashboard(installation: Installation, site: str) -> None:
    """Sign in as a browser does, and follow every link of every page."""
    words = ("user", "create", "--email", EMAIL, "--role", "owner")
    password = ask(installation.directory, *words)["one_time_password"]
    browser = requests.Session()
    entry = browser.get(f"{site}{MOUNT}/dashboard", timeout=10)
    assert urlsplit(entry.url).path == f"{MOUNT}/dashboard/sign-in"
    form = {"email": EMAIL, "password": password, "next": hidden(entry.text, "next")}
    page = browser.post(urljoin(entry.url, action(entry.text)), data=form, timeout=10)
    assert urlsplit(page.url).path == f"{MOUNT}/dashboard/"
    seen = crawl(browser, page)
    assert {f"{MOUNT}/dashboard/{name}" for name in ("events", "requests", "notices", "password")} <= seen
    assert any(path.endswith("style.css") for path in seen)
    assert {cookie.path for cookie in browser.cookies} <= {"/", MOUNT, f"{MOUNT}/dashboard"}
    out = {"csrf": hidden(page.text, "csrf"), "sure": "yes"}
    left = browser.post(f"{site}{MOUNT}/dashboard/sign-out", data=out, timeout=10)
    assert urlsplit(left.url).path == f"{MOUNT}/dashboard/sign-in"


def crawl(browser: requests.Session, page: requests.Response) -> set[str]:
    """The paths of all pages and files that can be reached; each must be there, under the mount."""
    waiting, seen, forms = [page.url], set[str](), set[str]()
    while waiting:
        url = waiting.pop()
        found = browser.get(url, timeout=10)
        only_takes_forms = url in forms and found.status_code in (404, 405)  # it wants its fields
        assert found.status_code == 200 or only_takes_forms, url
        forms |= {urljoin(url, target) for target in re.findall(r'action="([^"#]+)"', found.text)}
        seen.add(urlsplit(url).path)
        for target in addresses(found.text if "html" in found.headers["Content-Type"] else ""):
            full = urljoin(url, target)
            assert full.startswith(urljoin(url, f"{MOUNT}/")), (url, target)
            known = urlsplit(full).path in seen or full in waiting
            if not known and not re.search("/sign-out|/events/", target):
                waiting.append(full)
    return seen


def addresses(html: str) -> Iterator[str]:
    """Links, forms and files of a page, but for those within it."""
    for target in re.findall(r'(?:href|src|action)="([^"#]+)"', html):
        if not target.endswith(("/replay", "/discard", "/read")):
            yield target.replace("&amp;", "&")


def hidden(html: str, name: str) -> str:
    return re.search(rf'name="{name}" value="([^"]*)"', html)[1]


def action(html: str) -> str:
    return re.search(r'<form[^>]* action="([^"]*)"', html)[1]


@pytest.mark.parametrize(
    ("public_url", "script_name", "seen"),
    [
        ("http://shop.example", "", ""),
        ("http://shop.example/privacy", "", "/privacy"),
        ("http://shop.example/privacy", "/privacy", "/privacy"),
        ("http://shop.example/eu/privacy", "/privacy", "/eu/privacy"),
        ("http://shop.example", "/privacy", "/privacy"),
    ],
    ids=["plain", "a proxy takes it away", "mounted", "both", "mounted, and the setting doesn't say so"],
)
def test_every_address_begins_with_what_stands_before_it_outside(
    installation: Installation, public_url: str, script_name: str, seen: str
) -> None:
    settings = dxflow.Settings.load(data_dir=str(installation.directory), public_url=public_url)
    client = testing.TestClient(dxflow.create_app(settings))
    environ = {"root_path": script_name}
    entry = client.simulate_get("/dashboard/events", query_string="state=failed", **environ)
    assert entry.headers["location"].startswith(f"{seen}/dashboard/sign-in?next={seen.replace('/', '%2F')}")
    page = client.simulate_get("/dashboard/sign-in", **environ).text
    assert all(target.startswith(f"{seen}/dashboard/") for target in addresses(page))
    assert client.simulate_get("/openapi.json", **environ).json["servers"] == [{"url": seen or "/"}]
    assert client.simulate_get("/api/v1/x", **environ).json["instance"] == f"{seen}/api/v1/x"
    wiring.forget()
