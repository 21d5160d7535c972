"""What an operator is told of the chain: whether it answers, who pays, and how far behind it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ....config.settings import Settings
from ...anchoring import Anchors
from ...anchoring import account as accounts
from ...anchoring.anchors import LOST, MINED, WAITING
from ...anchoring.rpc import Node
from ...core import Core
from ...errors import Conflict, DxflowError, Unavailable
from ...ledger.log import INSTALLATION
from ...moments import system_clock, to_text
from ...store import Store, models, quick

PATIENCE = 3
"""Intervals that a root may wait for a block before ``doctor`` calls it a fault."""

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the installation stands on its chain. What couldn't be asked is None, and ``problem`` says why."""

    node: str
    chain_id: int | None
    account: str
    balance: int | None
    lag: str
    problem: str | None
    advice: str
    anchors: list[Row]

    def row(self) -> Row:
        """Without the anchors; ``balance_wei`` is the account's."""
        return {
            "node": self.node,
            "chain_id": self.chain_id,
            "account": self.account,
            "balance_wei": self.balance,
            "lag": self.lag,
            "problem": self.problem,
            "advice": self.advice,
        }


def on_chain(core: Core) -> Anchors:
    """The installation's anchors. Raises Conflict where none is configured."""
    if core.anchors is None:
        raise Conflict("DXFLOW_CHAIN_URL isn't set: nothing is anchored")
    return core.anchors


def standing(core: Core, limit: int = 10) -> Standing:
    """Ask the chain and the database; a chain that is away is a problem told, not raised."""
    anchors = on_chain(core)
    chain, balance, problem = None, None, None
    try:
        chain, balance = anchors.chain_id(), anchors.node.balance(anchors.account.address)
    except DxflowError as error:
        problem = str(error)
    rows = [as_row(row) for row in recent(limit)]
    return Standing(
        node=anchors.node.caller.host,
        chain_id=chain,
        account=anchors.account.address,
        balance=balance,
        lag=lag(),
        problem=problem or next((str(row["error"]) for row in rows if _stuck(row)), None),
        advice=_advice(anchors, balance, bool(rows)),
        anchors=rows,
    )


def newest() -> Row:
    """The newest anchor. Raises Conflict before the first."""
    rows = recent(1)
    if not rows:
        raise Conflict("there is nothing to anchor yet: the installation's log is empty")
    return as_row(rows[0])


def waits() -> bool:
    """Whether an anchor waits for a block."""
    return bool(models.Anchor.select().where(models.Anchor.state.in_(WAITING)).exists())


def check(settings: Settings, store: Store | None, now: datetime) -> str:
    """For ``doctor``. Raises Unavailable and what the chain's node is to blame for."""
    node = Node.at(settings.chain_url or "", system_clock)
    chain, host = node.chain_id(), node.caller.host
    ready = store is not None and store.up_to_date()
    kept = quick.get(models.Installation, name="chain_id") if ready else None
    if kept is not None and kept.value != str(chain):
        raise Unavailable(f"{host} is of chain {chain}, and this installation anchors on chain {kept.value}")
    address = _address(settings) if settings.chain_key or ready else None
    if address is None:
        return f"{host} answers, chain {chain}; the account is made with the first anchor"
    balance = node.balance(address)
    if not balance:
        raise Unavailable(f"{host} answers, and account {address} has nothing to pay with: send it some")
    if ready:
        _not_late(timedelta(seconds=PATIENCE * settings.chain_interval_s), now)
    told = f"; behind by {lag()}" if ready else ""
    return f"{host} answers, chain {chain}; account {address} has {balance:,} wei{told}"


def recent(limit: int = 10) -> list[models.Anchor]:
    """The newest anchors first, lost ones too."""
    return list(models.Anchor.select().order_by(models.Anchor.id.desc()).limit(limit))


def lag() -> str:
    """How far the chain is behind the installation's log, in words."""
    head, mined = quick.get(models.AuditHead, tenant_id=INSTALLATION), _newest_mined()
    size = 0 if head is None else int(head.size)
    if not size:
        return "nothing: no checkpoint is logged yet"
    if mined is None:
        row = models.Anchor
        signed = row.select().where(row.state != LOST).exists()
        told = "the first anchor waits for a block" if signed else "none is signed"
        return f"{size:,} checkpoints; {told}"
    behind = f"{size - mined.size:,} checkpoints" if mined.size < size else "nothing"
    return f"{behind} since block {mined.block_number:,} of {to_text(mined.block_time)}"


def as_row(row: models.Anchor) -> Row:
    """As commands print it: ``covers`` counts checkpoints of tenants, ``fee_wei`` is what the chain took."""
    return {
        "id": row.id,
        "state": row.state,
        "covers": row.size,
        "root": row.root,
        "chain_id": row.chain_id,
        "tx": row.tx_hash,
        "account": row.account,
        "nonce": row.nonce,
        "block": row.block_number,
        "block_hash": row.block_hash,
        "block_time": row.block_time,
        "confirmations": row.confirmations,
        "gas_used": row.gas_used,
        "fee_wei": None if row.fee is None else int(row.fee),
        "signed_at": row.created_at,
        "error": row.error,
    }


def _newest_mined() -> models.Anchor | None:
    row = models.Anchor
    found: models.Anchor | None = row.select().where(row.state.in_(MINED)).order_by(row.id.desc()).first()
    return found


def _stuck(row: Row) -> bool:
    return row["state"] in WAITING and row["error"] is not None


def _advice(anchors: Anchors, balance: int | None, any_anchors: bool) -> str:
    if balance == 0:
        return f"send some of the chain's coin to {anchors.account.address}; anchoring begins by itself"
    if balance is None:
        return "anchoring goes on by itself when the chain's node answers as it should"
    if not any_anchors:
        return f"nothing to do: the first root is anchored within {anchors.every:g} s of work"
    return "nothing to do"


def _address(settings: Settings) -> str | None:
    if settings.chain_key is not None:
        return accounts.Account.of(settings.chain_key.get_secret_value()).address
    return accounts.stored_address()


def _not_late(longest: timedelta, now: datetime) -> None:
    """Raises Unavailable while a root waits longer for a block."""
    mined, covered = _newest_mined(), models.CoveredCheckpoint
    beyond = covered.select().where(covered.seq >= (mined.size if mined else 0))
    first = beyond.order_by(covered.seq).first()
    if first is not None and now - first.covered_at > longest:
        raise Unavailable(
            f"what was logged since {to_text(first.covered_at)} isn't in a block; `dxflow chain show` says why"
        )
