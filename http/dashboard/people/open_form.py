"""A form for people who aren't signed in: without a session's token, or the dashboard's frame round it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import falcon

from .. import forms
from ..answers import Page, send_page
from ..desk import Desk

Take = Callable[[Desk, falcon.Request, falcon.Response, forms.Form], None]


@dataclass(frozen=True, slots=True)
class OpenForm:
    """One address: ``show`` makes the empty form, ``take`` answers what was sent. Looking at it uses nothing
    up: mail programs follow links before people do."""

    desk: Desk
    show: Callable[[Desk], Page]
    take: Take

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The empty form."""
        desk = self.desk.at(req)
        send_page(desk, resp, self.show(desk))

    on_head = on_get

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """What a form of ours asks for. Raises Forbidden for another site's, TooLarge, Malformed."""
        desk = self.desk.at(req)
        forms.require_own_origin(desk, req)
        self.take(desk, req, resp, forms.read(req))
