"""What may be done with a request, as one table.

An offer names its act, what it is called, and what has to be said with it. Pages draw their forms from it, and
``request_acts`` takes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ....engine.desk import actions, answering, checks, matching, moves
from ....engine.errors import Invalid
from ....engine.fulfilment import limiting, package, rectifying
from ....engine.rights.regimes import REGIMES
from ....engine.rights.types import RequestType
from ....engine.store import models
from .. import words


@dataclass(frozen=True, slots=True)
class Field:
    """Something that is said with an act: a choice where there are options, else a text."""

    name: str
    label: str
    hint: str = ""
    options: Mapping[str, str] | None = None
    required: bool = True


@dataclass(frozen=True, slots=True)
class Offer:
    """An act: ``do`` gets what ``fields`` gave, in their order. ``tone`` is main or danger, ``letter`` the kind
    of message that the person gets."""

    act: str
    label: str
    do: Callable[..., object]
    fields: tuple[Field, ...] = ()
    tone: str = ""
    explained: str = ""
    letter: str = ""


def _step(act: str) -> Callable[..., models.RightsRequest]:
    def do(core: Any, tenant_id: str, request_id: str, actor: str) -> models.RightsRequest:
        return actions.step(core, tenant_id, request_id, actor, act)

    return do


_TO_PERSON = "The person reads this."
_RECORD = "Kept sealed with the request; the log only commits to it."
_WHY = Field("reason", "Why?", _RECORD)
_TOLD = Field(
    "told_otherwise",
    "How were they told otherwise?",
    "Only where no message reaches the person. " + _RECORD,
    required=False,
)


OFFERS: tuple[Offer, ...] = (
    Offer(
        "send_code",
        "Send a code to prove who asks",
        checks.send,
        tone="main",
        explained="A code of six digits goes to the address on file from before the request. It lives ten "
        "minutes, and the person enters it on the page of their request. Nobody here ever asks for it.",
    ),
    Offer(
        "verify",
        "Identity is proven",
        actions.verify,
        (Field("reason", "What convinced you?", _RECORD),),
        "",
        "Use this when you know the person by other means than a code sent to them.",
    ),
    Offer(
        "match",
        "Say whom it is about",
        matching.match,
        (Field("subject_id", "Id of the person on file"),),
        "",
        "What proved who asks proved it of somebody else: unless an officer vouched, it is proven anew.",
    ),
    Offer("collect", "Gather the data", _step("collect"), tone="main"),
    Offer("review", "Ready for review", _step("review"), tone="main"),
    Offer(
        "respond",
        "Send the answer",
        answering.respond,
        (
            Field(
                "decision",
                "The request is",
                options={"fulfilled": "fulfilled", "partly": "fulfilled in part"},
            ),
            Field("message", "Message", _TO_PERSON, required=False),
            _TOLD,
        ),
        "main",
        letter="fulfilled",
    ),
    Offer("complete", "Close: all is done", actions.complete, tone="main"),
    Offer("resume", "The person answered: go on", actions.resume, tone="main"),
    Offer(
        "hold",
        "Wait for the person",
        actions.hold,
        (
            Field(
                "reason",
                "What for?",
                options={"clarification": "a clarification", "identity": "proof of identity", "fee": "a fee"},
            ),
            Field("question", "Question", _TO_PERSON, required=False),
            _TOLD,
        ),
        letter="clarification",
    ),
    Offer(
        "extend",
        "Extend the deadline",
        actions.extend,
        (Field("reason", "Why?", _TO_PERSON), _TOLD),
        letter="extension",
    ),
    Offer("acknowledge", "Receipt was confirmed otherwise", actions.acknowledge),
    Offer(
        "mark_duplicate",
        "Mark as a duplicate",
        actions.mark_duplicate,
        (Field("of", "Id of the earlier request"),),
    ),
    Offer(
        "reject",
        "Deny",
        actions.reject,
        (
            Field("reason", "Why?", options=words.DENIALS),
            Field(
                "explanation", "Explanation", _TO_PERSON + " The right to complain is added.", required=False
            ),
            _TOLD,
        ),
        "danger",
        letter="denial",
    ),
    Offer("cancel", "The person took it back", actions.cancel, tone="danger", letter="cancelled"),
    Offer("reopen", "Begin anew", actions.reopen, (_WHY,)),
)


def _rectify(core: Any, tenant_id: str, request_id: str, actor: str, *texts: str) -> object:
    given = zip(("email", "phone", "name"), texts, strict=True)
    changes = {name: text for name, text in given if text}
    if not changes:
        raise Invalid("changes", "say what is to be put right")
    return rectifying.rectify(core, tenant_id, request_id, actor, changes)


def _fulfil(core: Any, tenant_id: str, request_id: str, actor: str, purposes: str) -> object:
    named = [one.strip() for one in purposes.split(",") if one.strip()]
    return limiting.fulfil(core, tenant_id, request_id, actor, named)


FULFILLING: tuple[tuple[tuple[str, ...], Offer], ...] = (
    (
        ("access", "access_categories", "portability"),
        Offer(
            "package",
            "Make the package",
            package.make,
            explained="All that is kept about the person, encrypted. "
            "They fetch it with a code once the answer is sent.",
        ),
    ),
    (
        ("rectification",),
        Offer(
            "rectify",
            "Put it right",
            _rectify,
            (
                Field("email", "E-mail", required=False),
                Field("phone", "Telephone", required=False),
                Field("name", "Name", required=False),
            ),
            explained="What stays blank stays as it is. Recipients are told.",
        ),
    ),
    (
        limiting.TYPES,
        Offer(
            "fulfil",
            "Put it in force",
            _fulfil,
            (Field("purposes", "Purposes", "Separated by commas; blank means all.", required=False),),
        ),
    ),
)
"""What answers a right by itself, by the types of request."""
ANSWERS = tuple(offer.act for _, offer in FULFILLING)
_WORKED_ON = ("data_collection", "review")
_BY_ERASURE = ("collect", "review", "respond")
"""What an erasure does by itself once it is approved: there these aren't the next thing to do."""
BULK = ("acknowledge", "send_code", "verify", "collect", "review", "extend", "complete", "reject")
"""What makes sense for many requests at once: nothing that speaks of one person alone."""


