"""A worker process that stops at the worst moment: with a batch, its tenant's lock and a fence in hand, just
before it writes the batch to the log.

It says ``holding N`` (N activities), waits for a line, and writes them all, as an agent would that doesn't look
whether they have been written meanwhile; then it says ``written`` or the kind of the error, and goes on as any
worker does.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence

from dxflow.actors.runtime import Engine
from dxflow.config import logging
from dxflow.config.settings import Settings
from dxflow.engine.agent.embedded import EmbeddedAgent
from dxflow.engine.agent.port import Item, Receipt
from dxflow.engine.identity import did
from dxflow.engine.ledger.log import Leaf

as_usual = EmbeddedAgent.register


def stop_and_write(agent: EmbeddedAgent, tenant_id: str, items: Sequence[Item], fence: int) -> list[Receipt]:
    """Takes the place of ``EmbeddedAgent.register`` for one batch."""
    EmbeddedAgent.register = as_usual
    print("holding", len(items), flush=True)
    sys.stdin.readline()
    try:
        with agent.store.transaction():
            agent.log.append(tenant_id, [_leaf(agent, item) for item in items], fence)
    except Exception as error:
        print(type(error).__name__, flush=True)
        raise
    print("written", flush=True)
    raise AssertionError("what this process wrote has no receipts; it must not go on")


def _leaf(agent: EmbeddedAgent, item: Item) -> Leaf:
    name = did.derive(item.activity_id, agent.did_method)
    body = {"actor": agent.actor, "activity": name, "event": item.event_id, "commitment": item.commitment}
    return Leaf("activity.registered", body)


if __name__ == "__main__":
    EmbeddedAgent.register = stop_and_write
    settings = Settings.load()
    logging.configure(settings)
    Engine(settings).start()
    signal.pause()
