"""The form's pages, for people without an account. No cookie, no script: what a page must know it is sent.

The key of a request stands in no address: it is typed in, or handed from page to page inside forms.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import falcon

from ...engine.desk import portal as service
from ...engine.desk.portal import Portal
from ...engine.errors import Conflict, NotFound
from ...engine.services.people.devices import Client
from ...engine.services.rights import requests
from ...engine.store import models, scope
from ..client import address_of, browser_of
from ..dashboard import forms
from . import fields
from .answers import BASE, Desk, send_page
from .fields import Typed

_ONCE = re.compile(r"[A-Za-z0-9-]{20,64}", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9_.~-]{10,500}", re.ASCII)


def _portal(desk: Desk, name: str) -> Portal:
    with desk.core.store.reachable():
        return service.find(name)


def _client(req: falcon.Request) -> Client:
    return Client(address_of(req), browser_of(req))


@dataclass(frozen=True, slots=True)
class Form:
    """``/request/{tenant}``."""

    desk: Desk

    def on_get(self, req: falcon.Request, resp: falcon.Response, tenant: str) -> None:
        """The form, or that it is closed."""
        portal = _portal(self.desk, tenant)
        desk = self.desk.at(req, portal)
        if not portal.open:
            return _closed(desk, resp, portal)
        return _form(desk, resp, portal, fields.blank(), desk.core.new_id())

    on_head = on_get

    def on_post(self, req: falcon.Request, resp: falcon.Response, tenant: str) -> None:
        """Record what was asked for; with errors, the form again as it was typed."""
        portal, form = _portal(self.desk, tenant), forms.read(req)
        desk, typed, once = self.desk.at(req, portal, form), fields.read(form), form.get("once", "")
        if not portal.open:
            return _closed(desk, resp, portal)
        once = once if _ONCE.fullmatch(once) else desk.core.new_id()
        if typed.errors:
            return _form(desk, resp, portal, typed, once, status=422)
        wish = fields.wish(typed, desk.language, once)
        with desk.core.store.reachable(), scope.of(portal.tenant_id):
            row = service.submit(desk.core, portal, wish, _client(req))
            return _done(desk, resp, portal, row)


@dataclass(frozen=True, slots=True)
class Status:
    """``/request/{tenant}/{request_id}``: asks for the key, then shows the request and takes what is done."""

    desk: Desk

    def on_get(self, req: falcon.Request, resp: falcon.Response, tenant: str, request_id: str) -> None:
        """Asks for the key, whether or not there is such a request."""
        portal = _portal(self.desk, tenant)
        _ask(self.desk.at(req, portal), resp, portal, request_id)

    on_head = on_get

    def on_post(self, req: falcon.Request, resp: falcon.Response, tenant: str, request_id: str) -> None:
        """Show the request to who has its key, after doing what they ask for."""
        portal, form = _portal(self.desk, tenant), forms.read(req)
        desk, key, client = self.desk.at(req, portal, form), form.get("key", ""), _client(req)
        with desk.core.store.reachable(), scope.of(portal.tenant_id):
            try:
                row = service.by_key(desk.core, portal, request_id, key, client)
            except NotFound:
                return _ask(desk, resp, portal, request_id, wrong=True)
            told = _act(desk, row, form, client)
            return _shown(desk, resp, portal, requests.get(portal.tenant_id, row.id), told)


@dataclass(frozen=True, slots=True)
class Confirm:
    """``/request/{tenant}/confirm?token=…``: where the link of a mail leads to. Programs that look at mails
    follow links; so following it does nothing, and pressing its button does. The token is good once, for
    minutes, and nothing here writes a query down."""

    desk: Desk

    def on_get(self, req: falcon.Request, resp: falcon.Response, tenant: str) -> None:
        """What was asked for and when, and the buttons; nothing for a token that holds no longer."""
        portal, token = _portal(self.desk, tenant), req.get_param("token") or ""
        with self.desk.core.store.reachable():
            fits = _TOKEN.fullmatch(token)
            row = service.asked_by_link(self.desk.core, portal, token) if fits else None
        values = {"portal": portal, "token": token if row else "", "row": row}
        values["received"] = portal.day(row.received_at) if row else ""
        send_page(self.desk.at(req, portal), resp, "confirm.html", values)

    on_head = on_get

    def on_post(self, req: falcon.Request, resp: falcon.Response, tenant: str) -> None:
        """Whose link it is has proven that the address is theirs; or says that they didn't ask."""
        portal, form = _portal(self.desk, tenant), forms.read(req)
        desk, token = self.desk.at(req, portal, form), form.get("token", "")
        fits, disowns = bool(_TOKEN.fullmatch(token)), form.get("act") == "not_me"
        with desk.core.store.reachable():
            if disowns:
                right = fits and service.disown(desk.core, portal, token)
            else:
                right = fits and service.confirm_link(desk.core, token)
        if right and disowns:
            _notice(desk, resp, portal, "confirm.not_me.title", "confirm.not_me.text")
        elif right:
            _notice(desk, resp, portal, "confirm.title", "status.confirmed")
        else:
            _notice(desk, resp, portal, "confirm.title", "confirm.failed", status=422)


