"""The steps of every workflow; ``find`` names one."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import IllegalMove
from . import (
    announcement,
    bulk_replay,
    consent_push,
    data_controller,
    data_subject,
    membership,
    message,
    obligation,
    processing_activity,
    rights_request,
    status_callback,
    user,
    webhook,
)
from .base import Outcome, Prepare, Prepared, Step, nothing

STEPS: Mapping[str, Mapping[str, Step]] = {
    "webhook": webhook.STEPS,
    "data_controller": data_controller.STEPS,
    "data_subject": data_subject.STEPS,
    "processing_activity": processing_activity.STEPS,
    "rights_request": rights_request.STEPS,
    "message": message.STEPS,
    "obligation": obligation.STEPS,
    "consent_push": consent_push.STEPS,
    "announcement": announcement.STEPS,
    "status_callback": status_callback.STEPS,
    "bulk_replay": bulk_replay.STEPS,
    "user": user.STEPS,
    "membership": membership.STEPS,
}


def find(workflow: str, step: str) -> Step:
    """The step's functions. Raises IllegalMove for one that doesn't exist."""
    try:
        return STEPS[workflow][step]
    except KeyError:
        raise IllegalMove(f"no step {workflow}.{step}") from None


__all__ = ["STEPS", "Outcome", "Prepare", "Prepared", "Step", "find", "nothing"]
