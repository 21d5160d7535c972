"""The installation's root on a real chain: signed, stored, sent, in a block, confirmed; once each."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from anchored import anchor, carried, mined, raw, rows, states
from chains import Chain, Proxy
from flow import at_once

from dxflow.engine.anchoring import Anchors, Unfunded, WrongChain
from dxflow.engine.anchoring.following import follow
from dxflow.engine.core import Core
from dxflow.engine.identity.keys import INSTALLATION
from dxflow.engine.services.audit import covering

Grow = Callable[[], str]


def test_a_root_goes_from_signed_to_confirmed(
    anchors: Anchors, chain: Chain, proxy: Proxy, grow: Grow
) -> None:
    root = grow()
    signed = anchors.sign()
    assert signed is not None
    assert (signed.state, signed.root, proxy.sent) == ("signed", root, [])

    row = mined(anchors)
    assert row.state == "anchored"
    assert chain.anchors_of(anchors.account.address) == carried(root)
    block = chain.ask("eth_getBlockByNumber", hex(row.block_number), False)
    receipt = chain.ask("eth_getTransactionReceipt", row.tx_hash)
    assert (row.block_hash, row.block_time.timestamp()) == (block["hash"], int(block["timestamp"], 16))
    assert row.gas_used == int(receipt["gasUsed"], 16)
    assert int(row.fee) == row.gas_used * int(receipt["effectiveGasPrice"], 16)

    chain.mine(1)
    assert follow(anchors) == (1, 0)
    assert rows()[0].confirmations == 2
    chain.mine(1)
    assert follow(anchors) == (0, 1)
    assert (states(), rows()[0].confirmations) == (["confirmed"], 3)
    assert set(proxy.sent) == {raw(row)}


def test_an_idle_installation_anchors_once_and_its_log_stays_as_it_is(
    core: Core, anchors: Anchors, chain: Chain, grow: Grow
) -> None:
    grow()
    size = core.log.head(INSTALLATION).size
    anchor(anchors)
    for _ in range(3):
        covering.cover(core)
        assert anchors.sign() is None
        follow(anchors, back=True)
    assert core.log.head(INSTALLATION).size == size
    assert len(chain.anchors_of(anchors.account.address)) == 1


def test_before_anything_is_covered_there_is_nothing_to_anchor(core: Core, anchors: Anchors) -> None:
    with core.store.transaction():
        core.log.open_installation()
    assert anchors.sign() is None
    assert follow(anchors, back=True) == (0, 0)


def test_a_newer_root_waits_for_the_one_on_its_way(anchors: Anchors, chain: Chain, grow: Grow) -> None:
    chain.ask("evm_setAutomine", False)
    first = grow()
    assert anchors.sign() is not None
    follow(anchors)
    grow()
    last = grow()
    assert anchors.sign() is None
    chain.mine()
    mined(anchors)
    assert anchors.sign() is not None
    follow(anchors)
    chain.mine()
    mined(anchors)
    assert chain.anchors_of(anchors.account.address) == carried(first, last)
    assert [row.nonce for row in rows()] == [0, 1]


def test_many_who_sign_at_once_sign_one(
    core: Core, anchors: Anchors, chain: Chain, proxy: Proxy, grow: Grow
) -> None:
    root = grow()

    def work() -> None:
        anchors.sign()
        follow(anchors)

    assert at_once(core, [work] * 6) == [None] * 6
    mined(anchors)
    assert chain.anchors_of(anchors.account.address) == carried(root)
    assert states() == ["anchored"]
    assert len(set(proxy.sent)) == 1


def test_without_money_nothing_is_signed_and_the_text_says_whom_to_send_some(
    anchors: Anchors, chain: Chain, grow: Grow
) -> None:
    grow()
    for wei in (0, 10**9):
        chain.fund(anchors.account.address, wei)
        with pytest.raises(Unfunded, match=anchors.account.address):
            anchors.sign()
    assert rows() == []


def test_what_the_account_sent_elsewhere_is_no_hindrance(anchors: Anchors, chain: Chain, grow: Grow) -> None:
    """Nonces follow the chain where it is ahead."""
    address = anchors.account.address
    chain.ask("anvil_setNonce", address, hex(7))
    grow()
    assert anchor(anchors).nonce == 7


def test_another_chain_is_refused_until_somebody_changes_over(
    anchors: Anchors, chain: Chain, grow: Grow
) -> None:
    grow()
    anchor(anchors)
    chain.ask("anvil_setChainId", 4242)
    grow()
    for call in (anchors.sign, lambda: follow(anchors)):
        with pytest.raises(WrongChain, match="31337"):
            call()
    anchors.begin_anew()
    assert anchor(anchors).chain_id == 4242
