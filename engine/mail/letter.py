"""A message as it travels (RFC 5322): headers that a machine's letter needs, and nothing that anybody could
inject."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from email_validator import EmailNotValidError, validate_email

from ..errors import Invalid


@dataclass(frozen=True, slots=True)
class Letter:
    """What a message says, in the clear; never to be logged."""

    to: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """What goes around it. ``id`` is the message's row: sent twice, both have one Message-ID. ``sender`` is a
    bare address, ``name`` the data controller's, ``reply_to`` whom an answer reaches, ``about`` the request
    that mail programs put messages together by."""

    id: str
    sender: str
    name: str
    date: datetime
    language: str
    reply_to: str | None = None
    about: str | None = None


def address(text: str) -> str:
    """The address as a mail server takes it: its domain in ASCII, its local part as it was given. Raises
    Invalid (to): nothing else ever stands in a header."""
    try:
        found = validate_email(text.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise Invalid("to", "not an e-mail address") from None
    return f"{found.local_part}@{found.ascii_domain}"


def one_line(text: str) -> str:
    """``text`` without line breaks and other controls, which have no place in a header."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def written(letter: Letter, envelope: Envelope) -> EmailMessage:
    """The message, ready to be sent. Raises Invalid for what is no address."""
    domain = envelope.sender.rpartition("@")[2]
    message = EmailMessage(policy=policy.SMTP)
    headers: Sequence[tuple[str, object]] = (
        ("From", Address(one_line(envelope.name), *_halves(envelope.sender))),
        ("To", Address("", *_halves(address(letter.to)))),
        ("Subject", one_line(letter.subject)),
        ("Date", format_datetime(envelope.date)),
        ("Message-ID", f"<{envelope.id}@{_dotted(domain)}>"),
        ("Auto-Submitted", "auto-generated"),  # RFC 3834 section 5: nobody's absence answers it
    )
    for name, value in headers:
        message[name] = value
    if envelope.reply_to:
        message["Reply-To"] = Address("", *_halves(address(envelope.reply_to)))
    if envelope.about:
        message["References"] = f"<request-{envelope.about}@{_dotted(domain)}>"
    message.set_content(letter.text, cte="quoted-printable")
    message["Content-Language"] = envelope.language  # the content's own header: it goes when content is set
    return message


def _halves(bare: str) -> tuple[str, str]:
    local, _, domain = bare.rpartition("@")
    return local, domain


def _dotted(domain: str) -> str:
    """The right half of a Message-ID: an address literal as one would write a name."""
    return domain.strip("[]").replace(":", ".")
