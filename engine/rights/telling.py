"""A person who asked is told something, where they are reached and in their language."""

from __future__ import annotations

from ..core import Core
from ..errors import Conflict
from ..mail.queue import queue
from ..store import models
from .reaching import reach


def tell(core: Core, request: models.RightsRequest, kind: str, **values: object) -> models.Message | None:
    """Put a message to the requester on its way, in the caller's transaction; None where they can't be reached.
    ``values`` are those of the message's own text; what all of them say the queue knows."""
    address = reach(core, request)
    if address is None:
        return None
    return queue(
        core,
        request.tenant_id,
        kind,
        address,
        language=request.language,
        values=values,
        request_id=request.id,
        subject_id=request.subject_id,
    )


def must_tell(
    core: Core, request: models.RightsRequest, kind: str, otherwise: str, **values: object
) -> models.Message | None:
    """As ``tell``, for what the law has the person told. Raises Conflict where no message reaches them and
    nobody said how they were told ``otherwise``: what stands as told was told."""
    message = tell(core, request, kind, **values)
    if message is None and not otherwise:
        raise Conflict(
            "there is no address of this person: tell them by other means, and say how in told_otherwise"
        )
    return message
