"""``Idempotency-Key``: a POST that is sent again gets the answer of the first, and does nothing twice.

The order of writes is the argument. A claim on the key commits first; the effect and its answer then commit in
one transaction that also proves the claim is still held. So either both exist, or neither does and the key is
free again: at once when the request failed, after ``PATIENCE`` when the process died in between. Whoever lost
its claim that way can't commit any more. Only answers of requests that succeeded are kept, sealed, for
``KEPT_FOR`` (draft-ietf-httpapi-idempotency-key-header-07; Stripe keeps its own as long).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..core import Core
from ..errors import Conflict, Invalid, Unfit
from ..store import models

PATIENCE = timedelta(seconds=60)
KEPT_FOR = timedelta(hours=24)
HEADER = "Idempotency-Key"

_RUNNING = 0
PATTERN = "[!-~](?:[ -~]{0,253}[!-~])?"
"""What a key looks like."""
_KEY = re.compile(PATTERN)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to answer the requests of one key; ``name`` stands for the key, ``at`` tells claims apart."""

    tenant_id: str
    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """The answer that was given before."""

    status: int
    body: str


Fingerprint = Sequence[str]
"""What tells two requests of one key apart, without keeping either: under the link key in use, then under each
other version that is still there."""


def fingerprint(core: Core, tenant_id: str, *parts: str) -> Fingerprint:
    """That of a request."""
    return core.keys.macs(tenant_id, "idempotency", "request", *parts)


def claim(core: Core, tenant_id: str, key: str, request: Fingerprint) -> Claim | Kept:
    """Take the key for the request of this fingerprint, or get the answer it was given.

    Raises Invalid for a malformed key, Unfit for one that was used for another request, and Conflict while the
    first request with it is being answered.
    """
    if not _KEY.fullmatch(key):
        raise Invalid(HEADER, "must have 1 to 255 printable ASCII characters")
    names = core.keys.macs(tenant_id, "idempotency", "key", key)  # callers put all sorts of things into keys
    name, row = names[0], next(filter(None, (_find(tenant_id, one) for one in names)), None)
    if row is None:
        fresh = Claim(tenant_id, name, core.clock())
        if _insert(core, fresh, request[0]):
            return fresh
        row = _find(tenant_id, name)
    if row is None:
        raise Conflict("this Idempotency-Key was let go just now; send the request again")
    if _over(core, row):
        return _take_over(core, row, request[0])
    if row.fingerprint not in request:
        raise Unfit(HEADER, "was used for another request; use a new one")
    if row.status == _RUNNING:
        raise Conflict("the first request with this Idempotency-Key is still being answered")
    return Kept(row.status, _unseal(core, row))


def keep(core: Core, held: Claim, status: int, body: str) -> None:
    """Keep the answer, in the transaction of the effect. Raises Conflict when the claim was lost meanwhile."""
    model = models.IdempotencyKey
    sealed = core.keys.seal(
        held.tenant_id, body.encode(), table="idempotency_keys", column="response_sealed", row_id=held.name
    )
    query = model.update(status=status, response_sealed=sealed).where(*_holding(held))
    if query.execute() != 1:
        raise Conflict("this request took so long that another one took over its Idempotency-Key")


def release(core: Core, held: Claim) -> None:
    """The request failed and changed nothing: the key is free again."""
    with core.store.transaction():
        models.IdempotencyKey.delete().where(*_holding(held)).execute()


def forget(core: Core) -> int:
    """Delete every answer whose time is over; returns how many. For a periodic caller."""
    model = models.IdempotencyKey
    with core.store.transaction():
        return int(model.delete().where(model.created_at < core.clock() - KEPT_FOR).execute())


def _find(tenant_id: str, name: str) -> models.IdempotencyKey | None:
    return models.IdempotencyKey.get_or_none(tenant_id=tenant_id, key=name)


def _insert(core: Core, fresh: Claim, request: str) -> bool:
    row = {
        "tenant_id": fresh.tenant_id,
        "key": fresh.name,
        "fingerprint": request,
        "status": _RUNNING,
        "response_sealed": b"",
        "created_at": fresh.at,
    }
    model = models.IdempotencyKey
    with core.store.transaction():
        query = model.insert(**row).on_conflict_ignore().returning(model.key)
        return len(list(query.execute())) == 1


def _over(core: Core, row: models.IdempotencyKey) -> bool:
    lasts = PATIENCE if row.status == _RUNNING else KEPT_FOR
    return bool(row.created_at + lasts <= core.clock())


def _take_over(core: Core, row: models.IdempotencyKey, request: str) -> Claim:
    model, fresh = models.IdempotencyKey, Claim(row.tenant_id, row.key, core.clock())
    with core.store.transaction():
        moved = (
            model.update(fingerprint=request, status=_RUNNING, response_sealed=b"", created_at=fresh.at)
            .where(model.tenant_id == row.tenant_id, model.key == row.key, model.created_at == row.created_at)
            .execute()
        )
    if moved != 1:
        raise Conflict("another request has just taken this Idempotency-Key")
    return fresh


def _holding(held: Claim) -> tuple[object, ...]:
    model = models.IdempotencyKey
    return (
        model.tenant_id == held.tenant_id,
        model.key == held.name,
        model.status == _RUNNING,
        model.created_at == held.at,
    )


def _unseal(core: Core, row: models.IdempotencyKey) -> str:
    raw = core.keys.unseal(
        row.tenant_id,
        bytes(row.response_sealed),
        table="idempotency_keys",
        column="response_sealed",
        row_id=row.key,
    )
    return raw.decode()
