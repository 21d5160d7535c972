"""How mail leaves the house: what a core knows of it. The transport itself is in ``mail/smtp.py``."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Protocol


class Session(Protocol):
    """A connection to a mail server, for as many messages as there are."""

    def send(self, message: EmailMessage) -> None:
        """Hand one over. Raises TransientError, and PermanentError where trying again can't help."""


class Transport(Protocol):
    """Opens sessions; nothing is connected before the first message of one."""

    def session(self) -> AbstractContextManager[Session]:
        """One at a time for each thread."""


@dataclass(frozen=True, slots=True)
class Post:
    """``transport`` is None where DXFLOW_SMTP_URL isn't set; ``sender`` is the bare address that mail comes
    from, ``public_url`` what links in it begin with."""

    transport: Transport | None = None
    sender: str = "dxflow@localhost"
    public_url: str = "http://127.0.0.1:8000"

    @property
    def domain(self) -> str:
        """The sender's, which also names messages (RFC 5322 section 3.6.4)."""
        return self.sender.rpartition("@")[2]


UNSET = Post()
"""An installation that sends no mail."""
