"""Whose address counts: the peer's, or what a trusted proxy says of whom it speaks for. Nothing crashes it."""

from __future__ import annotations

import ipaddress

import falcon
import falcon.testing
import pytest

from dxflow.config.addresses import IpNetwork
from dxflow.http.client import ClientAddress, address_of, browser_of

PROXIES = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8:ffff::/48"))


def address(
    peer: str | None, headers: dict[str, str], trusted: tuple[IpNetwork, ...] = PROXIES
) -> str | None:
    environ = falcon.testing.create_environ(headers=headers)
    environ.pop("REMOTE_ADDR", None)
    req = falcon.Request({**environ, **({} if peer is None else {"REMOTE_ADDR": peer})})
    ClientAddress(trusted).process_request(req, falcon.Response())
    return address_of(req)


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("2001:db8:ffff::1", "198.51.100.1", "198.51.100.1"),
        ("::ffff:10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("fe80::1%eth0", "", "fe80::1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, evil", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, evil, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", " , ,,", "10.0.0.1"),
        ("10.0.0.1", "[" * 2000, "10.0.0.1"),
        ("", "198.51.100.1", None),
        (None, "198.51.100.1", None),
        ("@", "198.51.100.1", None),
    ],
)
def test_the_right_most_hop_that_isnt_trusted_counts(
    peer: str | None, forwarded: str, found: str | None
) -> None:
    assert address(peer, {"X-Forwarded-For": forwarded} if forwarded else {}) == found


def test_without_trusted_proxies_nobodys_word_counts() -> None:
    assert address("10.0.0.1", {"X-Forwarded-For": "198.51.100.1"}, ()) == "10.0.0.1"
    assert address("127.0.0.1", {"Forwarded": "for=198.51.100.1"}, ()) == "127.0.0.1"


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("for=198.51.100.1", "198.51.100.1"),
        ('for="[2001:db8::1]:4711";proto=https', "2001:db8::1"),
        ("for=1.1.1.1, for=198.51.100.1;by=10.0.0.1", "198.51.100.1"),
        ("for=_hidden", "10.0.0.1"),
        ("for=198.51.100.1, proto=https", "10.0.0.1"),
        (';;==,"', "10.0.0.1"),
    ],
)
def test_the_standard_header_counts_too(header: str, found: str) -> None:
    assert address("10.0.0.1", {"Forwarded": header}) == found


def test_two_headers_that_differ_are_nobodys_word() -> None:
    """A proxy writes one of them; the other is what the client sent along."""
    both = {"Forwarded": "for=198.51.100.1", "X-Forwarded-For": "1.1.1.1"}
    assert address("10.0.0.1", both) == "10.0.0.1"
    assert address("10.0.0.1", {**both, "X-Forwarded-For": "198.51.100.1"}) == "198.51.100.1"


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
            "Safari/537.36 Edg/140.0.0.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 "
            "Safari/604.1",
            "Safari on iPhone",
        ),
        ("curl/8.0", "Another program"),
        ("", "Another program"),
    ],
)
def test_a_browser_is_named_in_words(agent: str, words: str) -> None:
    environ = falcon.testing.create_environ(headers={"User-Agent": agent})
    assert browser_of(falcon.Request(environ)) == words
