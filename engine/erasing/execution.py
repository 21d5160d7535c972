"""What goes with an approved erasure, all in its transaction: the order stands as it was proposed, nothing
blocks it, what recipients owe is written down with the ids that erasing destroys, and the person's answer waits
to be sent. Whatever fails undoes all of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..core import Core
from ..desk import by_erasure
from ..errors import Conflict
from ..mail import queue
from ..recipients import obligations
from ..rights import intake
from ..services import acts
from ..store import models, quick
from . import adopting, erasure, open_requests, order_rows, plans, receipts
from .mentions import Identifiers


@dataclass
class Execution:
    """What goes with the erasure (``erasure.Beside``). It may run again after a deadlock: then from here."""

    core: Core
    order: models.ErasureOrder
    actor: str
    by_command_line: bool
    two: bool
    order_id: str = field(init=False)
    request_id: str | None = field(init=False)
    _answers: list[tuple[str, str]] = field(default_factory=list)
    """Addresses and language of the person who asked."""

    def __post_init__(self) -> None:
        self.order_id, self.request_id = self.order.id, self.order.request_id

    def before(self, gone: Sequence[models.DataSubject], known: Identifiers) -> None:
        """The order as it stands, the obligations with the ids that are about to go, the answer's address."""
        core, tenant_id = self.core, self.order.tenant_id
        if self.request_id is not None:  # first, as what ends a request does
            quick.lock(models.RightsRequest, id=self.request_id, tenant_id=tenant_id)
        order = order_rows.waiting(tenant_id, self.order_id)
        made = plans.again(core, gone, known, order)
        if made["blocked"]:
            raise Conflict("; ".join(one["why"] for one in made["blocked"]))
        if plans.digest(made) != plans.digest(order.plan):
            raise Conflict(
                "what would be erased changed since it was proposed; refuse this order and propose anew"
            )
        for one in plans.recipients(tenant_id, gone, known):
            named = {"request_id": order.request_id, "order_id": order.id}
            obligations.oblige(core, tenant_id, "erase", one, subject_id=order.subject_id, **named)
        self._answers = _answers(core, order, gone, known)
        now = core.clock()
        done = {"state": order_rows.EXECUTED, "decided_by": self.actor, "decided_at": now, "executed_at": now}
        quick.update(models.ErasureOrder, {"id": order.id}, done)

    def after(self, erased: erasure.Erased) -> None:
        """The person's answer, with their receipt; where nobody asked it waits to be handed over."""
        core, tenant_id, order = self.core, self.order.tenant_id, self.order
        quick.update(models.ErasureOrder, {"id": order.id}, {"log_index": erased.log_index})
        if self._answers:
            owed = obligations.outstanding(tenant_id, order_id=order.id)
            receipt = json.dumps({name: erased.receipt[name] for name in ("index", "salt", "payload")})
            values = {"gone": "all", "remains": "recipients" if owed else "here", "receipt": receipt}
            for to, language in self._answers:
                more = {"language": language, "request_id": order.request_id}
                queue.queue(core, tenant_id, "erased", to, values=values, **more)
        else:
            receipts.keep(core, tenant_id, order.id, erased)
        if order.request_id is not None:
            by_erasure.erased(core, tenant_id, order.request_id, self.actor)
        said = {"order": order.id, "request": order.request_id}
        body = {**said, "proposed_by": order.proposed_by, "entry": erased.log_index}
        acts.record(core, tenant_id, "erasure.approved", self.actor, **body)

    def leaf(self) -> dict[str, object]:
        """Who the two were. Who runs the machine can be anybody there: what was done by the command line, as
        somebody or as nobody, shows no second person."""
        first = "adopted" if self.order.adopted_by else "proposed"
        ways = {first: bool(self.order.by_command_line), "approved": self.by_command_line}
        by_hand = [act for act, way in ways.items() if way]
        said = {"order": self.order_id, **adopting.behind(self.order)}
        more = {"by_command_line": by_hand} if by_hand else {}
        return {"two_people": self.two and not by_hand, **said, **more}


def _answers(
    core: Core, order: models.ErasureOrder, gone: Sequence[models.DataSubject], known: Identifiers
) -> list[tuple[str, str]]:
    """Where the person hears of it: at every address that was on file when they asked, for those are theirs; at
    the one they asked from where there is none."""
    request = quick.get(models.RightsRequest, id=order.request_id) if order.request_id else None
    if request is None:
        return []
    asked = intake.requester(core, request).get("email")
    addresses = open_requests.on_file(core, request, gone, known) or ([str(asked)] if asked else [])
    return [(one, str(request.language)) for one in addresses]
