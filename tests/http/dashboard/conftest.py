"""A dashboard on real sockets, and a visitor who keeps cookies and fills in forms as a browser does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import argon2
import falcon
import pytest
import requests
from serving import served

from dxflow.engine.core import Core
from dxflow.engine.services import passwords, users
from dxflow.engine.services.roles import Role
from dxflow.engine.services.tenants import NewTenant
from dxflow.http import dashboard

EMAIL = "dpo@acme.example"
PASSWORD = "four plain words together"


@dataclass(frozen=True)
class Settings:
    """What the dashboard asks of the edge's settings."""

    public_url: str = "http://dxflow.example"


@dataclass
class Visitor:
    """Somebody at a browser; ``page`` is the last answer."""

    base: str
    session: requests.Session = field(default_factory=requests.Session)
    page: requests.Response = field(default_factory=requests.Response)

    def get(self, path: str, *, follow: bool = True, **headers: str) -> requests.Response:
        """Open an address below the server's root."""
        self.page = self.session.get(self.base + path, allow_redirects=follow, headers=headers, timeout=30)
        return self.page

    def post(
        self, path: str, fields: dict[str, str] | None = None, *, follow: bool = True, **headers: str
    ) -> requests.Response:
        """Send a form as it stands on the last page: with its token, unless ``fields`` brings another."""
        token = re.search(r'name="csrf" value="([^"]+)"', self.page.text)
        form = {**({"csrf": token[1]} if token else {}), **(fields or {})}
        self.page = self.session.post(
            self.base + path, data=form, allow_redirects=follow, headers=headers, timeout=30
        )
        return self.page

    def sign_in(self, email: str, password: str, *, follow: bool = True) -> requests.Response:
        """Fill in the sign-in form."""
        self.get("/dashboard/sign-in")
        return self.post("/dashboard/sign-in", {"email": email, "password": password}, follow=follow)


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The real cost of a password hash belongs to production, not to every test."""
    monkeypatch.setattr(passwords, "_hasher", argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords._unmatched.cache_clear()
    yield
    passwords._unmatched.cache_clear()


@pytest.fixture
def public_url() -> str:
    return Settings.public_url


@pytest.fixture
def site(core: Core, public_url: str) -> Iterator[str]:
    """The address of a server that carries the dashboard."""
    app = falcon.App()
    dashboard.install(app, core, Settings(public_url))
    with served(app) as address:
        yield address


@pytest.fixture
def visitor(site: str) -> Visitor:
    """Somebody who isn't signed in."""
    return Visitor(site)


@pytest.fixture
def sign_in_as(core: Core, tenant: NewTenant, site: str) -> Callable[[Role], Visitor]:
    """Makes a user with a role and a password, and signs them in."""

    def make(role: Role) -> Visitor:
        users.create(core, tenant.controller.id, f"{role}@acme.example", role, password=PASSWORD)
        visitor = Visitor(site)
        visitor.sign_in(f"{role}@acme.example", PASSWORD)
        return visitor

    return make


@pytest.fixture
def dpo(sign_in_as: Callable[[Role], Visitor]) -> Visitor:
    """A data protection officer, signed in."""
    return sign_in_as(Role.DPO)
