"""The hosted form, by which people make and follow their requests: ``/request/{tenant}``.

``pages`` are the resources, ``fields`` what is typed, ``texts`` the words in six languages, ``answers`` the
headers and what errors look like. What happens to a request is ``engine/desk/portal.py``.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import falcon

from ...engine.core import Core
from ..frontend import Assets
from ..gate import Gate, open_to_all
from .answers import BASE, Desk, face, send_headers
from .packages import Fetching
from .pages import Confirm, Form, Status
from .rendering import renderer


def make(core: Core, public_url: str) -> Desk:
    """What all pages share; ``public_url`` is how people reach the installation."""
    return Desk(core, renderer(), public_url.rstrip("/"))


def install(app: falcon.App[Any, Any], gate: Gate, desk: Desk) -> None:
    """Add every page."""
    anybody = open_to_all("anybody may ask about their own data, known here or not")
    keyed = open_to_all("the key of the request is the credential")
    linked = open_to_all("the token of the mailed link is the credential")
    assets = Assets(desk.renderer.assets, partial(send_headers, desk))
    gate.add(app, f"{BASE}/static/{{name}}", assets, open_to_all("the same for everybody"))
    gate.add(app, f"{BASE}/{{tenant}}", Form(desk), anybody)
    gate.add(app, f"{BASE}/{{tenant}}/confirm", Confirm(desk), linked)
    gate.add(app, f"{BASE}/{{tenant}}/{{request_id}}", Status(desk), keyed)
    proven = open_to_all("a code sent to a channel on file is the credential")
    for tail in ("", "/{token}"):
        gate.add(app, f"{BASE}/{{tenant}}/package/{{package_id}}{tail}", Fetching(desk), proven)


__all__ = ["BASE", "face", "install", "make"]
