"""The single-file verifier against a real chain: what holds there, and every lie that doesn't."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from anchored import anchor, mined, settle
from chains import Chain

from dxflow.engine.anchoring import Anchors
from dxflow.engine.anchoring.account import Transaction
from dxflow.engine.anchoring.following import follow
from dxflow.engine.core import Core
from dxflow.engine.ledger import verifier
from dxflow.engine.services.audit import anchored, exports, log_keys
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

Grow = Callable[[], str]


@pytest.fixture
def bundle(core: Core, tenant: NewTenant, anchors: Anchors, chain: Chain, grow: Grow, tmp_path: Path) -> Path:
    """A log that grew on after its root came into a block that three confirm."""
    grow()
    anchor(anchors)
    settle(anchors, chain)
    grow()
    return export(core, tenant, tmp_path / "bundle.zip")


def export(core: Core, tenant: NewTenant, path: Path) -> Path:
    exports.export(core, tenant.controller.id, path, replace=True)
    return path


def told(bundle: Path, chain: Chain, *words: str) -> dict[str, object]:
    """What the file says when it is run as people run it."""
    done = subprocess.run(
        [sys.executable, verifier.__file__, str(bundle), "--rpc", chain.url, "--json", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    found: dict[str, object] = json.loads(done.stdout)
    assert done.returncode == (0 if found["ok"] else 1)
    return found


def test_an_anchored_log_holds_and_says_since_when(bundle: Path, chain: Chain) -> None:
    found = told(bundle, chain, "--confirmations", "3")
    assert found["ok"], found
    row = models.Anchor.get()
    since = f"in block {row.block_number} of {row.block_time:%Y-%m-%d %H:%M:%S} UTC"
    assert any(row.tx_hash in one and since in one for one in found["holds"])  # type: ignore[attr-defined]  # a list


def test_without_a_node_it_says_that_nobody_looked(bundle: Path) -> None:
    report = verifier.check(bundle, [])
    assert any("--rpc" in note for note in report.notes)


def test_too_few_confirmations_are_told(bundle: Path, chain: Chain) -> None:
    found = told(bundle, chain, "--confirmations", "100")
    assert (found["ok"], "confirmations" in str(found["problem"])) == (False, True)
    chain.mine(100)
    assert told(bundle, chain, "--confirmations", "100")["ok"]


def test_a_log_that_was_reorganised_away_holds_again_when_it_is_back(
    bundle: Path, chain: Chain, anchors: Anchors
) -> None:
    chain.reorganise(4)
    chain.forget_pending()
    assert "doesn't have" in str(told(bundle, chain)["problem"])
    follow(anchors, back=True)
    mined(anchors)
    assert told(bundle, chain)["ok"]


def test_a_node_of_another_chain_convicts_it(bundle: Path, chain: Chain) -> None:
    chain.ask("anvil_setChainId", 1)
    assert "of chain 1" in str(told(bundle, chain)["problem"])


def test_a_root_that_the_chain_never_saw_is_a_lie(
    core: Core, tenant: NewTenant, anchors: Anchors, chain: Chain, grow: Grow, tmp_path: Path
) -> None:
    """The operator says that a newer root stands in the transaction of an older one."""
    grow()
    first = anchor(anchors)
    grow()
    second = anchor(anchors)
    changed = {"tx_hash": first.tx_hash, "block_number": first.block_number, "block_hash": first.block_hash}
    models.Anchor.update(tx_hash="0x" + "00" * 32).where(models.Anchor.id == first.id).execute()
    models.Anchor.update(**changed).where(models.Anchor.id == second.id).execute()
    found = told(export(core, tenant, tmp_path / "lie.zip"), chain)
    assert "another root" in str(found["problem"])


def test_a_transaction_that_nobody_has_is_a_lie(
    core: Core, tenant: NewTenant, anchors: Anchors, chain: Chain, grow: Grow, tmp_path: Path
) -> None:
    grow()
    anchor(anchors)
    models.Anchor.update(tx_hash="0x" + "ab" * 32).execute()
    found = told(export(core, tenant, tmp_path / "lie.zip"), chain)
    assert "doesn't have" in str(found["problem"])


def test_a_transaction_that_failed_anchors_nothing(
    core: Core, tenant: NewTenant, anchors: Anchors, chain: Chain, grow: Grow, tmp_path: Path
) -> None:
    """The right data, sent to a contract that refuses everything; and dxflow doesn't take its own for good."""
    grow()
    row = anchor(anchors)
    account, refuses = anchors.account, bytes.fromhex("ee" * 20)
    chain.ask("anvil_setCode", "0x" + refuses.hex(), "0x60006000fd")
    data = b"DXA1" + bytes.fromhex(row.root)
    failed = account.sign(Transaction(31337, 1, 10**9, 10**10, 60_000, refuses, 0, data))
    chain.ask("eth_sendRawTransaction", "0x" + failed.raw.hex())
    chain.mine()
    models.Anchor.update(tx_hash=failed.hash).execute()
    assert "failed" in str(told(export(core, tenant, tmp_path / "lie.zip"), chain)["problem"])
    follow(anchors)
    assert models.Anchor.get().state == "lost"


def test_an_anchor_from_before_a_log_key_was_retired_holds_under_the_new_key(
    core: Core, tenant: NewTenant, anchors: Anchors, chain: Chain, grow: Grow, tmp_path: Path
) -> None:
    """The chain vouches for the root: whoever signed the checkpoint then."""
    grow()
    anchor(anchors)
    log_keys.rotate(core)
    log_keys.retire(core)
    grow()
    path = export(core, tenant, tmp_path / "bundle.zip")
    origin = core.log.head(tenant.controller.id).origin
    [active] = [key.vkey for key, signs in core.signing.every(origin) if signs]
    report = verifier.check(path, [verifier.Key.read(active)], chain=verifier.Chain(chain.url))
    assert any("holds the root" in one for one in report.holds)


def test_the_api_follows_an_activity_from_the_log_to_a_confirmed_block(
    core: Core, tenant: NewTenant, anchors: Anchors, chain: Chain, grow: Grow
) -> None:
    index = core.log.head(tenant.controller.id).size
    grow()
    assert anchored.of_entry(tenant.controller.id, index).state == "logged"
    row = anchor(anchors)
    found = anchored.of_entry(tenant.controller.id, index)
    assert (found.state, found.tx, found.block) == ("anchored", row.tx_hash, row.block_number)
    settle(anchors, chain)
    assert anchored.of_entry(tenant.controller.id, index).state == "confirmed"
    grow()
    assert anchored.of_entry(tenant.controller.id, index + 1).state == "logged"
