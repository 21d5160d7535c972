"""What all pages share: the core, where the dashboard stands, and the cookies it uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import urlsplit

import falcon

from ...engine.core import Core
from ...engine.services.people.devices import Client
from .. import prefix
from ..client import address_of, browser_of
from ..outside import Outside
from .rendering import Renderer, renderer

_PAST = datetime(2000, 1, 1, tzinfo=UTC)


class DashboardSettings(Protocol):
    """The part of the edge's settings that pages need."""

    @property
    def public_url(self) -> str:
        """How people reach the installation: scheme, host, and a path prefix if there is one."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Made once per application, and for each request with its own ``base``: the path all pages begin with, as
    a browser sees it. ``outside`` is the rest of this process; ``public_url`` is what addresses begin with that
    are handed to others."""

    core: Core
    outside: Outside
    renderer: Renderer
    base: str
    public_url: str
    public_host: str
    secure: bool

    def at(self, req: falcon.Request) -> Desk:
        """The desk as this request's browser sees it, which may be under a prefix."""
        return replace(self, base=f"{prefix.of(req)}/dashboard")

    def render(self, template: str, values: Mapping[str, object]) -> str:
        """One page, with the addresses of this desk."""
        return self.renderer.render(template, {"base": self.base, **values})

    @property
    def session_cookie(self) -> str:
        """Whoever is signed in."""
        return self._named("session")

    @property
    def pending_cookie(self) -> str:
        """Whoever has shown a password, and not yet the second factor."""
        return self._named("pending")

    @property
    def device_cookie(self) -> str:
        """A browser that somebody has signed in with before."""
        return self._named("device")

    @property
    def auditor_cookie(self) -> str:
        """Whoever came by an auditor's link: the link's token."""
        return self._named("auditor")

    @property
    def note_cookie(self) -> str:
        """Carries one word across a redirect: what has just been done."""
        return self._named("note")

    def _named(self, name: str) -> str:
        """``__Host-`` lets no other host and no plain connection set the cookie (RFC 6265bis 4.1.3.2)."""
        return f"{'__Host-' if self.secure else ''}dxflow-{name}"

    def client(self, req: falcon.Request) -> Client:
        """Where a request comes from, as far as it can be known."""
        return Client(address_of(req), browser_of(req), req.cookies.get(self.device_cookie, ""))

    @property
    def sso_cookie(self) -> str:
        """What a browser is known by that comes back from a provider."""
        return "__Host-dxflow-sso" if self.secure else "dxflow-sso"

    def set_cookie(self, resp: falcon.Response, name: str, value: str, seconds: int) -> None:
        """``SameSite=Strict``: no page needs to be reached from elsewhere with the session; the redirect after
        sign-in comes from this site itself. The provider's redirect doesn't, so its cookie is ``Lax``."""
        self._send(resp, name, value, max_age=seconds)

    def drop_cookie(self, resp: falcon.Response, name: str) -> None:
        """Take a cookie back, with the very attributes it was set with (``__Host-`` asks for them)."""
        self._send(resp, name, "", expires=_PAST)  # Falcon leaves a Max-Age of 0 out

    def _send(
        self,
        resp: falcon.Response,
        name: str,
        value: str,
        *,
        max_age: int | None = None,
        expires: datetime | None = None,
    ) -> None:
        resp.set_cookie(
            name,
            value,
            max_age=max_age,
            expires=expires,
            path="/",
            secure=self.secure,
            http_only=True,
            same_site="Lax" if name == self.sso_cookie else "Strict",
        )


def make(core: Core, outside: Outside, settings: DashboardSettings) -> Desk:
    """A desk for an installation that people reach at ``public_url``."""
    address = urlsplit(settings.public_url)
    secure = address.scheme == "https"
    return Desk(core, outside, renderer(), "/dashboard", settings.public_url, address.netloc, secure)
