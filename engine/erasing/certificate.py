"""The certificate of an erasure: what went, what remains, what recipients answered, and the proof of it.

A signed note (C2SP signed-note) by the log's own keys, under the log's origin:

    dxflow erasure certificate v1
    <origin of the log>
    <JSON object>

It is preliminary while recipients still owe something, and issued once more, final, when nobody does. It names
nobody. With the person's receipt it can be shown to be about them, and without it by nobody.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from .. import announcing, moments
from ..core import Core
from ..desk import by_erasure
from ..errors import Conflict
from ..recipients import obligations
from ..services import acts
from ..store import models, quick
from . import erasure, order_rows
from .certified import HEADER

PRELIMINARY, FINAL = "preliminary", "final"
COUNTS = ("acts", "links", "salts", "bodies", "requests", "answers")


def current(core: Core, tenant_id: str, order_id: str) -> str:
    """The newest certificate of an executed order, issued anew where recipients answered since.

    Raises NotFound, Conflict for an order that wasn't executed.
    """
    with core.store.transaction():
        order = order_rows.held(tenant_id, order_id)
        if order.executed_at is None or order.log_index is None:
            raise Conflict(f"this order is {order.state}: a certificate follows when it is executed")
        state = PRELIMINARY if obligations.outstanding(tenant_id, order_id=order.id) else FINAL
        if order.certified == FINAL or (order.certified == state and _told_in(order) == _telling(order)):
            return str(order.certificate)
        return _issue(core, order, state, int(order.log_index))


def finish(core: Core) -> int:
    """Issue what became due: for orders whose last obligation is over, and where a crash came between; how
    many. For a periodic caller, who looks at everyone."""
    row, made = models.ErasureOrder, 0
    query = row.select().where(
        row.executed_at.is_null(False), row.certified.is_null() | (row.certified != FINAL)
    )
    for order in query.order_by(row.executed_at):
        over = not obligations.outstanding(order.tenant_id, order_id=order.id)
        if over or order.certificate is None:
            current(core, order.tenant_id, order.id)
            made += 1
    return made


def _issue(core: Core, order: models.ErasureOrder, state: str, index: int) -> str:
    tenant_id = order.tenant_id
    proof = erasure.proof(core, tenant_id, index)
    origin = core.log.head(tenant_id).origin
    leaf = json.loads(proof.leaf)
    body = {
        "v": 1,
        "state": state,
        "order": order.id,
        "reason": order.reason,
        "erased_at": leaf["ts"],
        "issued_at": moments.to_text(core.clock()),
        "gone": {name: leaf[name] for name in COUNTS},
        "remains": order.plan["remains"],
        "recipients": _telling(order),
        "commitment": leaf["commitment"],
        "entry": index,
        "proof": proof.text(),
    }
    text = f"{HEADER}\n{origin}\n{json.dumps(body, indent=1, ensure_ascii=False)}\n"
    note = core.signing.sign_text(origin, text)
    quick.update(models.ErasureOrder, {"id": order.id}, {"certificate": note, "certified": state})
    said = {"order": order.id, "state": state, "sha256": hashlib.sha256(note.encode()).hexdigest()}
    acts.record(core, tenant_id, "erasure.certified", acts.SYSTEM, **said)
    if state == FINAL:
        told = {"order_id": order.id, "request": order.request_id}
        announcing.announce(core, tenant_id, "erasure.completed", told)
        if order.request_id is not None:
            by_erasure.certified(core, tenant_id, order.request_id)
    return note


def _telling(order: models.ErasureOrder) -> list[Mapping[str, Any]]:
    row = models.Obligation
    return [
        _told(one) for one in row.select().where(row.order_id == order.id).order_by(row.created_at, row.id)
    ]


def _told_in(order: models.ErasureOrder) -> object:
    """What the stored certificate says of recipients; nothing where it is missing."""
    text = str(order.certificate or "").rpartition("\n\n")[0]
    return json.loads(text.split("\n", 2)[2])["recipients"] if text else None


def _told(one: models.Obligation) -> Mapping[str, Any]:
    """What a recipient owes or did. Why a person closed it stands in the log, not here."""
    until = {"until": moments.to_text(one.not_before)} if one.not_before and one.state == "waiting" else {}
    ended = {"ended_at": moments.to_text(one.finished_at)} if one.finished_at else {}
    said = {
        "recipient": one.recipient,
        "kind": one.kind,
        "state": one.state,
        "receipt": dict(one.receipt or {}),
    }
    by_hand = {"by_hand": True} if one.closed_by is not None else {}
    return {**said, "remains": one.remains, **until, **ended, **by_hand}
