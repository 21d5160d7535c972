"""What the page of a data subject offers to do: legal holds, a request, a merge taken back."""

from __future__ import annotations

from collections.abc import Callable

from ....engine.errors import CallerError, NotFound
from ....engine.fulfilment import legal_holds
from ....engine.merging import undoing
from ....engine.services.rights import requests
from .. import words
from ..answers import Page, Redirect
from ..forms import identifier
from ..screens import Visit
from . import subject_page


def place_hold(visit: Visit) -> Page | Redirect:
    """Keep the person from being erased, with a reason."""
    why, whom = visit.form.get("reason", ""), visit.path["subject_id"]
    return _done(
        visit,
        "hold",
        "hold.placed",
        lambda: legal_holds.place(
            visit.core, visit.tenant_id, subject_page.identifier(whom), why, visit.signed.actor
        ),
    )


def lift_hold(visit: Visit) -> Page | Redirect:
    """Let the person be erased again."""
    hold, whom = _named(visit, "hold"), subject_page.identifier(visit.path["subject_id"])
    return _done(
        visit,
        "lift",
        "hold.lifted",
        lambda: legal_holds.lift(visit.core, visit.tenant_id, whom, hold, visit.signed.actor),
    )


def enter_request(visit: Visit) -> Page | Redirect:
    """Put a request of this person in the queue, and go there."""
    subject, form = subject_page.get(visit), visit.form
    try:
        made = requests.create_for(
            visit.core,
            subject,
            form.get("type", ""),
            form.get("details", "").strip(),
            visit.signed.actor,
        )
    except CallerError as error:
        return subject_page.page(visit, subject, act="request", refusal=words.sentence(str(error)))
    return Redirect(f"{visit.base}/requests/{made.id}", note="request.entered")


def unmerge(visit: Visit) -> Page | Redirect:
    """Take a merge back, with a reason."""
    merge, why = _named(visit, "merge"), visit.form.get("reason", "")
    subject_page.get(visit)
    return _done(
        visit,
        "unmerge",
        "subject.unmerged",
        lambda: undoing.unmerge(visit.core, visit.tenant_id, merge, why, visit.signed.actor),
    )


def _done(visit: Visit, act: str, note: str, do: Callable[[], object]) -> Page | Redirect:
    """To the page, with a word about it; or the page with the reason why it wasn't done."""
    try:
        do()
    except NotFound:
        raise
    except CallerError as error:
        return subject_page.page(visit, subject_page.get(visit), act=act, refusal=words.sentence(str(error)))
    return Redirect(f"{visit.base}/subjects/{visit.path['subject_id']}", note=note)


def _named(visit: Visit, field: str) -> str:
    return identifier(visit.form.get(field, ""), field)
