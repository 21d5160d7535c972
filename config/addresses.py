"""Addresses in settings: which are allowed, and how they may be shown.

Every checker takes the text of an address and gives it back in its canonical form, or raises ValueError with
the fault alone: the text itself may hold a password, so no message repeats it.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit

from email_validator import EmailNotValidError, validate_email

from .redis_address import SINGLE, RedisAddress

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_USERINFO = re.compile(r"://.*@", re.DOTALL)
_QUERY_SECRET = re.compile(r"([?&][^=&]*(?:pass|secret|token|key)[^=&]*=)[^&]*", re.IGNORECASE)


def masked(address: str) -> str:
    """``address`` fit to be shown: what stands before the ``@`` and secret options become ``***``.

    What isn't an address at all (``user:password@host``, ``password=… host=…``) becomes ``***`` as a whole.
    """
    if "://" not in address:
        return "***"
    return _QUERY_SECRET.sub(r"\1***", _USERINFO.sub("://***@", address))


def database_address(address: str) -> str:
    """SQLite's, made absolute and percent-encoded, or PostgreSQL's as it is."""
    scheme = address.partition("://")[0].lower()
    if scheme == "sqlite":
        return _sqlite_address(address)
    if scheme not in ("postgresql", "postgres"):
        raise ValueError("unknown kind of database")
    _split(address)
    return address


def _sqlite_address(address: str) -> str:
    rest = address.partition("://")[2]
    if not rest.startswith("/"):
        raise ValueError("three slashes lead to a relative path, four to an absolute one")
    path = unquote(rest[1:])
    if not path or path.endswith("/") or "\0" in path:
        raise ValueError("no file is named")
    if path == ":memory:":
        raise ValueError("a database in memory is lost with the process")
    if "?" in rest:
        raise ValueError("options after '?' are not supported")
    return sqlite_address(Path(path))


def sqlite_address(path: Path) -> str:
    """The address of a SQLite file: four slashes and the absolute path, percent-encoded."""
    return "sqlite:///" + quote(str(path.absolute()))


def redis_address(address: str) -> str:
    """One server, Sentinels or a Cluster: see ``redis_address.py``."""
    return RedisAddress.parse(address).text


def redis_addresses(addresses: tuple[str, ...]) -> tuple[str, ...]:
    """1, 3 or 5 different Redis servers: Redlock needs an odd number of independent nodes for a majority."""
    if len(addresses) not in (1, 3, 5):
        raise ValueError(f"{len(addresses)} nodes are named")
    if len(set(addresses)) != len(addresses):
        raise ValueError("a node is named twice, so the nodes are not independent")
    if any(RedisAddress.parse(address).kind != SINGLE for address in addresses):
        raise ValueError("a node is Sentinels or a Cluster, which are one system, not an independent server")
    return addresses


def smtp_address(address: str) -> str:
    """``smtp://[user:password@]host[:port]`` (STARTTLS when offered) or ``smtps://``."""
    parts = _split(_with_host(address, ("smtp", "smtps")))
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("a path, query or fragment is not allowed")
    if bool(parts.username) != bool(parts.password):
        raise ValueError("a user and a password go together")
    return address


def mail_address(address: str) -> str:
    """The bare address that mail is sent from (RFC 5321 section 4.1.2), its domain in ASCII."""
    try:
        found = validate_email(address.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise ValueError("not an e-mail address") from None
    if found.ascii_email is None:
        raise ValueError("what stands before the @ isn't ASCII, and not every server takes that")
    return found.ascii_email


def postmaster(url: str) -> str:
    """``dxflow@`` the host of this address; of an IP address its literal (RFC 5321 section 4.1.3)."""
    host = urlsplit(url).hostname or "localhost"
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return f"dxflow@{host}"
    return f"dxflow@[IPv6:{found}]" if found.version == 6 else f"dxflow@[{found}]"


def public_address(address: str) -> str:
    """``http(s)://host[:port][/prefix]`` without a trailing slash."""
    parts = _split(_with_host(address, ("http", "https")))
    if parts.query or parts.fragment or parts.username:
        raise ValueError("user, query or fragment is not allowed")
    return address.rstrip("/")


def service_address(address: str) -> str:
    """``http(s)://[user:password@]host[:port][/path][?query]`` of a service; all of it may be a secret."""
    if _split(_with_host(address, ("http", "https"))).fragment:
        raise ValueError("a fragment is not allowed")
    return address.rstrip("/")


def key_service_address(address: str) -> str:
    """``https://host[:port]/v1/<mount>/keys/<name>``; plain HTTP for this machine alone."""
    parts = _split(_with_host(address, ("http", "https")))
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError("keys travel over TLS: https:// is needed")
    if (
        not re.fullmatch(r"/v1/.+/keys/[\w.-]+", parts.path)
        or parts.query
        or parts.fragment
        or parts.username
    ):
        raise ValueError("it doesn't name a transit key")
    return address


def networks(text: str) -> tuple[IpNetwork, ...]:
    """Networks in CIDR notation (RFC 4632), separated by commas; a bare address is a network of one."""
    found: list[IpNetwork] = []
    for part in text.split(","):
        try:
            found.append(ipaddress.ip_network(part.strip()))
        except ValueError:
            raise ValueError("a part is no network, or names bits beyond its length") from None
    return tuple(found)


def is_loopback(host: str) -> bool:
    """Whether this is a name or address that only this machine reaches."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _with_host(address: str, schemes: tuple[str, ...]) -> str:
    parts = _split(address)
    if parts.scheme not in schemes:
        raise ValueError("unknown scheme")
    if not parts.hostname:
        raise ValueError("no host is named")
    return address


def _split(address: str) -> SplitResult:
    """Split an address; ValueError for a port that is no port, blanks and broken brackets."""
    if re.search(r"[\s\x00-\x1f]", address):
        raise ValueError("it holds white space")
    try:
        parts = urlsplit(address)
    except ValueError:
        raise ValueError("it is no address") from None
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("the port is not a number from 0 to 65535") from None
    return parts
