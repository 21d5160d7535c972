"""Who is at the other end of the connection, as far as that can be known.

The rule: the peer's own address counts, unless the peer is a proxy that the operator trusts
(DXFLOW_TRUSTED_PROXIES). Then the nearest hop that isn't one counts, read from the right: what stands to the
left of it anybody may have written. Counting the proxy's address instead would let one guesser lock out all.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence

import falcon

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PORT = re.compile(r"(?:\[(?P<six>[^\]]*)\]|(?P<four>[0-9.]+))(?::\d{1,5})?")

_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""In this order: most browsers name those they are like too."""
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


class ClientAddress:
    """Middleware that leaves the client's address in ``req.context.client_address``, or None."""

    def __init__(self, trusted: Iterable[Network]) -> None:
        """``trusted`` are networks."""
        self._trusted = tuple(trusted)

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Whatever the headers say, this raises nothing."""
        del resp
        peer = _parsed(str(req.env.get("REMOTE_ADDR") or ""))
        req.context.client_address = None if peer is None else str(self._behind(peer, req))

    def _behind(self, peer: Address, req: falcon.Request) -> Address:
        if not self._trusts(peer):
            return peer
        found = {self._nearest(peer, hops) for hops in (_x_forwarded(req), _forwarded(req)) if hops}
        # A proxy writes one of the two headers. If both are there and differ, one is the client's invention.
        return found.pop() if len(found) == 1 else peer

    def _nearest(self, peer: Address, hops: Sequence[str]) -> Address:
        """The right-most hop that isn't trusted; what can't be read ends the search."""
        for hop in reversed(hops):
            address = _parsed(hop)
            if address is None or not self._trusts(peer):
                break
            peer = address
        return peer

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def address_of(req: falcon.Request) -> str | None:
    """The client's IP address; None where the connection has none, or nobody looked."""
    address: str | None = getattr(req.context, "client_address", None)
    return address


def browser_of(req: falcon.Request) -> str:
    """The browser in words: ``Firefox on Windows``. For people who look at their sessions; proves nothing."""
    agent = req.user_agent or ""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return " on ".join(part for part in (browser or "Another program", system) if part)


def _x_forwarded(req: falcon.Request) -> list[str]:
    text = req.get_header("X-Forwarded-For") or ""
    return [hop for hop in text.split(",") if hop.strip()]


def _forwarded(req: falcon.Request) -> list[str]:
    """Of RFC 7239; an element without ``for`` can't be read, and is kept as one that can't."""
    return [hop.src or "unknown" for hop in req.forwarded or ()]


def _parsed(text: str) -> Address | None:
    """An address, with or without port and brackets; IPv4 inside IPv6 is IPv4."""
    bare = text.strip().strip('"')
    ported = _PORT.fullmatch(bare)
    try:
        address = ipaddress.ip_address((ported["six"] or ported["four"] or "") if ported else bare)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or ipaddress.IPv6Address(int(address))  # without a zone
    return address
