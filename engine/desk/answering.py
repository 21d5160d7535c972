"""The answer to a request. ``fulfilled`` is said only of what was done, and of what reached the person;
``partly`` says in its own words what wasn't.
"""

from __future__ import annotations

from typing import Any

from ..core import Core
from ..errors import Conflict, Invalid
from ..fulfilment import collecting, effects, handover
from ..rights.telling import must_tell
from ..store import models
from . import moves
from .texts import checked, told

FULFILLED = "fulfilled"
DECISIONS = (FULFILLED, "partly")


def respond(
    core: Core,
    tenant_id: str,
    request_id: str,
    actor: str,
    decision: str,
    message: str = "",
    told_otherwise: str = "",
) -> models.RightsRequest:
    """The answer goes out: ``fulfilled`` or ``partly``, with what there is to say about it. ``told_otherwise``
    says how the person got what they asked for where no mail reaches them; it lies sealed with the entry.

    Raises Invalid for ``partly`` without a word, Conflict for ``fulfilled`` while what was asked for isn't done
    and while nobody could be told where their package is.
    """
    if decision not in DECISIONS:
        raise Invalid("decision", f"{decision[:40]!r}; allowed are {', '.join(DECISIONS)}; deny with reject")
    changed, otherwise = told(told_otherwise), told_otherwise.strip()
    with core.store.transaction():
        columns: dict[str, Any] = {"decision": decision, "responded_at": core.clock()}
        request = moves.move(core, tenant_id, request_id, "respond", actor, changed=changed, **columns)
        said = checked("message", message, empty=decision == FULFILLED or bool(otherwise))
        invited = handover.invite(core, request)
        if decision == FULFILLED:
            effects.require(request)
            if request.type in collecting.TYPES and invited is None and not otherwise:
                _refuse(core, request)
        must_tell(core, request, "fulfilled", otherwise, message=said, decision=decision)
    core.bell.set()
    return request


def _refuse(core: Core, request: models.RightsRequest) -> None:
    """Say why nobody was invited to fetch a package."""
    if handover.ready(core, request) is None:
        raise Conflict(
            "there is no package that could be fetched: make one, or say how the person got their data "
            "(told_otherwise)"
        )
    raise Conflict(
        "no address of this person was on file before they asked, so nobody can fetch the package: say how "
        "they got their data (told_otherwise)"
    )