def _act(desk: Desk, row: models.RightsRequest, form: Mapping[str, str], client: Client) -> dict[str, str]:
    """Do what was asked for on the page; ``note`` and ``error`` say what came of it, as names of texts."""
    act, core = form.get("act", ""), desk.core
    if act == "code":
        right = bool(form.get("code", "").strip()) and service.confirm(core, row, form["code"], client)
        return {"note": "status.confirmed"} if right else {"error": "error.code"}
    if act == "new":
        sent = service.new_code(core, row, client)
        return {"note": "status.code.sent" if sent else "status.code.unsent"}
    if act == "withdraw":
        if form.get("sure") != "yes":
            return {"error": "error.sure"}
        try:
            service.withdraw(core, row)
        except Conflict:
            return {"note": "status.late"}
        return {"note": "status.withdrawn"}
    return {}


def _form(
    desk: Desk, resp: falcon.Response, portal: Portal, typed: Typed, once: str, status: int = 200
) -> None:
    values = {
        "portal": portal,
        "offered": portal.languages if status == 200 else (),
        "typed": typed,
        "once": once,
        "common": fields.COMMON,
        "more": fields.MORE,
        "trap": fields.TRAP,
        "examples": fields.EXAMPLES,
        "most": fields.most,
    }
    send_page(desk, resp, "form.html", values, status)


def _done(desk: Desk, resp: falcon.Response, portal: Portal, row: models.RightsRequest) -> None:
    values = {"portal": portal, "row": row, "key": service.key_of(desk.core, row)}
    values["received"] = portal.day(row.received_at)
    values["address"] = f"{desk.public_url}{BASE}/{portal.tenant_id}/{row.id}"
    send_page(desk, resp, "done.html", values)


def _ask(desk: Desk, resp: falcon.Response, portal: Portal, request_id: str, *, wrong: bool = False) -> None:
    values = {"portal": portal, "request_id": request_id, "wrong": wrong}
    values["offered"] = () if wrong else portal.languages
    values["path"] = f"/{request_id}"
    send_page(desk, resp, "key.html", values, 403 if wrong else 200)


def _shown(
    desk: Desk, resp: falcon.Response, portal: Portal, row: models.RightsRequest, told: Mapping[str, str]
) -> None:
    package = service.package_of(desk.core, row)
    values = {
        "portal": portal,
        "row": row,
        "received": portal.day(row.received_at),
        "key": service.key_of(desk.core, row),
        "may_prove": service.may_prove(row),
        "package": package,
        "until": "" if package is None else portal.day(package.expires_at),
        "may_withdraw": service.may_withdraw(row),
        "note": told.get("note", ""),
        "error_in": told.get("error", ""),
    }
    send_page(desk, resp, "status.html", values, 422 if told.get("error") else 200)


def _closed(desk: Desk, resp: falcon.Response, portal: Portal) -> None:
    _notice(desk, resp, portal, "closed.title", "closed.text")


def _notice(
    desk: Desk, resp: falcon.Response, portal: Portal, title: str, text: str, status: int = 200
) -> None:
    words = {"title": desk.say(title), "text": desk.say(text, name=portal.name)}
    send_page(desk, resp, "notice.html", {"portal": portal, **words}, status)
