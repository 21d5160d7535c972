"""Calls to addresses that tenants choose: an OpenID provider, a receiver of webhooks.

The rule: whoever chooses an address must not reach through dxflow what they can't reach themselves. A name is
looked up once, every address that it leads to is judged, and the connection goes to the very address that was
judged: a name that answers differently the next time (DNS rebinding) gains nothing. Certificate, SNI and Host
stay the name's. What isn't public, and plain HTTP, takes DXFLOW_ALLOWED_NETWORKS. A redirect is an answer like
any other and is never followed.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from .calling import CONNECT_S, Caller, Reply
from .errors import Invalid, PermanentError, TransientError
from .moments import Clock

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NOBODYS = (
    ipaddress.IPv6Network("3fff::/20"),
    ipaddress.IPv4Network("192.0.0.0/24"),
    ipaddress.IPv4Network("192.88.99.0/24"),
)
"""Documentation (RFC 9637), protocol assignments (RFC 6890) and the relays of 6to4 (RFC 7526): some versions of
Python take them for public."""
_LONGEST = 2048
_SHORTEST_S = 0.05


class Refused(PermanentError):
    """Raised when an address leads where tenants must not reach."""


class Place(NamedTuple):
    """Where a name leads: the socket's family, and what ``connect`` takes."""

    family: int
    address: tuple[str | int | bytes, ...]

    @property
    def ip(self) -> IpAddress:
        """The address itself; one of IPv4 that is written as IPv6 (RFC 4291 section 2.5.5.2) as what it is."""
        found = ipaddress.ip_address(str(self.address[0]))
        return getattr(found, "ipv4_mapped", None) or found


Resolve = Callable[[str, int], Sequence[Place]]
"""Every place a name leads to. Raises OSError for none."""


class Limits(NamedTuple):
    """Seconds that the other side may say nothing, seconds for all of a call, bytes of an answer."""

    read_s: float
    whole_s: float
    bytes: int


LIMITS = Limits(read_s=5.0, whole_s=10.0, bytes=1024 * 1024)


def system_resolver(name: str, port: int) -> Sequence[Place]:
    """What the system says."""
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return [Place(family, address) for family, _, _, _, address in found]


def is_public(address: IpAddress) -> bool:
    """Whether anybody on the internet can reach this address, and every address that it carries: those behind
    NAT64 (RFC 6052) and 6to4 (RFC 3056) are reached through their IPv6 form."""
    if any(address in network for network in _NOBODYS) or address.is_multicast:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global
    if address in _NAT64:
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    carried = address.ipv4_mapped or address.sixtofour
    if carried is not None:
        return is_public(carried)
    return address in _UNICAST and address.is_global


def checked(url: str) -> str:
    """``url`` when it is ``http(s)://host[:port][/path][?query]``. Raises Invalid (url)."""
    if not url.isascii() or re.search(r"[\s\x00-\x1f\x7f\\]", url) or len(url) > _LONGEST:
        raise Invalid("url", f"must be ASCII without white space, {_LONGEST} characters at most")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise Invalid("url", "is no address") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Invalid("url", "must begin with https:// and name a host")
    if "@" in parts.netloc or "#" in url:
        raise Invalid("url", "must hold no user, password or fragment")
    return url


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Makes the calls. ``allowed`` are the networks that may be reached though they aren't public; ``trust`` is
    who vouches for certificates, None for whom the system trusts. Safe for any thread."""

    clock: Clock
    allowed: tuple[IpNetwork, ...] = ()
    resolve: Resolve = system_resolver
    trust: ssl.SSLContext | None = None
    limits: Limits = LIMITS

    def call(
        self,
        what: str,
        method: str,
        url: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One call, never repeated; ``what`` is what people call the other side. Raises Invalid for what is no
        address, Refused, and TransientError unless a whole answer came."""
        limits = self.limits
        line = _Line(self, limits.whole_s)
        pool = _Pools(line, self.trust or _system_trust())
        caller = Caller(what, checked(url), self.clock, limits.read_s, pool, limits.bytes)
        late = caller.fault(f"didn't finish within {limits.whole_s:g} s")
        try:
            reply = caller.call(method, "", body, headers or {})
        except TransientError:
            if line.cut_off:
                raise late from None
            raise
        finally:
            line.end()
            pool.clear()
        if line.cut_off:
            raise late  # headers that were cut off look like whole ones
        return reply

    def may_reach(self, address: IpAddress, *, encrypted: bool) -> bool:
        """Whether a call may go there: what is public over TLS, what the setting allows in any way."""
        return (encrypted and is_public(address)) or any(address in network for network in self.allowed)

    def look_up(self, name: str, port: int) -> Sequence[Place]:
        """Where a name leads, within ``CONNECT_S``: the system's resolver may take minutes. Raises OSError."""
        answer: Future[Sequence[Place]] = Future()

        def ask() -> None:
            try:
                answer.set_result(self.resolve(name, port))
            except (OSError, UnicodeError) as error:  # UnicodeError: labels too long for a name
                answer.set_exception(error)

        threading.Thread(target=ask, daemon=True).start()
        return answer.result(CONNECT_S)


