"""An anchor in a bundle: what the single-file verifier makes of it, alone and with a node to ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from anchored import written
from serving import in_json, served

from dxflow.engine.core import Core
from dxflow.engine.ledger import verifier
from dxflow.engine.ledger.log import Leaf
from dxflow.engine.services.audit import anchored, covering, exports
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

TX, BLOCK = "0x" + "ab" * 32, "0x" + "cd" * 32


def _grow(core: Core, tenant: NewTenant, count: int = 3) -> None:
    with core.store.transaction():
        core.log.append(
            tenant.controller.id, [Leaf("test", {"actor": "system", "n": n}) for n in range(count)]
        )


def _anchor(core: Core, state: str = "anchored") -> models.Anchor:
    return written(
        core,
        nonce=models.Anchor.select().count(),
        tx_hash=TX if state != "sent" else "0x" + "ee" * 32,
        state=state,
        block_number=7,
        block_hash=BLOCK,
        confirmations=3,
    )


@pytest.fixture
def bundle(core: Core, tenant: NewTenant, tmp_path: Path) -> Path:
    """A log that grew on after its root was anchored."""
    _grow(core, tenant)
    covering.cover(core)
    _anchor(core)
    _grow(core, tenant)
    covering.cover(core)
    exports.export(core, tenant.controller.id, tmp_path / "bundle.zip")
    return tmp_path / "bundle.zip"


class Node:
    """A node of a chain with one transaction."""

    def __init__(self, root: str) -> None:
        sent = {"hash": TX, "input": "0x" + verifier.ANCHOR.hex() + root, "blockHash": BLOCK}
        self.answers: dict[str, Any] = {
            "eth_chainId": hex(31337),
            "eth_getTransactionByHash": sent,
            "eth_getTransactionReceipt": {"status": "0x1", "blockNumber": "0x7", "blockHash": BLOCK},
            "eth_getBlockByNumber": {"hash": BLOCK, "timestamp": hex(1_790_000_000)},
            "eth_blockNumber": hex(9),
        }
        self.url = ""


@pytest.fixture
def node(bundle: Path) -> Iterator[Node]:
    del bundle
    found = Node(models.Anchor.get().root)

    def answer(_: dict[str, Any], asked: Any) -> tuple[str, Any]:
        return "200 OK", {"jsonrpc": "2.0", "id": 1, "result": found.answers[asked["method"]]}

    with served(in_json(answer)) as found.url:
        yield found


def test_alone_it_is_checked_as_far_as_it_goes_and_said_to_be_unasked(bundle: Path) -> None:
    report = verifier.check(bundle, [])
    assert any(TX in one and "use --rpc" in one for one in report.notes)


def test_with_a_node_it_holds_and_says_since_when(bundle: Path, node: Node) -> None:
    report = verifier.check(bundle, [], chain=verifier.Chain(node.url, 3))
    (told,) = [one for one in report.holds if TX in one]
    assert "block 7 of 2026-" in told
    assert "3 deep" in told


@pytest.mark.parametrize(
    ("method", "changed", "word"),
    [
        ("eth_chainId", hex(1), "of chain 1"),
        ("eth_getTransactionByHash", None, "doesn't have"),
        ("eth_getTransactionReceipt", None, "doesn't have"),
        ("eth_getTransactionByHash", {"input": "0x" + verifier.ANCHOR.hex() + "00" * 32}, "another root"),
        ("eth_getTransactionByHash", {"input": "0x"}, "another root"),
        ("eth_getTransactionByHash", {"hash": "0x" + "00" * 32}, "another transaction"),
        ("eth_getTransactionReceipt", {"status": "0x0"}, "failed"),
        ("eth_getBlockByNumber", {"hash": "0x" + "00" * 32}, "isn't part of the chain"),
        ("eth_blockNumber", hex(8), "only 2 of 3"),
        ("eth_blockNumber", "nonsense", "malformed"),
    ],
)
def test_a_chain_that_has_something_else_convicts_it(
    bundle: Path, node: Node, method: str, changed: object, word: str
) -> None:
    before = node.answers[method]
    node.answers[method] = before | changed if isinstance(changed, dict) else changed
    with pytest.raises(verifier.Broken, match=word):
        verifier.check(bundle, [], chain=verifier.Chain(node.url, 3))


def test_a_node_that_is_away_is_a_failure(bundle: Path) -> None:
    with pytest.raises(verifier.Broken, match="doesn't answer"):
        verifier.check(bundle, [], chain=verifier.Chain("http://127.0.0.1:9"))


def test_an_anchor_of_another_root_convicts_the_bundle(core: Core, tenant: NewTenant, tmp_path: Path) -> None:
    covering.cover(core)
    anchor = _anchor(core)
    anchor.root = "00" * 32
    anchor.save()
    exports.export(core, tenant.controller.id, tmp_path / "bundle.zip")
    with pytest.raises(verifier.Broken, match="another root"):
        verifier.check(tmp_path / "bundle.zip", [])


def test_without_an_anchor_the_bundle_says_so(core: Core, tenant: NewTenant, tmp_path: Path) -> None:
    exports.export(core, tenant.controller.id, tmp_path / "bundle.zip")
    assert any("was anchored on a chain" in one for one in verifier.check(tmp_path / "bundle.zip", []).notes)
    with pytest.raises(verifier.Broken, match="no anchor to look up"):
        verifier.check(tmp_path / "bundle.zip", [], chain=verifier.Chain("http://127.0.0.1:9"))


def test_an_entry_is_logged_until_an_anchor_that_covers_it_is_in_a_block(
    core: Core, tenant: NewTenant
) -> None:
    _grow(core, tenant)
    tenant_id, index = tenant.controller.id, core.log.head(tenant.controller.id).size - 1
    assert anchored.of_entry(tenant_id, index).state == "logged"
    covering.cover(core)
    _anchor(core, "sent")
    assert anchored.of_entry(tenant_id, index).state == "logged"
    _grow(core, tenant)
    covering.cover(core)
    _anchor(core, "confirmed")
    found = anchored.of_entry(tenant_id, index)
    assert (found.state, found.tx, found.block, found.confirmations) == ("confirmed", TX, 7, 3)
    assert anchored.of_entry(tenant_id, index + 50).state == "logged"
