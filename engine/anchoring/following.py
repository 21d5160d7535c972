"""What becomes of a signed anchor: sent until it is in a block, and watched until so many blocks are on it.

A round asks first how many transactions of the account the chain has. Whatever is stored under a lower nonce is
in a block, or another transaction took its place; whatever is under a higher one isn't, or is no more: a block
was given up, or the chain was begun anew. Those are sent again, in the order of their nonces, as they were. So
a round needs no memory, and it makes no difference how many processes do it or when one was killed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from ..store import models, quick
from .anchors import ANCHORED, CONFIRMED, LOST, MINED, SENT, SIGNED, WAITING, Anchors
from .rpc import KNOWN, USED, Receipt, Refused

LOOK_BACK = 32
"""Confirmed anchors that are looked at again."""

_AT_ONCE = 256
"""Anchors of one round; more wait only when a chain was begun anew."""

_DEEPEST = 64
"""Blocks behind the newest whose state a node is asked for: older ones are kept by archives alone."""


class Followed(NamedTuple):
    """After a round: anchors that aren't confirmed yet, and how many came further or went back."""

    open: int
    moved: int


def follow(anchors: Anchors, *, back: bool = False) -> Followed:
    """One round over all that isn't confirmed; ``back`` also over the newest that are.

    Raises WrongChain, TransientError; what was done until then stays done.
    """
    chain, moved = anchors.chain_id(), 0
    head = anchors.node.head() if _any(chain) else 0
    for account in _accounts(chain):
        run = _Round(anchors, head, anchors.node.nonce(account))
        for row in _rows(chain, account, run.count, back=back):
            moved += run.look(row)
    anchor = models.Anchor
    return Followed(anchor.select().where(anchor.chain_id == chain, _is_open()).count(), moved)


class _Round:
    """``head`` is the newest block's number, ``count`` how many transactions of the account the chain has."""

    def __init__(self, anchors: Anchors, head: int, count: int) -> None:
        self.anchors, self.node = anchors, anchors.node
        self.head, self.count = head, count

    def look(self, row: models.Anchor) -> bool:
        """See to one anchor; whether its state changed."""
        if row.nonce >= self.count:
            went_back = row.state in MINED and self._back(row)
            return self._send(row) or went_back
        receipt = self.node.receipt(row.tx_hash)
        if receipt is not None:
            return self._mined(row, receipt)
        if row.state in MINED:
            return self._back(row)
        return self._taken(row.account, row.nonce) and self._move(
            row, state=LOST, error="another transaction of the account has its nonce"
        )

    def _send(self, row: models.Anchor) -> bool:
        first = row.state == SIGNED
        try:
            if self.node.send(bytes(row.raw)) != row.tx_hash:
                raise self.node.caller.fault("took the transaction under another hash")
        except Refused as error:
            if error.reason not in (KNOWN, USED):
                self._move(row, error=str(error))
                raise
        if not first:
            return bool(row.error) and self._move(row, error=None)
        moved = self._move(row, state=SENT, sent_at=self.anchors.clock(), error=None)
        receipt = self.node.receipt(row.tx_hash)  # some chains have it in a block at once
        return self._mined(row, receipt) if receipt is not None else moved

    def _mined(self, row: models.Anchor, receipt: Receipt) -> bool:
        if not receipt.succeeded:
            return self._move(row, state=LOST, error="the chain executed it without success")
        confirmations = max(0, self.head - receipt.block_number + 1)
        state = CONFIRMED if confirmations >= self.anchors.confirmations else ANCHORED
        if row.state in MINED and row.block_hash == receipt.block_hash:
            return self._deeper(row, confirmations, state)
        block = self.node.block(receipt.block_number)
        if block is None or block.hash != receipt.block_hash:
            return False  # the chain is being reorganised; the next round sees where it settles
        now = self.anchors.clock()
        return self._move(
            row,
            state=state,
            block_number=block.number,
            block_hash=block.hash,
            block_time=datetime.fromtimestamp(block.time, UTC),
            confirmations=confirmations,
            gas_used=receipt.gas_used,
            fee=str(receipt.fee),
            error=None,
            anchored_at=now,
            confirmed_at=now if state == CONFIRMED else None,
        )

    def _deeper(self, row: models.Anchor, confirmations: int, state: str) -> bool:
        if confirmations == row.confirmations and (state == row.state or row.state == CONFIRMED):
            return False
        if state == CONFIRMED and row.state == ANCHORED:
            return self._move(
                row, state=state, confirmations=confirmations, confirmed_at=self.anchors.clock()
            )
        # More confirmations aren't a change: only a state is worth another look soon.
        self._move(row, confirmations=confirmations)
        return False

    def _back(self, row: models.Anchor) -> bool:
        """Its block isn't the chain's any more."""
        none = dict.fromkeys(("block_number", "block_hash", "block_time", "gas_used", "fee"))
        dates = dict.fromkeys(("anchored_at", "confirmed_at"))
        error = "its block left the chain; it is sent again"
        return self._move(row, state=SENT, confirmations=0, error=error, **none, **dates)

    def _taken(self, account: str, nonce: int) -> bool:
        """Whether another transaction has this nonce, for good as far as one can tell: so many blocks are on
        it. Until then a node that is behind could make us pay for a root twice."""
        deep = self.head + 1 - min(self.anchors.confirmations, _DEEPEST)
        return deep >= 0 and self.node.nonce(account, deep) > nonce

    def _move(self, row: models.Anchor, **changes: object) -> bool:
        """Unless another process moved it meanwhile."""
        stands = {"id": row.id, "state": row.state}
        with self.anchors.store.transaction():
            moved = quick.update(models.Anchor, stands, changes) == 1
        for name, value in changes.items():
            setattr(row, name, value)
        return moved


def _is_open() -> object:
    return models.Anchor.state.in_((*WAITING, ANCHORED))


def _any(chain: int) -> bool:
    row = models.Anchor
    return bool(row.select().where(row.chain_id == chain, row.state != LOST).exists())


def _accounts(chain: int) -> list[str]:
    """Whoever paid for anchors: an account that was replaced may still have some on their way."""
    row = models.Anchor
    query = row.select(row.account).where(row.chain_id == chain, row.state != LOST).distinct()
    return [str(found.account) for found in query.order_by(row.account)]


def _rows(chain: int, account: str, count: int, *, back: bool) -> Iterable[models.Anchor]:
    """What isn't confirmed or isn't in the chain any more, lowest nonce first, and the newest confirmed."""
    row = models.Anchor
    rows = row.select().where(row.chain_id == chain, row.account == account, row.state != LOST)
    due = rows.where(_is_open() | (row.nonce >= count)).order_by(row.nonce).limit(_AT_ONCE)
    yield from list(due)
    if back:
        confirmed = rows.where(row.state == CONFIRMED, row.nonce < count)
        yield from list(confirmed.order_by(row.nonce.desc()).limit(LOOK_BACK))
