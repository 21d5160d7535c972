"""The whole application on a database of its own, asked in requests that are written down as bytes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote_to_bytes

import argon2
import falcon.testing

from dxflow.engine import core as cores
from dxflow.engine.core import Core
from dxflow.engine.services import tenants
from dxflow.engine.services.connectors import connectors
from dxflow.engine.services.people import passwords, sessions, users
from dxflow.engine.store import Store
from dxflow.http import dashboard
from dxflow.http.app import HttpSettings, Outside, assemble
from dxflow.http.dashboard import forms

MAX_BODY_BYTES = 100_000
PASSWORD = "four plain words together"
FAULT = 500
ON_PURPOSE = {"501"}
"""A DID of another method, or an option of resolution that there isn't: DID Resolution 1.0 section 4.4."""


class Web:
    """One installation with a tenant, a key, a session and a connector of each platform.

    In an input ``{key}``, ``{session}``, ``{csrf}`` and the names of platforms in braces stand for the real
    ones, so that mutations come through every door.
    """

    PLACES = (b"/dashboard/", b"/dashboard/events?state=failed", b"//evil.example/", b"/dashboard/../x")

    def __init__(self, directory: Path | None = None) -> None:
        place = directory or Path(tempfile.mkdtemp(prefix="dxflow-fuzzing-"))
        passwords._hasher = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        store = Store(f"sqlite:///{place / 'dxflow.db'}")
        store.migrate()
        self.core: Core = cores.build(store, b"k" * 32, host="dxflow.example")
        settings = HttpSettings(MAX_BODY_BYTES, "https://edge.example")
        outside = Outside(_depths, {"database": lambda: "answers"})
        self.app, self.gate = assemble(self.core, outside, settings)
        self._desk = dashboard.make(self.core, outside, settings)
        self._words = self._made()

    def _made(self) -> dict[bytes, bytes]:
        tenant = tenants.create(self.core, "Acme Shop", "DE")
        tenant_id = tenant.controller.id
        users.create(self.core, tenant_id, "ada@example.com", "owner", password=PASSWORD)
        session = sessions.sign_in(self.core, "ada@example.com", PASSWORD)
        signed = sessions.find(self.core, session)
        assert signed is not None
        words = {"key": tenant.api_key, "session": session, "csrf": signed.csrf, "did": tenant.controller.did}
        for platform in ("shopify", "stripe", "mailchimp", "woocommerce", "hasura", "mandrill"):
            words[platform] = connectors.add(self.core, tenant_id, platform, ["a secret"]).id
        return {f"{{{name}}}".encode(): str(value).encode() for name, value in words.items()}

    def safe_next(self, wanted: str) -> str:
        """Where a form leads back to; always inside."""
        found = forms.safe_next(self._desk, wanted)
        assert found.startswith("/dashboard/")
        assert "//" not in found
        return "inside"

    def answer(self, raw: bytes) -> str:
        """The status of the answer. Raises AssertionError for one that is our fault."""
        for word, value in self._words.items():
            raw = raw.replace(word, value)
        said = falcon.testing.StartResponseMock()
        made = self.app(_environ(raw), said)
        b"".join(made)
        status = said.status.split()[0]
        assert int(status) < FAULT or status in ON_PURPOSE, said.status
        return status

    def samples(self) -> tuple[bytes, ...]:
        """A request for every method of every route, and some that nobody means."""
        found = []
        for route in self.gate.routes():
            path = route.path.replace("{platform}", "shopify").replace("{connector_id}", "{shopify}")
            path = path.replace("{identifier:path}", "{did}").replace("/log/{name}", "/log/{did}")
            path = path.replace("{rest:path}", "0/000.p/1").replace("{epoch:int(min=1)}", "1")
            for name in ("id", "event_id", "request_id", "notice_id"):
                path = path.replace(f"{{{name}}}", "919108f7-52d1-4320-9bac-f847db4148a8")
            form = "/dashboard" in path
            body = "csrf={csrf}&email=ada%40example.com" if form else '{"email": "ada@example.com"}'
            kind = "application/x-www-form-urlencoded" if form else "application/json"
            found.append(
                f"{route.method} {path}?limit=1 HTTP/1.1\nAuthorization: Bearer {{key}}\n"
                f"Cookie: __Host-dxflow-session={{session}}\nContent-Type: {kind}\nIdempotency-Key: k\n"
                f"Sec-Fetch-Site: same-origin\nAccept: */*\n\n{body}".encode()
            )
        return (*found, *TRICKS)


TRICKS = tuple(
    f"GET {path} HTTP/1.1\nAuthorization: Bearer {{key}}\n\n".encode()
    for path in (
        "/api/v1/../v1/events", "/api/v1/%2e%2e/dashboard", "/api%2fv1%2fevents", "//api/v1/events", "/%00",
        "/%c0%ae%c0%ae/", "/%ff%fe", "/dashboard/static/..%2f..%2fetc/passwd", "/dashboard/events/%00",
        "/1.0/identifiers/%00", "/log/%ff/tile/0/000", "/api/v1/events?q=%00&limit=%ff", "*", "/?%",
        "/api/v1/%",
    )
)  # fmt: skip


def _environ(raw: bytes) -> dict[str, Any]:
    """As a server makes it of what it has parsed: texts of one byte per character, the path unescaped."""
    head, _, body = raw.partition(b"\n\n")
    line, *headers = head.split(b"\n")
    method, _, target = line.partition(b" ")
    path, _, query = target.removesuffix(b" HTTP/1.1").partition(b"?")
    environ: dict[str, Any] = falcon.testing.create_environ(body=body)
    environ["REQUEST_METHOD"] = method.decode("latin-1")
    environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1")
    environ["QUERY_STRING"] = query.decode("latin-1")
    environ["CONTENT_LENGTH"] = str(len(body)) if body else ""
    for header in headers:
        name, colon, value = header.partition(b":")
        key = name.decode("latin-1").strip().upper().replace("-", "_")
        if colon:
            own = key in ("CONTENT_TYPE", "CONTENT_LENGTH")
            environ[key if own else f"HTTP_{key}"] = value.decode("latin-1").strip()
    return environ


def _depths(names: Any) -> dict[str, Any]:
    return {name: SimpleNamespace(ready=0, in_flight=0, delayed=0, parked_ms=None) for name in names}
