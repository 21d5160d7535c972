"""Guessing at two edges at once: they share one database and nothing else, and no guess slips between them."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
import requests
from server import Server, ask, install
from visitors import PASSWORD, Visitor

pytestmark = pytest.mark.fault

EMAIL = "owner@acme.example"
CODE_FORM = "/dashboard/second-factor"


@dataclass(frozen=True)
class Edges:
    """Two processes on one database, and the owner's browser, in which she has signed in before."""

    bases: tuple[str, str]
    owner: Visitor

    def stranger(self, number: int) -> Visitor:
        """A browser that nobody knows, at one of the two."""
        return Visitor(self.bases[number % 2])

    def sign_in_at(self, number: int, visitor: Visitor) -> requests.Response:
        """Take a browser with its cookies to one of the two, and sign in there."""
        visitor.base = self.bases[number % 2]
        return visitor.sign_in(EMAIL, PASSWORD, follow=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def edges(
    request: pytest.FixtureRequest, tmp_path: Path, make_server: Callable[..., Server]
) -> Iterator[Edges]:
    """The owner has chosen PASSWORD."""
    data, settings = tmp_path / "data dir", dict[str, object]()
    if request.param == "postgresql":
        settings["database_url"] = request.getfixturevalue("new_postgresql")()
    install(data, (), **settings)
    made = ask(data, "user", "create", "--email", EMAIL, "--role", "owner", **settings)
    servers = [make_server(data, "web", edge_threads=8, **settings).start() for _ in range(2)]
    first, second = (f"http://127.0.0.1:{server.ready().port}" for server in servers)
    owner = Visitor(first)
    owner.sign_in(EMAIL, made["one_time_password"])
    owner.get("/dashboard/password")
    owner.post("/dashboard/password", {"password": PASSWORD, "again": PASSWORD})
    assert "Your password is set" in owner.text
    yield Edges((first, second), owner)
    assert not any("Traceback" in server.log() for server in servers)


def all_at_once(calls: list[Callable[[], int]]) -> Counter[int]:
    """What came of all calls, made at the same moment."""
    gate, seen = threading.Barrier(len(calls)), list[int]()

    def run(call: Callable[[], int]) -> None:
        gate.wait(30)
        seen.append(call())

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return Counter(seen)


def test_of_many_guesses_at_once_five_are_checked_and_the_owners_browser_still_gets_in(edges: Edges) -> None:
    def guess(number: int) -> Callable[[], int]:
        visitor = edges.stranger(number)
        fields = {"email": EMAIL, "password": f"guess {number}"}
        return lambda: visitor.post("/dashboard/sign-in", fields).status_code

    assert all_at_once([guess(number) for number in range(32)]) == {403: 5, 429: 27}
    for number in range(2):
        blocked = edges.sign_in_at(number, edges.stranger(number))
        assert (blocked.status_code, "Retry-After" in blocked.headers) == (429, True), "the right password"
    for number in range(2):
        edges.owner.session.cookies.pop("dxflow-session")
        assert edges.sign_in_at(number, edges.owner).status_code == 303


def test_a_code_brought_to_both_at_once_opens_one_session(edges: Edges) -> None:
    secret = enrol(edges.owner)
    halves = [edges.stranger(number) for number in range(2)]
    for number, half in enumerate(halves):
        assert edges.sign_in_at(number, half).headers["Location"] == CODE_FORM
        half.get(CODE_FORM)
    # The one it shows was used up by setting it up; the next one is let pass already.
    code = pyotp.TOTP(secret).at(datetime.now(UTC) + timedelta(seconds=30))

    def bring(half: Visitor) -> Callable[[], int]:
        return lambda: half.post(CODE_FORM, {"code": code}, follow=False).status_code

    assert all_at_once([bring(half) for half in halves]) == {303: 1, 403: 1}


def enrol(visitor: Visitor) -> str:
    """Set up a second factor; its secret."""
    own = "/dashboard/account/second-factor"
    visitor.get(own)
    visitor.post(own, {"current": PASSWORD})
    shown = re.search(r'class="secret">([A-Z2-7 ]+)<', visitor.page.text)
    assert shown is not None
    secret = shown[1].replace(" ", "")
    visitor.post(f"{own}/confirm", {"code": pyotp.TOTP(secret).at(datetime.now(UTC))})
    assert "The second factor is on" in visitor.text
    return secret
