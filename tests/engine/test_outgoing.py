"""Where tenants' addresses may lead: judged by address, not by spelling, and never looked up twice."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from serving import served

from dxflow.engine.errors import Invalid, TransientError
from dxflow.engine.moments import system_clock
from dxflow.engine.outgoing import Limits, Outgoing, Place, Refused, checked, is_public

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1"))
SOON = Limits(read_s=0.4, whole_s=0.8, bytes=10_000)


def place(address: str, port: int = 443) -> Place:
    """Where a resolver says that a name leads."""
    if ":" in address:
        return Place(socket.AF_INET6, (address, port, 0, 0))
    return Place(socket.AF_INET, (address, port))


def names(*addresses: str) -> Callable[[str, int], Sequence[Place]]:
    """A resolver that knows one answer."""
    return lambda _, port: [place(address, port) for address in addresses]


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001::8e"])
def test_what_anybody_can_reach_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))
    assert is_public(place(f"::ffff:{address}").ip) if "." in address else True


PRIVATE = [
    "127.0.0.1", "127.8.9.10", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "169.254.0.1", "100.64.0.1", "100.127.255.254", "192.0.0.8", "192.0.2.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255",
    "::", "::1", "fe80::1", "fe80::a9fe:a9fe", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "ff0e::1",
    "2001:db8::1", "3fff::1", "5f00::1", "4000::1", "100::1", "2001::1", "::7f00:1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:224.0.0.1",
    "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a9fe:a9fe::1",
    "2002:0a00:0001::1", "2002:e000:1::",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_what_only_some_can_reach_is_not_public_in_whatever_clothes(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    outgoing = Outgoing(system_clock, resolve=names(address))
    with pytest.raises(Refused):
        outgoing.call("the provider", "GET", "https://issuer.example/")


def test_public_addresses_behind_nat64_and_6to4_stay_public() -> None:
    assert is_public(ipaddress.ip_address("64:ff9b::1.1.1.1"))
    assert is_public(ipaddress.ip_address("2002:101:101::1"))


def test_one_private_address_among_public_ones_spoils_the_name() -> None:
    outgoing = Outgoing(system_clock, resolve=names("1.1.1.1", "127.0.0.1"))
    with pytest.raises(Refused) as caught:
        outgoing.call("the provider", "GET", "https://issuer.example/")
    assert "127.0.0.1" not in str(caught.value), "what a name leads to inside is nobody's business"


def test_plain_http_is_for_networks_that_the_setting_allows() -> None:
    with pytest.raises(Refused):
        Outgoing(system_clock, resolve=names("1.1.1.1")).call("it", "GET", "http://issuer.example/")
    assert not Outgoing(system_clock).may_reach(ipaddress.ip_address("1.1.1.1"), encrypted=False)
    assert Outgoing(system_clock, LOOPBACK).may_reach(ipaddress.ip_address("127.0.0.1"), encrypted=False)


@pytest.fixture
def hits() -> list[str]:
    """The paths that the server was asked for."""
    return []


@pytest.fixture
def inside(hits: list[str]) -> Iterator[int]:
    """The port of a server on this machine's loopback that nobody is to reach."""

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        hits.append(environ["PATH_INFO"])
        if environ["PATH_INFO"] == "/away":
            start("302 Found", [("Location", "http://169.254.169.254/latest"), ("Content-Length", "0")])
            return [b""]
        start("200 OK", [("Content-Type", "text/plain")])
        return [environ["HTTP_HOST"].encode() if environ["PATH_INFO"] == "/" else b"x" * 20_000]

    with served(app) as address:
        yield int(address.rpartition(":")[2])


SPELLINGS = [
    "http://127.0.0.1:{}/", "http://localhost:{}/", "http://localhost.:{}/", "http://127.1:{}/",
    "http://2130706433:{}/", "http://0x7f000001:{}/", "http://0177.0.0.1:{}/", "http://127.0.0.1.:{}/",
    "http://0.0.0.0:{}/", "http://0:{}/", "http://[::ffff:127.0.0.1]:{}/", "http://[::ffff:7f00:1]:{}/",
    "http://[::1]:{}/", "http://[::]:{}/", "HTTP://127.0.0.1:{}/", "https://127.0.0.1:{}/",
]  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_of_this_machine_reaches_it(spelling: str, inside: int, hits: list[str]) -> None:
    with pytest.raises((Refused, TransientError, Invalid)) as caught:
        Outgoing(system_clock).call("it", "GET", spelling.format(inside))
    assert not hits
    assert isinstance(caught.value, Refused) or "can't be reached" in str(caught.value)


@pytest.mark.parametrize("spelling", ["http://127.0.0.1:{}/", "http://0x7f000001:{}/", "http://127.1:{}/"])
def test_the_setting_opens_a_network(spelling: str, inside: int) -> None:
    answer = Outgoing(system_clock, LOOPBACK).call("it", "GET", spelling.format(inside))
    assert answer.status == 200


@pytest.mark.parametrize(
    "url",
    [
        "http://issuer.example@127.0.0.1/", "https://user:password@issuer.example", "https://@issuer.example",
        "https://issuer.example/#part", "https://issuer.example\\@127.0.0.1/", "https://issuer example/",
        "https://issuer.example/\n", "ftp://issuer.example/", "file:///etc/passwd", "gopher://127.0.0.1:6379/_",
        "//issuer.example", "issuer.example", "https://", "https:///path", "https://issuer.example:99999/",
        "https://[::1/", "https://ıssuer.example/", "https://issuer.example/" + "x" * 3000,
    ],
)  # fmt: skip
def test_what_is_no_plain_address_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        checked(url)
    with pytest.raises(Invalid):
        Outgoing(system_clock, LOOPBACK).call("it", "GET", url)