class Blank(ValueError):
    """Raised when a form leaves out what has to be said; its text is a sentence for whoever filled it in."""


def _fulfilling(request: models.RightsRequest) -> list[Offer]:
    if request.state not in _WORKED_ON or request.verified_at is None:
        return []
    return [offer for types, offer in FULFILLING if request.type in types]


def offers(request: models.RightsRequest) -> list[Offer]:
    """What can be done with the request as it stands."""
    allowed = set(moves.allowed(request))
    open_still = request.closed_at is None
    if open_still and request.acknowledged_at is None:
        allowed.add("acknowledge")
    if open_still and request.verified_at is None:
        allowed.add("send_code")
    if open_still and request.responded_at is None:
        allowed.add("match")
    extensible = REGIMES[request.regime].extension is not None and request.extended_at is None
    if open_still and extensible and request.responded_at is None:
        allowed.add("extend")
    found = [*_fulfilling(request), *(offer for offer in OFFERS if offer.act in allowed)]
    if request.type != RequestType.ERASURE:
        return found
    return [replace(one, tone="") if one.act in _BY_ERASURE else one for one in found]


def said(offer: Offer, form: Mapping[str, str]) -> list[str]:
    """What a form says with an act, in the order of its fields. Raises Blank for what is missing."""
    given = [form.get(field.name, "").strip() for field in offer.fields]
    for field, text in zip(offer.fields, given, strict=True):
        if field.required and not text:
            raise Blank(f"“{field.label}” is still blank.")
    return given


def named(act: str) -> Offer | None:
    """The offer of this act."""
    every = (*OFFERS, *(offer for _, offer in FULFILLING))
    return next((offer for offer in every if offer.act == act), None)
