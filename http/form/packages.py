"""``/request/{tenant}/package/{package_id}``: where a person fetches their package.

They prove again who they are, by a code that goes to a channel on file. No cookie, no script: what a page must
know it is sent. The link of the mail leads to a button, because programs that look at mails follow links.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import falcon

from ...engine.desk import portal as portals
from ...engine.desk.portal import Portal
from ...engine.errors import Conflict, NotAuthentic
from ...engine.fulfilment import handover as service
from ...engine.services.people.devices import Client
from ...engine.store import models, scope
from ..client import address_of, browser_of
from ..dashboard import forms
from .answers import Desk, send_headers, send_page

FILE_NAME = "my-data.zip"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,100}", re.ASCII)
_TEMPLATE = "package.html"


@dataclass(frozen=True, slots=True)
class Seen:
    """One request of somebody in front of the page."""

    desk: Desk
    portal: Portal
    package: models.Package
    resp: falcon.Response

    def show(self, step: str, status: int = 200, **values: object) -> None:
        """The page at this step: ``ask``, ``code``, ``link``, ``open`` or ``over``."""
        told = {"note": "", "wrong": False, "token": "", "opened": None, **values}
        expires = self.portal.day(self.package.expires_at)
        page = {"portal": self.portal, "package": self.package, "step": step, "expires": expires, **told}
        send_page(self.desk, self.resp, _TEMPLATE, page, status)


@dataclass(frozen=True, slots=True)
class Fetching:
    """``…/package/{package_id}``, and with ``/{token}`` the link of a mail."""

    desk: Desk

    def on_get(
        self, req: falcon.Request, resp: falcon.Response, tenant: str, package_id: str, token: str = ""
    ) -> None:
        """What is to be done to get it; or that it is over."""
        portal = portals.find(tenant)
        with self.desk.core.store.reachable(), scope.of(portal.tenant_id):
            package = service.find(portal.tenant_id, package_id)
            seen = Seen(self.desk.at(req, portal), portal, package, resp)
            if service.over(self.desk.core, package):
                return seen.show("over", 410)
            return seen.show("link" if _TOKEN.fullmatch(token) else "ask", token=token)

    on_head = on_get

    def on_post(
        self, req: falcon.Request, resp: falcon.Response, tenant: str, package_id: str, token: str = ""
    ) -> None:
        """Send a code, take one, or hand the file over."""
        del token
        portal, form = portals.find(tenant), forms.read(req)
        client = Client(address_of(req), browser_of(req), "")
        with self.desk.core.store.reachable(), scope.of(portal.tenant_id):
            package = service.find(portal.tenant_id, package_id)
            seen = Seen(self.desk.at(req, portal, form), portal, package, resp)
            if service.over(self.desk.core, package):
                return seen.show("over", 410)
            return _act(seen, form, client)


def _act(seen: Seen, form: forms.Form, client: Client) -> None:
    act = form.get("act", "")
    if act == "send":
        return _send(seen, client)
    if act == "fetch":
        return _fetch(seen, form.get("token", ""))
    if act in ("code", "link"):
        return _open(seen, form, client, act)
    return seen.show("ask")


def _send(seen: Seen, client: Client) -> None:
    try:
        service.send_code(seen.desk.core, seen.package, client)
    except Conflict:
        return seen.show("ask", 409, note="package.unsent")
    return seen.show("code", note="package.sent")


def _open(seen: Seen, form: forms.Form, client: Client, act: str) -> None:
    core, token = seen.desk.core, form.get("token", "")
    try:
        if act == "code":
            opened = service.open_with_code(core, seen.package, form.get("code", ""), client)
        else:
            opened = service.open_with_link(core, seen.package, token if _TOKEN.fullmatch(token) else "")
    except NotAuthentic:
        return seen.show("code" if act == "code" else "ask", 403, wrong=True)
    return seen.show("open", opened=opened)


def _fetch(seen: Seen, token: str) -> None:
    core, package = seen.desk.core, seen.package
    try:
        found = service.for_download(core, package.tenant_id, package.id, token)
    except NotAuthentic:
        return seen.show("ask", 403, note="package.late")
    send_headers(seen.desk, seen.resp)
    seen.resp.content_type = "application/zip"
    seen.resp.set_header("Content-Disposition", f'attachment; filename="{FILE_NAME}"')
    seen.resp.data = bytes(found.content)
    return None
