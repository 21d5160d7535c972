"""Handing messages to a mail server (RFC 5321, RFC 6409): DXFLOW_SMTP_URL.

The rule: what a server says of one recipient is that message's own fate; what it says of the connection is the
fate of all that would follow on it: nothing more is tried for a while, by any thread, so that a server which is
away doesn't keep every worker waiting for it. A password never travels in the clear but to this machine itself,
and certificates are verified. Errors hold codes alone (RFC 3463): a server's words name addresses.

Nobody can know whether a message whose connection broke after its last byte was taken: it is sent again, under
the same Message-ID.
"""

from __future__ import annotations

import base64
import re
import smtplib
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

from ...config.addresses import is_loopback
from ..errors import PermanentError, StepError, TransientError

ANSWER_S = 10.0
"""How long a server may take for one answer."""
WHOLE_S = 60.0
"""When a session takes no further message: well before an actor's time limit."""
REST_S = 15.0
"""How long a server that couldn't be reached is left alone."""

RELAY, SUBMISSION, SUBMISSIONS = 25, 587, 465
"""Ports: RFC 5321 without a user, RFC 6409 with one, RFC 8314 for TLS from the first byte."""

_CLOSING = 421
_STATUS = re.compile(rb"\b[245]\.\d{1,3}\.\d{1,3}\b")


@dataclass(slots=True)
class _Rest:
    """What ended the last connection that failed, and until when that holds for everybody."""

    until: float = 0.0
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Smtp:
    """One mail server. ``encrypted`` is TLS from the first byte; else STARTTLS is used where it is offered.
    ``name`` is what dxflow calls itself; ``trust`` who vouches for certificates, None for whom the system
    trusts."""

    host: str
    port: int
    encrypted: bool
    name: str
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    trust: ssl.SSLContext | None = None
    answer_s: float = ANSWER_S
    whole_s: float = WHOLE_S
    rest_s: float = REST_S
    _rest: _Rest = field(default_factory=_Rest, repr=False, compare=False)

    @classmethod
    def at(cls, url: str, sender: str, **more: Any) -> Smtp:
        """The server of a checked address (``config/addresses.py``), for mail from this sender."""
        parts = urlsplit(url)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        encrypted = parts.scheme == "smtps"
        usual = SUBMISSIONS if encrypted else SUBMISSION if user else RELAY
        name = sender.rpartition("@")[2]
        return cls(parts.hostname or "", parts.port or usual, encrypted, name, user, password, **more)

    @contextmanager
    def session(self) -> Iterator[Conversation]:
        """A connection for some messages, made with the first one."""
        now = time.monotonic()
        resting = TransientError(self._rest.fault) if now < self._rest.until else None
        conversation = Conversation(self, now + self.whole_s, _over=resting)
        try:
            yield conversation
        finally:
            conversation.end()

    def reach(self) -> None:
        """Whether it answers and lets dxflow in; nothing is sent. Raises TransientError, PermanentError."""
        with self.session() as conversation:
            conversation.begin()

    def rest(self, fault: StepError) -> None:
        """Leave the server alone for a while."""
        self._rest.fault, self._rest.until = str(fault), time.monotonic() + self.rest_s

    def connect(self) -> smtplib.SMTP:
        """Greeted, encrypted and signed in as far as that goes. Raises what smtplib raises, PermanentError for
        a password that would travel in the clear."""
        trust = self.trust or _system_trust()
        if self.encrypted:
            line: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, self.name, timeout=self.answer_s, context=trust
            )
        else:
            line = smtplib.SMTP(self.host, self.port, self.name, timeout=self.answer_s)
        try:
            self._introduce(line, trust)
        except BaseException:
            line.close()
            raise
        return line

    def _introduce(self, line: smtplib.SMTP, trust: ssl.SSLContext) -> None:
        line.ehlo_or_helo_if_needed()
        private = self.encrypted
        if not private and line.has_extn("starttls"):
            code, text = line.starttls(context=trust)
            if code != 220:  # it said that it could
                raise smtplib.SMTPResponseException(code, text)
            line.ehlo()
            private = True
        if not self.user:
            return
        if not private and not is_loopback(self.host):
            raise PermanentError(
                "the mail server offers no TLS, and the password of DXFLOW_SMTP_URL isn't sent in the clear"
            )
        self._sign_in(line)

    def _sign_in(self, line: smtplib.SMTP) -> None:
        """smtplib knows ASCII alone; RFC 4616 has UTF-8 in PLAIN."""
        if f"{self.user}{self.password}".isascii():
            line.login(self.user, self.password)
            return
        if not line.has_extn("auth"):
            raise smtplib.SMTPNotSupportedError
        both = base64.b64encode(f"\0{self.user}\0{self.password}".encode()).decode()
        code, text = line.docmd("AUTH", f"PLAIN {both}")
        if code != 235:
            raise smtplib.SMTPAuthenticationError(code, text)


