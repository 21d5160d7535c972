"""``/api/v1/messages`` and ``/api/v1/rights-requests/{id}/checks``: what people were told, and how they were
asked who they are. Lists name nobody; one message that wasn't sent yet shows what it says, and to whom."""

from __future__ import annotations

from typing import Literal

from ...engine.access.roles import Permission
from ...engine.desk import checks
from ...engine.desk import messages as service
from ...engine.services.rights import requests
from ...engine.store import models
from .operation import Call, Operation, get, post
from .values import Id, Listed, Moment, Nothing, Optional, Shape


class Message(Shape):
    """A message: pending, sent, unsent (there is no mail server) or withdrawn."""

    id: Id
    request_id: Id | None
    kind: str
    language: str
    state: str
    created_at: Moment
    sent_at: Moment | None


class MessageList(Listed[Message]):
    """All messages about a request, oldest first, on one page."""


class MessageRecord(Message):
    """What it says and to whom; null once that is forgotten, and for what is its receiver's alone."""

    to: str | None
    subject: str | None
    text: str | None


class Check(Shape):
    """A code and link: open until it is passed, another one ends it, or it expires. ``channel`` is ``none``
    where there was nowhere to send it."""

    id: Id
    purpose: str
    channel: str
    on_file: bool
    failures: int
    sent_at: Moment
    expires_at: Moment
    passed_at: Moment | None
    ended_at: Moment | None


class CheckList(Listed[Check]):
    """All checks of a request, oldest first, on one page."""


class NewCheck(Optional):
    """What it shall open: that the request is its sender's (verify), or that a package is handed over
    (release)."""

    purpose: Literal["verify", "release"] = "verify"
    channel: Literal["email"] = "email"


class CheckSent(Shape):
    """Until when the code holds; whether there was anybody to send it to, the list of checks says."""

    expires_at: Moment


def of_request(call: Call[Nothing, Nothing]) -> MessageList:
    """Those about one request."""
    request = requests.get(call.tenant_id, call.id)
    items = [_message(row) for row in service.listing(call.tenant_id, request.id)]
    return MessageList(items=items, next_cursor=None)


def show(call: Call[Nothing, Nothing]) -> MessageRecord:
    """One, in the clear as long as it is kept; the look is an audit entry."""
    row = service.get(call.tenant_id, call.id)
    letter = service.read(call.core, call.tenant_id, row.id, call.caller.actor)
    said = {name: getattr(letter, name, None) for name in ("to", "subject", "text")}
    return MessageRecord.model_validate({**_message(row).model_dump(), **said})


def send(call: Call[Nothing, Nothing]) -> Message:
    """Put one that couldn't be sent on its way."""
    return _message(service.send_after_all(call.core, call.tenant_id, call.id, call.caller.actor))


def withdraw(call: Call[Nothing, Nothing]) -> Message:
    """Forget one that wasn't sent."""
    return _message(service.withdraw(call.core, call.tenant_id, call.id, call.caller.actor))


def checks_of(call: Call[Nothing, Nothing]) -> CheckList:
    """Those of one request."""
    request = requests.get(call.tenant_id, call.id)
    rows = checks.listing(call.tenant_id, request.id)
    items = [Check.model_validate({name: getattr(row, name) for name in Check.model_fields}) for row in rows]
    return CheckList(items=items, next_cursor=None)


def send_check(call: Call[Nothing, NewCheck]) -> CheckSent:
    """Send a code."""
    wanted = call.body
    until = checks.send(
        call.core, call.tenant_id, call.id, call.caller.actor, wanted.channel, purpose=wanted.purpose
    )
    return CheckSent(expires_at=until)


def _message(row: models.Message) -> Message:
    return Message.model_validate({name: getattr(row, name) for name in Message.model_fields})


OPERATIONS: tuple[Operation, ...] = (
    get(
        "/rights-requests/{id}/messages", Permission.LOOK, of_request, "List what was told about a request",
        query=Nothing, answer=MessageList,
    ),
    get(
        "/messages/{id}", Permission.READ_PEOPLE, show, "Show a message that wasn't sent yet",
        query=Nothing, answer=MessageRecord,
    ),
    post(
        "/messages/{id}/send", Permission.HANDLE_REQUESTS, send, "Send a message after all",
        body=Nothing, answer=Message,
    ),
    post(
        "/messages/{id}/withdraw", Permission.HANDLE_REQUESTS, withdraw, "Withdraw a message",
        body=Nothing, answer=Message,
    ),
    get(
        "/rights-requests/{id}/checks", Permission.LOOK, checks_of, "List the checks of who asks",
        query=Nothing, answer=CheckList,
    ),
    post(
        # What is counted must stand whatever follows, so it can't share a transaction.
        "/rights-requests/{id}/checks", Permission.HANDLE_REQUESTS, send_check, "Send a code to who asks",
        body=NewCheck, answer=CheckSent, atomic=False,
    ),
)  # fmt: skip