class _Line:
    """The connection of one call: made to a judged address, and cut off when its time is over, however slowly
    the other side goes on."""

    def __init__(self, rules: Outgoing, whole_s: float) -> None:
        self.cut_off = False
        self._rules = rules
        self._ours: socket.socket | None = None
        self._timer = threading.Timer(whole_s, self._cut)
        self._timer.daemon = True

    def open(self, connection: HTTPConnection, *, encrypted: bool) -> socket.socket:
        """A connected socket. Raises Refused, and urllib3's errors for what can't be reached."""
        places = self._look_up(connection)
        if not all(self._rules.may_reach(place.ip, encrypted=encrypted) for place in places):
            raise Refused(
                f"{connection.host} leads to an address that isn't public, or isn't asked over https; "
                "DXFLOW_ALLOWED_NETWORKS may allow it"
            )
        try:
            made = self._connect_any(places)
        except TimeoutError as error:
            raise ConnectTimeoutError(connection, "timed out") from error
        except OSError as error:
            raise NewConnectionError(connection, "no connection") from error
        self._ours = made.dup()  # TLS takes the first one over; both are the same connection
        self._timer.start()
        return made

    def _look_up(self, connection: HTTPConnection) -> Sequence[Place]:
        name = connection.host
        try:
            return self._rules.look_up(name, connection.port)
        except TimeoutError as error:
            raise ConnectTimeoutError(connection, "the name wasn't found in time") from error
        except (OSError, UnicodeError) as error:
            raise NameResolutionError(name, connection, socket.gaierror(str(error))) from error

    def _connect_any(self, places: Sequence[Place]) -> socket.socket:
        """The first that answers; each has half of the time that is left, however many a name names."""
        until, last = time.monotonic() + 2 * CONNECT_S, OSError("it leads nowhere")
        for place in places:
            left = (until - time.monotonic()) / 2
            if left < _SHORTEST_S:
                break
            try:
                return self._connect(place, left)
            except OSError as error:
                last = error
        raise last

    def _connect(self, place: Place, seconds: float) -> socket.socket:
        made = socket.socket(place.family, socket.SOCK_STREAM)
        try:
            made.settimeout(seconds)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.connect(place.address)
        except BaseException:
            made.close()
            raise
        return made

    def _cut(self) -> None:
        ours = self._ours
        self.cut_off = True
        if ours is not None:
            try:
                ours.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it ended by itself

    def end(self) -> None:
        """The call is over."""
        self._timer.cancel()
        if self._ours is not None:
            self._ours.close()


class _Plain(HTTPConnection):
    line: _Line

    def _new_conn(self) -> socket.socket:
        return self.line.open(self, encrypted=False)


class _Encrypted(HTTPSConnection):
    line: _Line

    def _new_conn(self) -> socket.socket:
        return self.line.open(self, encrypted=True)


class _Pools(urllib3.PoolManager):
    """urllib3 in all things but how a connection is made."""

    def __init__(self, line: _Line, trust: ssl.SSLContext) -> None:
        super().__init__(num_pools=1, ssl_context=trust, cert_reqs="CERT_REQUIRED")
        self.pool_classes_by_scheme = {
            "http": type("_Pool", (HTTPConnectionPool,), {"ConnectionCls": _on(_Plain, line)}),
            "https": type("_Pool", (HTTPSConnectionPool,), {"ConnectionCls": _on(_Encrypted, line)}),
        }


def _on(kind: type[HTTPConnection], line: _Line) -> type[HTTPConnection]:
    return type(kind.__name__, (kind,), {"line": line})


@lru_cache(maxsize=1)
def _system_trust() -> ssl.SSLContext:
    """Made once: reading the system's authorities takes longer than a call."""
    return ssl.create_default_context()
