"""Browsers: where somebody comes from, and whether they have signed in there before.

A browser that has signed in as somebody gets a cookie which says so: a random id and its MAC together with the
user's id (OWASP, "Slow down online guessing attacks with device cookies"). Its guesses are counted apart, so
that a stranger who guesses can't lock the owner out. It opens nothing.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

from ...core import Core
from ...identity.keys import INSTALLATION

LIFETIME = timedelta(days=365)

_PURPOSE = "device"


@dataclass(frozen=True, slots=True)
class Client:
    """Who sends a request: their IP address (None where there is none), their browser in words, and the cookie
    by which it is known."""

    address: str | None = None
    browser: str = ""
    device: str = ""


NOWHERE = Client()
"""Somebody of whom nothing is known: the command line, a program that embeds dxflow."""


def recognised(core: Core, user_id: str, cookie: str) -> str | None:
    """The id of a browser in which this user has signed in; None for every other cookie."""
    device, _, given = cookie.partition(".")
    raw = given.encode("utf-8", "surrogatepass")
    macs = core.keys.macs(INSTALLATION, _PURPOSE, user_id, device)
    return device if sum(hmac.compare_digest(raw, mac.encode()) for mac in macs) else None


def cookie_for(core: Core, user_id: str, cookie: str) -> str:
    """The cookie for a browser in which this user has just signed in: the one it has, or a new one."""
    device = recognised(core, user_id, cookie) or secrets.token_urlsafe(16)
    return f"{device}.{core.keys.mac(INSTALLATION, _PURPOSE, user_id, device)}"
