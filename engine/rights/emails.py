"""An e-mail as a rights request: who wrote it first, when, and what they say (RFC 5322, MIME).

The rule: nothing in a message proves who sent it. It tells whom to ask, and everything else is what somebody
wrote. A message that can't be read in parts is read as far as it can be; attachments are named, and not kept.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.utils import getaddresses, parsedate_to_datetime

from ..errors import Unfit
from ..identity import normalise
from . import forwarding
from .html_text import from_html

LONGEST = 9_000
"""Characters of a text that are kept; what a request may hold is a little more."""
OLDEST = timedelta(days=366)
"""A date before that is no date of a letter that just came in."""
_DEEPEST, _MOST_PARTS, _MOST_NAMED = 5, 200, 20
_MOST_BOUNDARIES = 50
"""The parser looks for all of them in every line."""
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"']+@[^\s<>()\[\],;:\"']+")


@dataclass(frozen=True, slots=True)
class Letter:
    """What a message says. ``sent_at`` is None where it tells no time that can be read; ``forwarded`` if the
    sender is that of a message inside it."""

    email: str
    name: str
    subject: str
    text: str
    message_id: str
    sent_at: datetime | None
    attachments: tuple[str, ...] = ()
    forwarded: bool = False

    @property
    def details(self) -> str:
        """The letter as the request keeps it."""
        named = f"Attached, and not kept: {', '.join(self.attachments)}" if self.attachments else ""
        subject = f"Subject: {self.subject}" if self.subject else ""
        return "\n\n".join(part for part in (subject, self.text, named) if part)


def raw_of(text: str) -> bytes:
    """The message as bytes: as it is, or base64 of it. Raises Unfit.

    The first line of a message holds a colon (RFC 5322 section 2.2), which base64 never does.
    """
    if ":" in text.lstrip()[:1000]:
        return text.encode("utf-8", "surrogateescape")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Unfit("message", "neither a message (RFC 5322) nor base64 of one") from None


def read(raw: bytes, *, now: datetime) -> Letter:
    """The letter in a message. Raises Unfit("message") for what no person wrote: reports of a mail server,
    automatic answers, and what names no sender."""
    if raw.lower().count(b"boundary=") > _MOST_BOUNDARIES:
        raise Unfit("message", "has too many parts inside each other")
    try:
        outer = message_from_bytes(raw, policy=policy.default)
    except (MessageError, ValueError, LookupError, RecursionError) as error:  # the parser's own defects
        raise Unfit("message", "can't be read") from error
    _require_a_person(outer)
    inner = _attached(outer)
    letter = _letter(inner or outer, now)
    if inner is None:
        letter = _inline(letter, now)
    if normalise.email(letter.email) is None:
        raise Unfit("message", "names no sender with an e-mail address")
    return replace(letter, forwarded=letter.forwarded or inner is not None)


def _require_a_person(message: Message) -> None:
    if message.get_content_type() == "multipart/report":
        raise Unfit("message", "is a mail server's report, not a letter")
    automatic = _header(message, "Auto-Submitted").partition(";")[0].strip().lower()
    if automatic.startswith("auto-replied"):
        raise Unfit("message", "is an automatic answer, not a letter")


def _attached(message: Message, depth: int = 0) -> Message | None:
    """The innermost message that is attached to one: that is what was forwarded."""
    if depth >= _DEEPEST:
        return None
    for part in _parts(message):
        if part.get_content_type() == "message/rfc822":
            payload = part.get_payload()
            inner = payload[0] if isinstance(payload, list) and payload else None
            if isinstance(inner, Message):
                return _attached(inner, depth + 1) or inner
    return None


def _letter(message: Message, now: datetime) -> Letter:
    name, email = _sender(_raw(message, "from"))
    return Letter(
        email=email,
        name=name,
        subject=_line(_header(message, "Subject")),
        text=_cut(_text(message)),
        message_id=_line(_header(message, "Message-ID")),
        sent_at=sane(_date(_header(message, "Date")), now),
        attachments=tuple(_attachments(message)),
    )


def _inline(letter: Letter, now: datetime) -> Letter:
    """The letter that was forwarded inside this one's text, or this one."""
    found = forwarding.split(letter.subject, letter.text)
    if found is None:
        return letter
    name, email = _sender(found.sender)
    if not email:
        return letter
    sent_at = sane(_date(found.date), now) or letter.sent_at
    subject = _line(found.subject) or letter.subject
    return replace(
        letter, name=name, email=email, subject=subject, text=found.text, sent_at=sent_at, forwarded=True
    )


