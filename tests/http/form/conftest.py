"""The hosted form on a running edge, and somebody in front of it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import requests
from databases import usually_sqlite
from visitors import edge

from dxflow.engine.core import Core
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

FILLED = {
    "type": "access",
    "email": "canary@person.example",
    "phone": "",
    "name": "Canary Bird",
    "where": "DE",
    "details": "everything since 2020",
}


database_url = usually_sqlite


@pytest.fixture
def site(mailing: Core) -> Iterator[str]:
    """The address of a running edge that sends mail."""
    with edge(mailing, "https://privacy.example/dx") as address:
        yield address


@dataclass
class Person:
    """Somebody without an account, a cookie or a script."""

    site: str
    tenant_id: str

    def get(self, path: str = "", **options: object) -> requests.Response:
        return requests.get(f"{self.site}/request/{self.tenant_id}{path}", timeout=30, **options)  # type: ignore[arg-type]

    def post(self, path: str = "", **fields: str) -> requests.Response:
        return requests.post(f"{self.site}/request/{self.tenant_id}{path}", data=fields, timeout=30)

    def ask(self, **changes: str) -> tuple[str, str]:
        """Send the form; the id of the request and its key."""
        done = self.post(**{**FILLED, **changes})
        assert done.status_code == 200, text_of(done)
        return reference_in(done), key_in(done)


def text_of(answer: requests.Response) -> str:
    """What a page says, without its tags and with single spaces."""
    body = re.sub(r"(?s)<head>.*?</head>", " ", answer.text)
    return " ".join(html.unescape(re.sub(r"(?s)<[^>]+>", " ", body)).split())


def key_in(answer: requests.Response) -> str:
    found = re.search(r'name="key" value="([^"]+)"', answer.text)
    assert found, text_of(answer)
    return found[1]


def reference_in(answer: requests.Response) -> str:
    found = re.search(r"<code>([0-9a-f-]{36})</code>", answer.text)
    assert found, text_of(answer)
    return found[1]


@pytest.fixture
def person(site: str, tenant: NewTenant) -> Person:
    return Person(site, tenant.controller.id)


@pytest.fixture
def desk(core: Core, tenant: NewTenant) -> Callable[..., models.RightsDesk]:
    """Sets up the tenant's desk."""

    def make(**changes: object) -> models.RightsDesk:
        columns = {
            "zone": "Europe/Berlin",
            "languages": ["en", "de"],
            "embed_origins": [],
            "form_open": True,
            "package_days": 14,
            "updated_at": core.clock(),
            **changes,
        }
        row: models.RightsDesk = models.RightsDesk.create(
            tenant_id=tenant.controller.id, force_insert=True, **columns
        )
        return row

    return make
