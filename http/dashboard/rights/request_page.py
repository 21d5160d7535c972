"""One request as a page: where it stands and what comes next, what it brings about, who asked, what was done.

It takes a fixed number of queries, however much there is to show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from ....engine.access.roles import Permission
from ....engine.desk import checks, dry_run, messages, queue
from ....engine.fulfilment import handover, package
from ....engine.mail import catalogue
from ....engine.mail.letter import Letter
from ....engine.rights import deadlines, following, proof, reaching
from ....engine.rights.types import RequestType
from ....engine.store import models
from .. import numbers
from ..answers import Page
from ..screens import Visit
from . import erasures, request_offers, request_record
from .request_offers import Offer


def page(
    visit: Visit,
    request: models.RightsRequest,
    *,
    revealed: Mapping[str, object] | None = None,
    letter: tuple[str, Letter | None] | None = None,
    refusal: str = "",
) -> Page:
    """``revealed`` is who asked, in the clear; ``letter`` a message's id and what it says; ``refusal`` why what
    a form asked for wasn't done."""
    brought = _brought_about(visit, request)
    offers = _offers(visit, request, brought)
    record = request_record.of(visit.core, visit.tenant_id, request.id, visit.signed.actor, visit.now)
    values = {
        "request": request,
        "refusal": refusal,
        "revealed": revealed,
        "letter": letter,
        "chosen": visit.form,
        "live": not refusal and revealed is None and letter is None,
        "record": record,
        "ending": request_record.ending(record) if request.responded_at or request.closed_at else None,
        **_standing(visit, request),
        **_offered(visit, request, offers),
        **brought,
        **_person(visit, request),
    }
    return Page("rights/request.html", values, 422 if refusal else 200)


def _offers(visit: Visit, request: models.RightsRequest, brought: Mapping[str, Any]) -> list[Offer]:
    """What this person may do. What answers the right by itself comes before review, and closing isn't next
    while a recipient still owes something."""
    if not visit.may(Permission.HANDLE_REQUESTS):
        return []
    found = request_offers.offers(request)
    owed = any(one.finished_at is None for one in brought["obligations"])
    undone = request.fulfilled_at is None and brought["package"] is None
    answers = [one.act for one in found if one.act in request_offers.ANSWERS] if undone else []
    tones = dict.fromkeys(answers, "main") | ({"review": ""} if answers else {})
    tones |= {"complete": ""} if owed else {}
    return [replace(one, tone=tones.get(one.act, one.tone)) for one in found]


def _standing(visit: Visit, request: models.RightsRequest) -> dict[str, Any]:
    """The clock."""
    today = queue.today(visit.tenant_id, visit.now)
    due = request.due
    return {
        "today": today,
        "closed": request.closed_at is not None,
        "over": numbers.CLOSED,
        "overdue": due is not None and due < today and request.state != numbers.ANSWERED,
        "left": (date.fromisoformat(due) - date.fromisoformat(today)).days if due else None,
        "due_soon": numbers.DUE_SOON.days,
        "waits": deadlines.waits_of(request.id),
    }


def _offered(visit: Visit, request: models.RightsRequest, offers: Sequence[Offer]) -> dict[str, Any]:
    """What may be done: the next thing first, all else beside it; and what the person would read."""
    letters = {offer.letter for offer in offers if offer.letter}
    may_read = visit.may(Permission.HANDLE_REQUESTS)
    return {
        "next_acts": [offer for offer in offers if offer.tone == "main"],
        "other_acts": [offer for offer in offers if offer.tone != "main"],
        "previews": messages.previews(visit.core, request, letters) if letters and may_read else {},
        "reached": not letters or reaching.reach(visit.core, request) is not None,
        "may_handle": may_read,
        "may_erase": visit.may(Permission.ERASE),
    }


def _brought_about(visit: Visit, request: models.RightsRequest) -> dict[str, Any]:
    """What fulfilling it does, or did."""
    owed = models.Obligation
    open_still = request.closed_at is None and request.state != numbers.ANSWERED
    erasure = erasures.of(visit, request)
    by_rule = open_still and request.type != RequestType.ERASURE
    found = package.newest(visit.tenant_id, request.id)
    return {
        "erasure": erasure,
        "effect": dry_run.dry_run(visit.core, visit.tenant_id, request.id) if by_rule else None,
        "package": found,
        "package_over": found is not None and handover.over(visit.core, found),
        "package_address": visit.public_url.rstrip("/") + handover.path_of(found) if found else "",
        "messages": messages.listing(visit.tenant_id, request.id),
        "callbacks": following.words(request.id) if request.privacy_agent_id else [],
        "private": [kind for kind, one in catalogue.KINDS.items() if one.private],
        "obligations": list(
            owed.select()
            .where(owed.tenant_id == visit.tenant_id, owed.request_id == request.id)
            .order_by(owed.created_at, owed.id)
        ),
    }


def _person(visit: Visit, request: models.RightsRequest) -> dict[str, Any]:
    """Who asked, still covered, and how they proved it."""
    return {
        "subject": models.DataSubject.get_or_none(id=request.subject_id, tenant_id=visit.tenant_id),
        "covered": request.requester_sealed is not None or request.details_sealed is not None,
        "may_reveal": visit.may(Permission.READ_PEOPLE),
        "need": proof.need(request.type, request.regime),
        "enough": proof.enough(request),
        "checks": checks.listing(visit.tenant_id, request.id)[-_CHECKS:],
        "guesses": checks.GUESSES,
    }


_CHECKS = 5
"""The newest codes are shown."""
