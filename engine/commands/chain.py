"""``chain``: the installation's root on a chain."""

from __future__ import annotations

import time
from collections.abc import Callable

from ...config import options
from ...config.commands import OPERATOR, Run, command, group
from ..anchoring.following import follow
from ..core import Core
from ..services.audit import chain_state, covering
from ..wiring import agent_core_for, core_for

commands = group("chain", "The root of all logs on a chain: DXFLOW_CHAIN_URL.")

_STANDING = {
    "node": "Node",
    "chain_id": "Chain",
    "account": "Account",
    "balance_wei": "Balance (wei)",
    "lag": "Behind",
    "problem": "Problem",
    "advice": "To do",
}
_ANCHOR = {
    "state": "State",
    "covers": "Covers",
    "block": "Block",
    "block_time": "Of",
    "confirmations": "Confirmations",
    "gas_used": "Gas",
    "tx": "Transaction",
    "error": "Error",
}
_LOOK_EVERY_S = 0.5


@command(commands, "show", takes=OPERATOR)
def chain_show(run: Run, of_agent: options.OfAgent = False) -> int:
    """Who pays, how far behind the chain is, and the last anchors. Exit code 1 where something is wrong."""
    found = chain_state.standing(_core(run, of_agent=of_agent))
    if run.as_json:
        run.show({**found.row(), "anchors": found.anchors}, {})
    else:
        run.show({name: value for name, value in found.row().items() if value is not None}, _STANDING)
        if found.anchors:
            run.show(found.anchors, _ANCHOR)
    return 1 if found.problem else 0


@command(commands, "anchor", takes=OPERATOR)
def chain_anchor(
    run: Run,
    wait: options.WaitForBlock = False,
    timeout: options.Timeout = 120,
    anew: options.Anew = False,
    of_agent: options.OfAgent = False,
) -> int:
    """Anchor the newest root now. Exit code 1 where --wait ends without a block."""
    core = _core(run, of_agent=of_agent)
    anchors = chain_state.on_chain(core)
    covering.cover(core)
    if anew:
        given_up = anchors.begin_anew()
        run.console.say(f"{given_up} anchors in no block are given up; the newest root is signed anew")
    follow(anchors)
    anchors.sign(past_waiting=anew)
    follow(anchors)
    in_time = not wait or _waited(lambda: follow(anchors), timeout)
    run.show(chain_state.newest(), _ANCHOR)
    return 0 if in_time else 1


def _waited(look: Callable[[], object], timeout: float) -> bool:
    """Look until nothing waits for a block; whether that came in time."""
    end = time.monotonic() + timeout
    while chain_state.waits():
        if time.monotonic() > end:
            return False
        time.sleep(_LOOK_EVERY_S)
        look()
    return True


def _core(run: Run, *, of_agent: bool) -> Core:
    return agent_core_for(run.settings) if of_agent else core_for(run.settings)
