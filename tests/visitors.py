"""Somebody at the dashboard: keeps cookies and fills in forms as a browser does, without being one."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import requests
from callers import Around
from serving import served

from dxflow.config.addresses import IpNetwork
from dxflow.engine.core import Core
from dxflow.http.app import HttpSettings, Outside, build

BOTH = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
"""Marks a test of the dashboard that runs on both kinds of database."""

PASSWORD = "four plain words together"


@contextmanager
def edge(core: Core, public_url: str, trusted_proxies: tuple[IpNetwork, ...] = ()) -> Iterator[str]:
    """A running edge that people reach at ``public_url``; gives its own address."""
    around, settings = Around(), HttpSettings(100_000, public_url, trusted_proxies)
    app = build(core, Outside(around.read, around.checks), settings)
    with served(app, after=core.store.close) as address:
        yield address


def set_by(answer: requests.Response) -> dict[str, set[str]]:
    """The cookies an answer sets, each with its attributes."""
    sent: list[str] = answer.raw.headers.getlist("Set-Cookie")
    parts = [cookie.split("; ") for cookie in sent]
    return {pair.partition("=")[0]: set(attributes) for pair, *attributes in parts}


@dataclass
class Visitor:
    """``page`` is the last answer."""

    base: str
    session: requests.Session = field(default_factory=requests.Session)
    page: requests.Response = field(default_factory=requests.Response)

    def get(self, path: str, *, follow: bool = True) -> requests.Response:
        """Open an address below the server's root."""
        self.page = self.session.get(self.base + path, allow_redirects=follow, timeout=30)
        return self.page

    def post(
        self,
        path: str,
        fields: dict[str, str] | None = None,
        *,
        follow: bool = True,
        headers: dict[str, str] | None = None,
    ) -> requests.Response:
        """Send a form as it stands on the last page: with its token, unless ``fields`` brings another."""
        token = re.search(r'name="csrf" value="([^"]+)"', self.page.text or "")
        form = {**({"csrf": token[1]} if token else {}), **(fields or {})}
        self.page = self.session.post(
            self.base + path, data=form, allow_redirects=follow, headers=headers, timeout=30
        )
        return self.page

    def sign_in(self, email: str, password: str, *, follow: bool = True) -> requests.Response:
        """Fill in the sign-in form."""
        self.get("/dashboard/sign-in")
        return self.post("/dashboard/sign-in", {"email": email, "password": password}, follow=follow)

    @property
    def text(self) -> str:
        """What the last page says, without its tags and with single spaces."""
        body = re.sub(r"(?s)<head>.*?</head>", " ", self.page.text)
        return " ".join(html.unescape(re.sub(r"(?s)<[^>]+>", " ", body)).split())