def test_a_name_that_changes_its_mind_is_looked_up_once(inside: int, hits: list[str]) -> None:
    """DNS rebinding: first an address that is allowed, at the next look another one."""
    asked: list[str] = []

    def rebinding(name: str, port: int) -> Sequence[Place]:
        asked.append(name)
        return [place("127.0.0.1" if len(asked) == 1 else "127.0.0.2", port)]

    only_first = Outgoing(system_clock, (ipaddress.ip_network("127.0.0.1"),), rebinding)
    assert (
        only_first.call("it", "GET", f"http://rebind.example:{inside}/").body
        == f"rebind.example:{inside}".encode()
    )
    assert asked == ["rebind.example"]
    with pytest.raises(Refused):
        only_first.call("it", "GET", f"http://rebind.example:{inside}/")
    assert hits == ["/"]


def test_the_connection_goes_to_the_address_that_was_judged(inside: int) -> None:
    """``localhost`` would lead to the server; what the resolver said leads nowhere."""
    outgoing = Outgoing(system_clock, LOOPBACK, names("127.0.0.77"))
    with pytest.raises(TransientError, match="can't be reached"):
        outgoing.call("it", "GET", f"http://localhost:{inside}/")


def test_a_redirect_is_an_answer_and_is_not_followed(inside: int, hits: list[str]) -> None:
    answer = Outgoing(system_clock, LOOPBACK).call("it", "GET", f"http://127.0.0.1:{inside}/away")
    assert answer.status == 302
    assert hits == ["/away"]


def test_a_name_that_leads_nowhere_is_a_fault_and_no_defect() -> None:
    def nowhere(name: str, port: int) -> Sequence[Place]:
        raise socket.gaierror("no such name")

    for resolve in (nowhere, names()):
        with pytest.raises(TransientError, match=r"the provider at issuer\.example can't be reached"):
            Outgoing(system_clock, resolve=resolve).call("the provider", "GET", "https://issuer.example/")
    with pytest.raises(TransientError, match="can't be reached"):
        Outgoing(system_clock).call("the provider", "GET", f"https://{'x' * 70}.example/")


def test_a_body_has_an_end(inside: int) -> None:
    with pytest.raises(TransientError, match="more than 10,000 bytes"):
        Outgoing(system_clock, LOOPBACK, limits=SOON).call("it", "GET", f"http://127.0.0.1:{inside}/much")


@contextmanager
def talking(say: Callable[[socket.socket], None], context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server that takes one connection and says what it likes; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def take() -> None:
            try:
                connection, _ = listener.accept()
                with connection:
                    say(context.wrap_socket(connection, server_side=True) if context else connection)
            except OSError:
                return

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.close()
        thread.join(5)


def test_silence_ends_the_call() -> None:
    done = threading.Event()
    with talking(lambda _: done.wait(10) and None) as port:
        with pytest.raises(TransientError, match=r"said nothing for 0\.4 s"):
            Outgoing(system_clock, LOOPBACK, limits=SOON).call("it", "GET", f"http://127.0.0.1:{port}/")
        done.set()


def test_a_byte_now_and_then_ends_it_too() -> None:
    """Each header line in time, and never the last one."""
    done = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not done.wait(0.05):
            connection.sendall(b"X: y\r\n")

    with talking(drip) as port:
        with pytest.raises(TransientError, match=r"didn't finish within 0\.8 s"):
            Outgoing(system_clock, LOOPBACK, limits=SOON).call("it", "GET", f"http://127.0.0.1:{port}/")
        done.set()


@pytest.fixture
def certified(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's side with a certificate for ``issuer.example``, and the side of whoever trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer.example")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("issuer.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "both.pem").write_bytes(secret + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "both.pem")
    return server, ssl.create_default_context(cadata=pem.decode())


def test_certificate_sni_and_host_stay_the_names(certified: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server, trusting = certified
    heard: list[str | bytes | None] = []
    server.sni_callback = lambda _, name, __: heard.append(name)

    def answer(connection: socket.socket) -> None:
        heard.append(connection.recv(4096).split(b"Host: ")[1].partition(b":")[0])
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")

    outgoing = Outgoing(system_clock, LOOPBACK, names("127.0.0.1"), trusting)
    with talking(answer, server) as port:
        assert outgoing.call("it", "GET", f"https://issuer.example:{port}/").body == b"hi"
    assert heard == ["issuer.example", b"issuer.example"]


@pytest.mark.parametrize("who", ["other.example", "issuer.example"])
def test_a_certificate_for_another_name_or_of_a_stranger_is_refused(
    certified: tuple[ssl.SSLContext, ssl.SSLContext], who: str
) -> None:
    server, trusting = certified
    trust = trusting if who == "other.example" else None
    outgoing = Outgoing(system_clock, LOOPBACK, names("127.0.0.1"), trust)
    with talking(lambda _: None, server) as port, pytest.raises(TransientError, match="can't be trusted"):
        outgoing.call("it", "GET", f"https://{who}:{port}/")
