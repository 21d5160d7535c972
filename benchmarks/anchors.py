"""Roots anchored on a chain: how many a second, and what one activity's share of it costs.

The chain is anvil, which makes a block of every transaction at once: what is measured is dxflow and JSON-RPC,
not a chain's patience. An anchor begins with covering the tenant's checkpoint and ends with a stored block; its
four commits are durable, and it asks the node about a dozen times. Peers, on the same node: one transaction for
every record, as registries without a log of their own do it; and that loop itself, which signs, sends and asks
for the receipt, remembers nothing, and is the least that any anchor takes.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import stage
from environments import INSTALL_S, PeerMissing
from measure import Figure, Goal, Readings, Round, Scale, Verdict, spread, take

from dxflow.engine import core as cores
from dxflow.engine.anchoring import Anchors
from dxflow.engine.anchoring.account import Account, Transaction
from dxflow.engine.anchoring.following import follow
from dxflow.engine.anchoring.rpc import GWEI, Node
from dxflow.engine.calling import Caller
from dxflow.engine.core import Core, OnChain
from dxflow.engine.ledger.log import Leaf
from dxflow.engine.services import tenants
from dxflow.engine.services.audit import chain_state, covering
from dxflow.engine.store import models

VERSION = "1.7.1"
BATCHES = (1, 100, 10_000)
LOOP_GOAL = Goal(reach=0.05, aim=0.1)
SHARE_GOAL = Goal(reach=500, aim=1_000)
GAS_GOAL = Goal(reach=9_000, aim=9_900)
_ETHER = 10**18
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_APPEND = 1_000


def figures(scale: Scale, place: Path) -> Iterator[Figure]:
    """One table; without a chain it says why."""
    place.mkdir()
    figure = Figure(
        "anchors: roots brought into a block, on SQLite and anvil",
        (
            "activities in a batch",
            "anchors /s",
            "ms per activity",
            "gas per activity",
            "ms: alone ÷ ours",
        ),
        (
            "peers: one transaction of 36 bytes for each record; and that loop itself, for the rate",
            "milliseconds are those of anchoring; logging the activities comes before, and is in `ledger`",
        ),
    )
    try:
        program = _anvil(scale)
    except PeerMissing as why:
        figure.rows.append((f"not taken: {why}", "–", "–", "–", "–"))
        yield figure
        return
    with _chain(program, place) as url, stage.installation(place / "home", 1) as home:
        _fill(figure, _readings(scale, home.core, url))
    yield figure


def _readings(scale: Scale, core: Core, url: str) -> Readings:
    anchors = cores.on_chain(core.store, core.keys, core.clock, OnChain(url, None, 1, 1.0))
    tenant_id = tenants.every()[0].id
    peer = Account.of("7" * 64)
    for account in (anchors.account, peer):
        _fund(url, account)
    turns: list[Callable[[], Round]] = [lambda: _alone(anchors.node, peer, scale.messages(100))]
    for batch in BATCHES:
        count = max(2, scale.messages(60) if batch < BATCHES[-1] else int(4 * scale.share))
        turns.append(lambda batch=batch, count=count: _ours(core, anchors, tenant_id, batch, count))  # type: ignore[misc]  # bound now
    return take(scale, *turns)


def _fill(figure: Figure, readings: Readings) -> None:
    ms, gas = readings.median("alone ms"), readings.median("alone gas")
    figure.rows.append(("1, alone (peer)", spread(readings.of("alone /s")), _small(ms), _small(gas), "1"))
    for batch in BATCHES:
        share, used = readings.median(f"{batch} ms"), readings.median(f"{batch} gas")
        ratio = spread(readings.ratio("alone ms", f"{batch} ms"), 1)
        figure.rows.append(
            (f"{batch:,}", spread(readings.of(f"{batch} /s")), _small(share), _small(used), ratio)
        )
    rate = (readings.median("1 /s"), readings.median("alone /s"), readings.versus("1 /s", "alone /s"))
    most = BATCHES[-1]
    share = 1 / readings.median(f"{most} ms"), 1 / ms, readings.versus("alone ms", f"{most} ms")
    fuel = 1 / readings.median(f"{most} gas"), 1 / gas, readings.versus("alone gas", f"{most} gas")
    figure.verdicts.append(Verdict("anchors/s (peer: the bare JSON-RPC loop)", LOOP_GOAL, *rate, "/s"))
    name = f"activities per ms of anchoring, {most:,} at a time (peer: one transaction each)"
    figure.verdicts.append(Verdict(name, SHARE_GOAL, *share, "/ms"))
    name = f"activities per unit of gas, {most:,} at a time (peer: one transaction each)"
    figure.verdicts.append(Verdict(name, GAS_GOAL, *fuel, "/gas"))


def _ours(core: Core, anchors: Anchors, tenant_id: str, batch: int, count: int) -> Round:
    taken, before = 0.0, models.Anchor.select().count()
    for _ in range(count):
        _log(core, tenant_id, batch)
        began = time.perf_counter()
        covering.cover(core)
        anchors.sign()
        while chain_state.waits():
            follow(anchors)
        taken += time.perf_counter() - began
    rows = list(models.Anchor.select().order_by(models.Anchor.id).offset(before))
    gas = sum(int(row.gas_used) for row in rows) / len(rows)
    return {
        f"{batch} /s": count / taken,
        f"{batch} ms": 1000 * taken / count / batch,
        f"{batch} gas": gas / batch,
    }


def _alone(node: Node, account: Account, count: int) -> Round:
    chain, first, fee = node.chain_id(), node.nonce(account.address), 2 * node.base_fee() + GWEI
    gas, began = 0, time.perf_counter()
    for nonce in range(first, first + count):
        data = b"DXA1" + nonce.to_bytes(32, "big").replace(b"\0", b"\1")
        call = Transaction(chain, nonce, GWEI, fee, 60_000, account.bytes, 0, data)
        sent = node.send(account.sign(call).raw)
        while (receipt := node.receipt(sent)) is None:
            pass
        gas += receipt.gas_used
    taken = time.perf_counter() - began
    return {"alone /s": count / taken, "alone ms": 1000 * taken / count, "alone gas": gas / count}


def _log(core: Core, tenant_id: str, count: int) -> None:
    """So many leaves of the size of registrations."""
    body = {"actor": "system", "activity": f"did:dep:{'0' * 64}", "event": "0" * 36}
    for first in range(0, count, _APPEND):
        with core.store.transaction():
            leaves = [Leaf("benchmark", body, {}) for _ in range(first, min(first + _APPEND, count))]
            core.log.append(tenant_id, leaves)


def _small(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _fund(url: str, account: Account) -> None:
    caller = Caller("anvil", url, cores.system_clock)
    call = {"jsonrpc": "2.0", "id": 1, "method": "anvil_setBalance", "params": [account.address, hex(_ETHER)]}
    caller.call("POST", "", Caller.json(call), {"Content-Type": "application/json"})


@contextmanager
def _chain(program: Path, place: Path) -> Iterator[str]:
    port = stage.free_port()
    child = stage.Child("anvil", [str(program), "--silent", "--port", str(port)], {}, place / "anvil.log")
    try:
        child.await_port(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        child.stop()


def _anvil(scale: Scale) -> Path:
    """The program, installed with npm into ``build/peers`` if need be. Raises PeerMissing."""
    place = stage.ROOT / "build" / "peers" / f"anvil-{VERSION}"
    package = f"anvil-{platform.system().lower()}-{_MACHINES.get(platform.machine().lower(), 'unknown')}"
    program = place / "node_modules" / "@foundry-rs" / package / "bin" / "anvil"
    npm = shutil.which("npm")
    if program.exists():
        return program
    if npm is None or not scale.peers:
        raise PeerMissing(
            "anvil comes with npm, which isn't here" if npm is None else "smoke installs nothing"
        )
    words = [npm, "install", "--no-fund", "--no-audit", "--ignore-scripts", "--prefix", str(place)]
    place.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(
            [*words, f"@foundry-rs/anvil@{VERSION}"], check=True, capture_output=True, timeout=INSTALL_S
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise PeerMissing(f"npm can't install anvil ({type(error).__name__})") from None
    if not program.exists():
        raise PeerMissing("there is no anvil for this machine")
    return program
