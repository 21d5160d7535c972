"""A real mail server for tests (aiosmtpd over sockets), with TLS, users and bad manners on demand."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

DROP, HANG = "drop", "hang"
"""Instead of an answer: the connection is cut, or nothing is said any more."""


@dataclass
class Received:
    """One message as it arrived: on what kind of connection, for whom, and what it said."""

    encrypted: bool
    user: str | None
    sender: str
    recipients: list[str]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        parsed = message_from_bytes(self.raw, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    @property
    def text(self) -> str:
        return str(self.message.get_content()).replace("\r\n", "\n")


@dataclass
class MailServer:
    """What it received, and what it answers: a recipient's address (or ``MAIL``, ``DATA``, ``*`` for every
    recipient) to the answers that it gives, the last of them for good; without any it says yes."""

    port: int
    host: str = "localhost"
    users: dict[str, str] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    answers: dict[str, list[str]] = field(default_factory=dict)
    connections: int = 0
    greetings: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Every recipient that was named, taken or not."""

    def url(self, scheme: str = "smtp", user: str = "") -> str:
        return f"{scheme}://{user + '@' if user else ''}{self.host}:{self.port}"

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, name: str, replies: list[str]
    ) -> list[str]:
        session.host_name = name
        if session.ssl is None:
            self.connections += 1
        self.greetings.append(name)
        return replies

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return await self._answer("MAIL", server) or "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.asked.append(address)
        said = await self._answer(address, server) or await self._answer("*", server)
        if said is not None and not said.startswith("250"):
            return said
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        said = await self._answer("DATA", server)
        if said is None or said.startswith("250"):
            user = session.auth_data.decode() if isinstance(session.auth_data, bytes) else None
            one = Received(
                session.ssl is not None,
                user,
                str(envelope.mail_from),
                list(envelope.rcpt_tos),
                envelope.original_content or b"",
            )
            self.received.append(one)
        after = await self._answer("TAKEN", server)
        return after or said or "250 OK"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        login, password = data.login.decode(), data.password.decode()
        ok = self.users.get(login) == password
        return AuthResult(success=ok, handled=ok, auth_data=data.login, message=None)

    async def _answer(self, what: str, server: SMTP) -> str | None:
        waiting = self.answers.get(what)
        if not waiting:
            return None
        said = waiting[0] if len(waiting) == 1 else waiting.pop(0)
        if said == DROP:
            server.transport.abort()
        if said in (DROP, HANG):
            await asyncio.Event().wait()
        return None if said == "ok" else said


@contextmanager
def mail_server(
    tls: ssl.SSLContext | None = None, *, immediate: bool = False, host: str = "localhost", **about: Any
) -> Iterator[MailServer]:
    """A server until the end of the block. With ``tls`` it offers STARTTLS, or with ``immediate`` speaks TLS
    from the first byte; with ``users`` it wants to know who is there."""
    made = MailServer(0, host, **about)
    options: dict[str, Any] = {"enable_SMTPUTF8": False, "hostname": "mail.example"}
    if made.users:
        secured = tls is not None and not immediate
        options |= {"authenticator": made.authenticate, "auth_required": True, "auth_require_tls": secured}
    if not immediate:
        options["tls_context"] = tls
    loop = asyncio.new_event_loop()
    opening = loop.create_server(
        lambda: SMTP(made, loop=loop, **options), "127.0.0.1", 0, ssl=tls if immediate else None
    )
    server = loop.run_until_complete(opening)
    made.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield made
    finally:
        asyncio.run_coroutine_threadsafe(_stopped(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _stopped(server: asyncio.Server) -> None:
    server.close()
    rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


def certificate(directory: Path, *names: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's side with a certificate for these names, and the side of whoever trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    now = datetime.datetime.now(datetime.UTC)
    alternatives: list[x509.GeneralName] = [_alternative(one) for one in names]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = directory / "both.pem"
    path.write_bytes(secret + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=pem.decode())


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
