"""The first page: is everything well, and if not, which door to take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ...engine.store import models
from . import numbers
from .answers import Page
from .screens import Visit

LATE = timedelta(minutes=5)
"""An event that waits longer than this says that no worker takes events."""


@dataclass(frozen=True, slots=True)
class Step:
    """One of the first things to do in an empty installation, ticked off as it happens."""

    title: str
    done: bool
    how: str
    command: str = ""
    link: str = ""


def show(visit: Visit) -> Page:
    """The figures, each a door to its page; the newest deliveries; what to do first, until it is done."""
    tenant = models.DataController.get_by_id(visit.tenant_id)
    flow = numbers.flow(visit.tenant_id)
    head = models.AuditHead.get_or_none(tenant_id=visit.tenant_id)
    steps = _first_steps(visit, tenant.did or tenant.id, flow)
    values = {
        "tenant": tenant,
        "flow": flow,
        "late": flow.oldest is not None and visit.now - flow.oldest > LATE,
        "requests": numbers.requests(visit.tenant_id, visit.now),
        "log_size": head.size if head else 0,
        "checkpoint_at": head.updated_at if head else None,
        "recent": numbers.recent(visit.tenant_id),
        "steps": [] if all(step.done for step in steps) else steps,
    }
    return Page("overview.html", values)


def _first_steps(visit: Visit, did: str, flow: numbers.Flow) -> list[Step]:
    return [
        Step(
            "Choose a password",
            visit.signed.has_password,
            "Your one-time password is used up. Choose one you can sign in with again.",
            link=f"{visit.base}/password",
        ),
        Step(
            "Connect a platform",
            flow.connectors > 0,
            "Each shop or audience delivers to an address of its own, with a secret of its own.",
            command=f"dxflow connector add --platform shopify --secret SECRET --tenant {did}",
        ),
        Step(
            "Receive the first event",
            flow.delivered,
            "Enter the address at the platform and let it send, or send an hour of made-up traffic.",
            command="dxflow demo",
        ),
    ]
