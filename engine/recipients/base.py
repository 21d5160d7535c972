"""What all recipients share: how they are called, whom a call is about, and what they answered.

The rule: an answer is believed for what the platform's contract says it means, and nothing else. No text of a
platform's gets into a receipt or an error: it may quote the person.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .. import moments
from ..calling import Reply
from ..errors import PermanentError, TransientError
from ..moments import Clock
from ..outgoing import Outgoing

_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,60}")


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a call is about. ``ids`` are the platform's own; ``changes`` what a rectification says: ``email``,
    ``phone``, ``name``."""

    ids: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    """Audiences, where the platform keeps people by them (Mailchimp)."""
    changes: Mapping[str, str] = field(default_factory=dict)

    @property
    def nobody(self) -> bool:
        """Whether it names nobody: a list, or what is to change, is no person."""
        return not (self.ids or self.emails or self.phones)

    def to_bytes(self) -> bytes:
        """As it is sealed."""
        told = {"ids": self.ids, "emails": self.emails, "phones": self.phones, "lists": self.lists}
        return json.dumps({**told, "changes": dict(self.changes)}, ensure_ascii=False).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Target:
        """What ``to_bytes`` made; members that a version doesn't know are left out."""
        told: dict[str, Any] = json.loads(raw)
        lists = {name: tuple(told.get(name, ())) for name in ("ids", "emails", "phones", "lists")}
        return cls(**lists, changes=told.get("changes", {}))


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a platform answered, without anybody's data. ``status`` is ``done``, ``gone`` (it was so before) or
    ``asked`` (it will do it). ``references`` are its own ids of what it did (a job), ``counts`` how many
    customers, members or orders. ``remains`` is what it keeps, ``why`` and ``until`` when (None: nobody says).
    """

    status: str
    at: datetime
    references: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    remains: str | None = None
    why: str | None = None
    until: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """As it is stored and certified."""
        told = {"status": self.status, "at": moments.to_text(self.at), "references": list(self.references)}
        until = {"until": moments.to_text(self.until)} if self.until else {}
        kept = {"remains": self.remains, "why": self.why, **until} if self.remains else {}
        return {**told, "counts": dict(self.counts), **kept}


@dataclass(frozen=True, slots=True)
class Later:
    """The rest isn't possible before ``not_before``; ``receipt`` says what was done, what remains and why."""

    receipt: Receipt
    not_before: datetime


@dataclass(frozen=True, slots=True)
class Api:
    """One connector's API. ``reference`` names the wish it is called for, the same for every attempt."""

    outgoing: Outgoing
    clock: Clock
    platform: str
    base_url: str
    credentials: Mapping[str, str] = field(repr=False)
    reference: str = ""
    before: Mapping[str, Any] = field(default_factory=dict)
    """What the platform answered the last time, as ``Receipt.as_json`` has it."""

    def secret(self, name: str) -> str:
        """A credential. Raises PermanentError where it is missing."""
        value = self.credentials.get(name, "")
        if not value:
            raise PermanentError(
                f"{self.platform}: the credential {name} isn't set (dxflow connector api set)"
            )
        return value

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        wish: Mapping[str, Any] | None = None,
        credential: str,
    ) -> Reply:
        """One call, with bytes or with a JSON document (``wish``). What means the same everywhere is decided
        here: raises PermanentError for a refused ``credential`` and for a redirect, TransientError for too many
        calls and a server's fault."""
        url = self.base_url.rstrip("/") + path
        if wish is not None:
            headers = {**headers, "Content-Type": "application/json"}
            body = json.dumps(wish, separators=(",", ":")).encode()
        reply = self.outgoing.call(f"{self.platform}'s API", method, url, body, headers)
        if reply.status in (401, 403):
            raise PermanentError(
                f"{self.platform} refuses the credential {credential} (HTTP {reply.status}): it is wrong, was "
                "revoked, or lacks a permission"
            )
        if reply.status in (408, 425, 429) or (reply.status >= 500 and reply.status != 501):
            raise TransientError(f"{self.platform}'s API answers HTTP {reply.status}", reply.retry_after)
        if 300 <= reply.status < 400:
            raise PermanentError(f"{self.platform}'s API answers with a redirect: its address isn't this one")
        return reply

    def unexpected(self, reply: Reply, code: object = None) -> PermanentError:
        """An answer that its contract has no meaning for."""
        named = f" ({code})" if isinstance(code, str) and _CODE.fullmatch(code) else ""
        return PermanentError(f"{self.platform}'s API answers HTTP {reply.status}{named}")

    def json(self, reply: Reply) -> dict[str, Any]:
        """The object of a good answer. Raises TransientError for anything else: a page of a proxy, or of
        somebody's maintenance, goes by."""
        found = reply.document
        if not found:
            raise TransientError(f"{self.platform}'s API answers HTTP {reply.status} without its JSON object")
        return found

    def rows(self, reply: Reply) -> list[dict[str, Any]]:
        """The list of objects of a good answer. Raises TransientError for anything else."""
        try:
            found = json.loads(reply.body)
        except ValueError:
            found = None
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise TransientError(f"{self.platform}'s API answers HTTP {reply.status} without its JSON list")
        return found

    def receipt(self, status: str, **told: Any) -> Receipt:
        """A receipt of this moment."""
        return Receipt(status, self.clock(), **told)


def basic(user: str, password: str) -> dict[str, str]:
    """HTTP Basic (RFC 7617)."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def tally(statuses: Sequence[str]) -> dict[str, int]:
    """How many of each."""
    return {one: statuses.count(one) for one in dict.fromkeys(statuses)}


def whole(api: Api, statuses: Sequence[str], **told: Any) -> Receipt:
    """One receipt for several ids: ``gone`` where all of them were. Raises PermanentError where there was none
    to ask about: what wasn't asked is no answer."""
    if not statuses:
        raise PermanentError(
            f"{api.platform}: as whom the person is known there is missing, so nothing was asked"
        )
    gone = all(one == "gone" for one in statuses)
    return api.receipt("gone" if gone else "done", counts=tally(statuses), **told)


Verb = Callable[[Api, Target], Receipt | Later]
SetConsent = Callable[[Api, Target, str, str, datetime], Receipt]


@dataclass(frozen=True, slots=True)
class Recipient:
    """A platform's verbs; None where it has none. ``needs`` names its credentials, ``channels`` those whose
    consent it keeps, ``delay`` is how long an erasure takes, as a plan says it."""

    name: str
    needs: tuple[str, ...]
    check: Callable[[Api], None]
    erase: Verb
    rectify: Verb
    restrict: Verb | None
    set_consent: SetConsent | None
    channels: frozenset[str]
    delay: str
    keeps: str
    """What it keeps after an erasure, and why."""

    def verb(self, kind: str) -> Verb | None:
        """``erase``, ``rectify`` or ``restrict``; None for what the platform can't do."""
        verbs: dict[str, Verb | None] = {
            "erase": self.erase,
            "rectify": self.rectify,
            "restrict": self.restrict,
        }
        return verbs.get(kind)


def named(name: str) -> tuple[str, str]:
    """A full name as (first, last): all but the last word, and the last."""
    first, _, last = name.strip().rpartition(" ")
    return (first, last) if first else (last, "")


__all__ = [
    "Api",
    "Later",
    "Receipt",
    "Recipient",
    "SetConsent",
    "Target",
    "Verb",
    "basic",
    "named",
    "tally",
    "whole",
]
