"""``/api/v1/rights-requests/{id}/actions/…``: what the desk does with a request, each act its own route."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from ...engine.access.roles import Permission
from ...engine.desk import actions, answering, matching, texts
from ...engine.rights.types import DenialReason
from ...engine.store import models
from .operation import Call, Operation, post
from .requests import RightsRequest, shaped
from .values import Id, Nothing, Shape

_NOT_BLANK = r"^[^\u0000]*[^\u0000\s][^\u0000]*$"


def _not_blank(text: str) -> str:
    if "\0" in text or not text.strip():
        raise ValueError("must not be blank or contain NUL")
    return text


Told = Annotated[
    str,
    Field(min_length=1, max_length=texts.LONGEST, json_schema_extra={"pattern": _NOT_BLANK}),
    AfterValidator(_not_blank),
]
"""What somebody writes for a person or for the record; never blank."""
Asked = Literal["identity", "clarification", "fee"]
Answered = Literal["fulfilled", "partly"]


class Reason(Shape):
    """Why; the log only commits to it."""

    reason: Told


class Extension(Shape):
    """Why; the person is told. ``told_otherwise`` says how, where no message reaches them."""

    reason: Told
    told_otherwise: Told | None = None


class Hold(Shape):
    """What is awaited from the person, and the question that is sent to them."""

    reason: Asked
    question: Told | None = None
    told_otherwise: Told | None = None


class Answer(Shape):
    """How the request was answered; the message goes to the person. ``told_otherwise``: how they got what they
    asked for where no mail of dxflow's reaches them."""

    decision: Answered
    message: Told | None = None
    told_otherwise: Told | None = None


class Denial(Shape):
    """A reason from the Data Rights Protocol's list; the explanation goes to the person."""

    reason: DenialReason
    explanation: Told | None = None
    told_otherwise: Told | None = None


class About(Shape):
    """Whom the request is about."""

    subject_id: Id


class Original(Shape):
    """The earlier request."""

    of: Id


Act = Callable[..., models.RightsRequest]


def _plain(act: Act) -> Callable[[Call[Nothing, Nothing]], RightsRequest]:
    def handle(call: Call[Nothing, Nothing]) -> RightsRequest:
        return shaped(act(call.core, call.tenant_id, call.id, call.caller.actor))

    return _named(handle, act)


def _reasoned(act: Act) -> Callable[[Call[Nothing, Reason]], RightsRequest]:
    def handle(call: Call[Nothing, Reason]) -> RightsRequest:
        return shaped(act(call.core, call.tenant_id, call.id, call.caller.actor, call.body.reason))

    return _named(handle, act)


def _named(handle: Callable[..., RightsRequest], act: Act) -> Callable[..., RightsRequest]:
    """Each handler has a name of its own, which generated clients use."""
    handle.__name__ = act.__name__
    return handle


def collect(call: Call[Nothing, Nothing]) -> RightsRequest:
    """Begin to gather."""
    return shaped(actions.step(call.core, call.tenant_id, call.id, call.caller.actor, "collect"))


def review(call: Call[Nothing, Nothing]) -> RightsRequest:
    """All is gathered."""
    return shaped(actions.step(call.core, call.tenant_id, call.id, call.caller.actor, "review"))


def hold(call: Call[Nothing, Hold]) -> RightsRequest:
    """Wait for the person."""
    body = call.body
    return _told(call, actions.hold, body.reason, body.question, body.told_otherwise)


def extend(call: Call[Nothing, Extension]) -> RightsRequest:
    """Take the extension."""
    return _told(call, actions.extend, call.body.reason, call.body.told_otherwise)


def respond(call: Call[Nothing, Answer]) -> RightsRequest:
    """Send the answer."""
    body = call.body
    return _told(call, answering.respond, body.decision, body.message, body.told_otherwise)


def reject(call: Call[Nothing, Denial]) -> RightsRequest:
    """Deny."""
    body = call.body
    return _told(call, actions.reject, body.reason, body.explanation, body.told_otherwise)


def _told(call: Call[Nothing, Any], act: Act, *texts: str | None) -> RightsRequest:
    """An act that the person is told of; what wasn't said is empty."""
    said = (text or "" for text in texts)
    return shaped(act(call.core, call.tenant_id, call.id, call.caller.actor, *said))


def match(call: Call[Nothing, About]) -> RightsRequest:
    """Whom it is about."""
    return shaped(matching.match(call.core, call.tenant_id, call.id, call.caller.actor, call.body.subject_id))


def mark_duplicate(call: Call[Nothing, Original]) -> RightsRequest:
    """It repeats an earlier one."""
    return shaped(actions.mark_duplicate(call.core, call.tenant_id, call.id, call.caller.actor, call.body.of))


def _act(name: str, handler: Callable[..., RightsRequest], summary: str, body: type[Shape]) -> Operation:
    path = f"/rights-requests/{{id}}/actions/{name}"
    return post(path, Permission.HANDLE_REQUESTS, handler, summary, body=body, answer=RightsRequest)


OPERATIONS: tuple[Operation, ...] = (
    _act("acknowledge", _plain(actions.acknowledge), "Note that receipt was confirmed", Nothing),
    _act("match", match, "Say whom a request is about", About),
    _act("verify", _reasoned(actions.verify), "Note that the person proved who they are", Reason),
    _act("collect", collect, "Begin to gather the data", Nothing),
    _act("review", review, "Hand what was gathered over for review", Nothing),
    _act("hold", hold, "Wait for the person", Hold),
    _act("resume", _plain(actions.resume), "Go on: the person answered", Nothing),
    _act("extend", extend, "Take the extension, and tell the person why", Extension),
    _act("respond", respond, "Send the answer", Answer),
    _act("reject", reject, "Deny the request", Denial),
    _act("complete", _plain(actions.complete), "Close the request: all is done", Nothing),
    _act("cancel", _plain(actions.cancel), "End a request that the person took back", Nothing),
    _act("reopen", _reasoned(actions.reopen), "Begin anew what was ended in error", Reason),
    _act("mark-duplicate", mark_duplicate, "Mark a request as a repetition of an earlier one", Original),
)
