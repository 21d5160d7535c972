"""Anchors: which root is to be signed, under which nonce, and by whom. ``following.py`` sends them.

The rules, which keep one root from being paid for twice:
- The signed bytes are committed before anybody sees them, and sent as they are, however often.
- Nonces are given out under a lock in the database: the next after those stored, or after those the chain and
  its waiting transactions have, whichever is higher.
- One anchor at a time waits for a block; meanwhile a newer root waits, and roots between are never anchored:
  a newer root covers them.
- A root that is the same as that of the newest anchor isn't anchored again.

The chain is asked outside of any transaction: however long it takes to answer, nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import Conflict, TransientError
from ..identity.keys import INSTALLATION
from ..moments import Clock
from ..store import Store, models, quick
from .account import Account, Transaction
from .rpc import Node

MAGIC = b"DXA1"
"""What the data of an anchor begin with; the 32 bytes of the root follow, and nothing else."""

SIGNED, SENT, ANCHORED, CONFIRMED, LOST = "signed", "sent", "anchored", "confirmed", "lost"
WAITING = (SIGNED, SENT)
MINED = (ANCHORED, CONFIRMED)

_CHAIN = "chain_id"


class Unfunded(TransientError):
    """Raised when the account can't pay for an anchor."""


class WrongChain(Conflict):
    """Raised when the node is of another chain than the one this installation anchors on."""


class Offer(NamedTuple):
    """What the chain asks for a transaction: ``tip`` and ``fee`` in wei for a unit of gas; ``counted`` are the
    account's transactions there."""

    tip: int
    fee: int
    gas: int
    counted: int


@dataclass(frozen=True, slots=True)
class Anchors:
    """The anchors of one installation on one chain. Safe for any thread and any number of processes.

    ``confirmations`` is how many blocks, its own among them, confirm an anchor; ``every`` how many seconds may
    pass before a new root is anchored. ``account_of`` gives the account, which is made when it is first needed.
    """

    store: Store
    node: Node
    account_of: Callable[[], Account]
    clock: Clock
    confirmations: int
    every: float

    @property
    def account(self) -> Account:
        """Who pays."""
        return self.account_of()

    def chain_id(self) -> int:
        """The chain that the node is of. Raises WrongChain, TransientError."""
        found = self.node.chain_id()
        kept = quick.get(models.Installation, name=_CHAIN)
        if kept is None:
            with self.store.transaction():
                quick.insert(models.Installation, {"name": _CHAIN, "value": str(found)}, ignore=True)
                kept = models.Installation.get(name=_CHAIN)
        if str(kept.value) != str(found):
            raise WrongChain(
                f"DXFLOW_CHAIN_URL: the node at {self.node.caller.host} is of chain {found}, and this "
                f"installation anchors on chain {kept.value}; name a node of that one, or change over with "
                "`dxflow chain anchor --anew`"
            )
        return found

    def begin_anew(self) -> int:
        """Go on, on the chain of this node, without the anchors that are in no block: their roots are signed
        again. How many were given up. For a fee that has become too low, and chains that were begun anew."""
        chain, address = self.node.chain_id(), self.account.address
        count, row = self.node.nonce(address), models.Anchor
        here = (row.chain_id == chain) & (row.account == address)
        with self.store.transaction():
            quick.put(models.Installation, {"name": _CHAIN, "value": str(chain)}, "name")
            absent = (here & (row.nonce >= count)) | (~here & row.state.in_(WAITING))
            given_up = row.update(state=LOST, error="given up").where(row.state != LOST, absent)
            return int(given_up.execute())

    def sign(self, *, past_waiting: bool = False) -> models.Anchor | None:
        """Store the signed transaction of the newest root; None where that root has one, or another one waits
        for a block. Nothing is sent.

        ``past_waiting``: under the nonce of whatever waits at the chain, in its place. Raises WrongChain,
        Unfunded, TransientError.
        """
        head = quick.get(models.AuditHead, tenant_id=INSTALLATION)
        chain = self.chain_id()
        if head is None or not wanted(chain, head):
            return None
        data = MAGIC + bytes.fromhex(head.root)
        account, offer = self.account, self._offer(data, "latest" if past_waiting else "pending")
        with self.store.transaction():
            quick.lock(models.Installation, name=_CHAIN)  # from here on nobody else gives out nonces
            nonce = next_nonce(chain, account.address, offer.counted)
            if nonce is None or not wanted(chain, head):
                return None
            call = Transaction(chain, nonce, offer.tip, offer.fee, offer.gas, account.bytes, 0, data)
            signed = account.sign(call)
            quick.insert(models.Anchor, self._row(head, call, signed.raw, signed.hash))
        return quick.get(models.Anchor, tx_hash=signed.hash)

    def _offer(self, data: bytes, at: str) -> Offer:
        """Raises Unfunded when the account can't pay the most that it may come to."""
        node, address = self.node, self.account.address
        tip = node.tip()
        # The base fee doubles within six full blocks; what isn't needed of it isn't paid.
        fee = 2 * node.base_fee() + tip
        balance = node.balance(address)
        if not balance:
            raise Unfunded(f"the account {address} has nothing to pay for anchors with: send it some")
        gas = node.gas(address, data) * 5 // 4  # where it depends on the block; nor is unused gas paid
        if balance < gas * fee:
            raise Unfunded(
                f"the account {address} has {balance:,} wei, and an anchor may take {gas * fee:,}: send it more"
            )
        return Offer(tip, fee, gas, node.nonce(address, at))

    def _row(self, head: models.AuditHead, call: Transaction, raw: bytes, tx_hash: str) -> dict[str, object]:
        return {
            "origin": head.origin,
            "size": head.size,
            "root": head.root,
            "checkpoint": head.checkpoint,
            "chain_id": call.chain_id,
            "account": self.account.address,
            "nonce": call.nonce,
            "raw": raw,
            "tx_hash": tx_hash,
            "state": SIGNED,
            "confirmations": 0,
            "created_at": self.clock(),
        }


def wanted(chain: int, head: models.AuditHead) -> bool:
    """Whether this root is to be signed now: it is new, and no other waits for a block."""
    row = models.Anchor
    rows = row.select().where(row.chain_id == chain, row.state != LOST)
    if not head.size or rows.where(row.state.in_(WAITING)).exists():
        return False
    newest = rows.order_by(row.id.desc()).first()
    # Sizes of one origin only grow: whoever signed meanwhile may have seen more than this head.
    return newest is None or newest.origin != head.origin or bool(newest.size < head.size)


def next_nonce(chain: int, account: str, counted: int) -> int | None:
    """The nonce after those stored and those the chain ``counted``; None while the chain has less than was in
    its blocks before: it was begun anew or goes back, and what was sent goes first."""
    row = models.Anchor
    rows = row.select(row.nonce).where(row.chain_id == chain, row.account == account, row.state != LOST)
    last = rows.order_by(row.nonce.desc()).first()
    if last is None:
        return counted
    return None if counted <= last.nonce else counted
