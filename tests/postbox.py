"""A post that keeps what it is given, for tests that are about what is said and not about how it travels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.message import EmailMessage

from flow import drain

from dxflow.engine.core import Core
from dxflow.engine.post import Post

_CODE = re.compile(r"^ +([0-9]{6})$", re.MULTILINE)
_LINK = re.compile(r"^(https?://\S+)$", re.MULTILINE)


@dataclass
class Postbox:
    """Everything that was sent, oldest first."""

    sent: list[EmailMessage] = field(default_factory=list)

    @contextmanager
    def session(self) -> Iterator[Postbox]:
        yield self

    def send(self, message: EmailMessage) -> None:
        self.sent.append(message)

    def to(self, address: str, subject: str = "") -> list[str]:
        """The texts that went there."""
        mine = [one for one in self.sent if one["To"] == address and subject in str(one["Subject"])]
        return [str(one.get_content()) for one in mine]

    def code(self, core: Core, address: str) -> str:
        """The newest code that went there."""
        return self._newest(core, address, _CODE)

    def token(self, core: Core, address: str) -> str:
        """The newest link that went there, its last part."""
        return re.split("[/=]", self._newest(core, address, _LINK))[-1]

    def codes(self, core: Core) -> list[str]:
        """Every address that a code went to."""
        drain(core)
        return [str(one["To"]) for one in self.sent if _CODE.search(str(one.get_content()))]

    def _newest(self, core: Core, address: str, wanted: re.Pattern[str]) -> str:
        drain(core)
        found = [match[1] for text in self.to(address, "code") for match in wanted.finditer(text)]
        assert found, f"nothing went to {address}"
        return str(found[-1])


def with_post(core: Core, box: Postbox) -> Core:
    """The core, with this for its post."""
    return replace(core, post=Post(box, "privacy@acme.example", "https://edge.example"))