def sane(moment: datetime | None, now: datetime) -> datetime | None:
    """The moment, unless it is still to come or long past."""
    return moment if moment is not None and now - OLDEST <= moment <= now else None


def _date(text: str) -> datetime | None:
    """RFC 5322 section 3.3; a date without a zone is UTC's."""
    try:
        found = parsedate_to_datetime(text.strip())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def _sender(text: str) -> tuple[str, str]:
    """Name and address of the first mailbox; both empty where there is none. The name is decoded afterwards,
    so that nothing in it is taken for an address."""
    for name, address in getaddresses([text[:2000]]):
        if _ADDRESS.fullmatch(address):
            return _line(_unencoded(name))[:200].strip(), address
    found = _ADDRESS.search(text[:2000])
    return ("", found[0]) if found else ("", "")


def _unencoded(text: str) -> str:
    """Encoded words (RFC 2047) as what they stand for."""
    try:
        return str(make_header(decode_header(text)))
    except (MessageError, LookupError, ValueError):
        return text


def _parts(message: Message) -> Iterator[Message]:
    """Every part, but not those of messages inside."""
    waiting, seen = [message], 0
    while waiting and seen < _MOST_PARTS:
        part = waiting.pop(0)
        seen += 1
        yield part
        if part.get_content_maintype() == "multipart":
            payload = part.get_payload()
            if isinstance(payload, list):
                waiting = [one for one in payload if isinstance(one, Message)] + waiting


def _text(message: Message) -> str:
    """The first plain text that isn't an attachment, or else the first HTML as text."""
    for wanted in ("text/plain", "text/html"):
        for part in _parts(message):
            if part.get_content_type() == wanted and not _is_attached(part):
                text = _decoded(part)
                read = from_html(text) if wanted == "text/html" else text
                if read.strip():
                    return read.replace("\r\n", "\n").replace("\0", "").strip()
    return ""


def _decoded(part: Message) -> str:
    """A part's text, whatever its charset claims."""
    try:
        content = part.get_content() if isinstance(part, EmailMessage) else None
        if isinstance(content, str):
            return content
    except (MessageError, LookupError, ValueError, AssertionError):
        pass  # a charset that is none, or lies: read as UTF-8, with marks where it isn't
    payload = part.get_payload(decode=True)
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def _attachments(message: Message) -> Iterator[str]:
    named = 0
    for part in _parts(message):
        if part.get_content_maintype() != "multipart" and _is_attached(part) and named < _MOST_NAMED:
            named += 1
            named_so = _line(_filename(part))[:120] or "without a name"
            yield f"{named_so} ({_line(part.get_content_type())[:120]})"


def _is_attached(part: Message) -> bool:
    disposed = _header(part, "Content-Disposition").strip().lower()
    return disposed.startswith("attachment") or bool(_filename(part))


def _filename(part: Message) -> str:
    try:
        return part.get_filename() or ""
    except (MessageError, ValueError, LookupError, AttributeError):
        return ""


def _raw(message: Message, name: str) -> str:
    """A header as it stands in the message, unfolded."""
    for found, value in message.raw_items():
        if found.lower() == name:
            text = str(value).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            return re.sub(r"[\r\n]+", " ", text)
    return ""


def _header(message: Message, name: str) -> str:
    """A header as text; empty where it isn't there or can't be read."""
    try:
        return str(message.get(name, ""))
    except (MessageError, ValueError, LookupError, AttributeError, TypeError):  # malformed beyond reading
        return ""


def _line(text: str) -> str:
    """On one line, without control characters."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text[:1000]).split())


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + "\n[cut: the message was longer]"
