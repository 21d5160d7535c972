"""Drive anchors in a test: sign, send, let the chain make blocks, and look at what came of it."""

from __future__ import annotations

from chains import Chain, Proxy

from dxflow.engine import core as cores
from dxflow.engine.anchoring import Anchors
from dxflow.engine.anchoring.anchors import MAGIC
from dxflow.engine.anchoring.following import follow
from dxflow.engine.core import Core, OnChain
from dxflow.engine.identity.keys import INSTALLATION
from dxflow.engine.store import models
from waiting import wait_until

KEY = "4646464646464646464646464646464646464646464646464646464646464646"


def anchoring(core: Core, url: str, confirmations: int = 3) -> Anchors:
    """The anchors of this core at a node, paid for by an account of the tests."""
    return cores.on_chain(core.store, core.keys, core.clock, OnChain(url, KEY, confirmations, 1.0))


def rows() -> list[models.Anchor]:
    """All anchors, oldest first."""
    return list(models.Anchor.select().order_by(models.Anchor.id))


def states() -> list[str]:
    return [row.state for row in rows()]


def carried(*roots: str) -> list[str]:
    """The data of the transactions that anchor these roots."""
    return ["0x" + (MAGIC + bytes.fromhex(root)).hex() for root in roots]


def raw(row: models.Anchor) -> str:
    """The signed bytes as they go over the wire."""
    return "0x" + bytes(row.raw).hex()


def written(core: Core, **columns: object) -> models.Anchor:
    """A row of an anchor of the installation's newest root, in a block of no chain."""
    head = core.log.head(INSTALLATION)
    made: models.Anchor = models.Anchor.create(
        origin=head.origin,
        size=head.size,
        root=head.root,
        checkpoint=head.checkpoint,
        chain_id=31337,
        account="0x" + "11" * 20,
        raw=b"raw",
        created_at=core.clock(),
        **columns,
    )
    return made


def mined(anchors: Anchors) -> models.Anchor:
    """Rounds until nothing waits for a block any more; the newest anchor."""

    def in_a_block() -> bool:
        follow(anchors)
        return not {"signed", "sent"} & set(states())

    wait_until(in_a_block, what="a block with the anchor")
    return rows()[-1]


def anchor(anchors: Anchors) -> models.Anchor:
    """The newest root, signed and in a block."""
    assert anchors.sign() is not None
    return mined(anchors)


def settle(anchors: Anchors, chain: Chain) -> None:
    """Blocks and rounds until all is confirmed."""

    def confirmed() -> bool:
        chain.mine()
        return follow(anchors, back=True) == (0, 0)

    wait_until(confirmed, what="confirmations")


def only_what_was_stored(proxy: Proxy) -> None:
    """Whatever went out is stored, byte for byte: no nonce or root went out in two versions."""
    assert set(proxy.sent) <= {raw(row) for row in rows()}