@dataclass(slots=True)
class Conversation:
    """One session. Not for two threads."""

    server: Smtp
    until: float
    _line: smtplib.SMTP | None = None
    _over: StepError | None = None
    """What ended it: nothing more is tried."""

    def send(self, message: EmailMessage) -> None:
        """Hand one over. Raises TransientError, PermanentError."""
        if self._over is None and time.monotonic() > self.until:
            self._over = TransientError("the mail server is too slow for all that waited together")
        if self._over is not None:
            raise type(self._over)(str(self._over))
        line = self.begin()
        try:
            line.send_message(message)
        except (smtplib.SMTPException, OSError) as error:
            raise self._fault_of(error) from None

    def begin(self) -> smtplib.SMTP:
        """The connection, made if there is none. Raises TransientError, PermanentError."""
        if self._line is None:
            self._line = self._open()
        return self._line

    def end(self) -> None:
        """Say good-bye; whether that is heard doesn't matter."""
        line, self._line = self._line, None
        if line is not None:
            with suppress(smtplib.SMTPException, OSError):
                line.quit()
            line.close()

    def _open(self) -> smtplib.SMTP:
        try:
            return self.server.connect()
        except PermanentError as error:
            self._over = error
            raise
        except (smtplib.SMTPException, OSError) as error:
            raise self._ended(_connection_fault(error, self.server.answer_s)) from None

    def _fault_of(self, error: Exception) -> StepError:
        """What became of this message. A connection that is gone is made anew for the next one, unless the
        server asked to be left alone or says nothing any more."""
        fault = _message_fault(error)
        if fault is not None:
            return fault
        fault = _connection_fault(error, self.server.answer_s)
        if self._line is not None:
            self._line.close()
        self._line = None
        return self._ended(fault) if _timed_out(error) or _code(error) == _CLOSING else fault

    def _ended(self, fault: StepError) -> StepError:
        """Nothing more is tried, here or elsewhere."""
        self._over = fault
        self.server.rest(fault)
        return fault


def _message_fault(error: Exception) -> StepError | None:
    """What the server has against this message alone; None where the connection is at fault."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            what = "refused the recipient"
        case smtplib.SMTPSenderRefused():
            what = "refused the sender, see DXFLOW_MAIL_FROM"
        case smtplib.SMTPDataError():
            what = "refused the message"
        case smtplib.SMTPNotSupportedError():
            return PermanentError("the mail server takes no addresses beyond ASCII (RFC 6531)")
        case _:
            return None
    code = _code(error)
    if code == _CLOSING:
        return None
    text = f"the mail server {what} ({_answer(error)})"
    return PermanentError(text) if 500 <= code < 600 else TransientError(text)


def _connection_fault(error: Exception, answer_s: float) -> TransientError:
    if _timed_out(error):
        said = f"didn't answer within {answer_s:g} s"
    elif isinstance(error, smtplib.SMTPAuthenticationError):
        said = f"refused the user or the password of DXFLOW_SMTP_URL ({_answer(error)})"
    elif isinstance(error, smtplib.SMTPNotSupportedError):
        said = "offers no way to sign in, and DXFLOW_SMTP_URL names a user"
    elif isinstance(error, smtplib.SMTPServerDisconnected):
        said = "closed the connection"
    elif isinstance(error, smtplib.SMTPResponseException | smtplib.SMTPRecipientsRefused):
        said = f"is not ready ({_answer(error)})"
    elif isinstance(error, smtplib.SMTPException):
        said = "answers what isn't SMTP"
    elif isinstance(error, ssl.SSLCertVerificationError):
        said = "shows a certificate that isn't trusted"
    else:
        said = "can't be reached"
    return TransientError(f"the mail server {said}")


def _timed_out(error: Exception) -> bool:
    """smtplib makes a timeout while reading a SMTPServerDisconnected."""
    return isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)


def _reply(error: Exception) -> tuple[int, bytes]:
    said: bytes | str
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(error.recipients.values()))
    elif isinstance(error, smtplib.SMTPResponseException):
        code, said = error.smtp_code, error.smtp_error
    else:
        return 0, b""
    return code, said if isinstance(said, bytes) else said.encode("utf-8", "replace")


def _code(error: Exception) -> int:
    return _reply(error)[0]


def _answer(error: Exception) -> str:
    """``550 5.1.1``: the code and the enhanced one, without the server's words."""
    code, text = _reply(error)
    found = _STATUS.search(text)
    return f"{code} {found.group().decode()}" if found else str(code)


@lru_cache(maxsize=1)
def _system_trust() -> ssl.SSLContext:
    """Made once: reading the system's authorities takes longer than a call."""
    return ssl.create_default_context()
