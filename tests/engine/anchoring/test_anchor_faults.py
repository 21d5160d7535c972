"""A chain that is away, begins anew, changes its mind or lies: each root once, always the same bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from anchored import anchor, carried, mined, only_what_was_stored, raw, rows, settle, states
from chains import Chain, Proxy, running

from dxflow.engine.anchoring import Anchors
from dxflow.engine.anchoring.account import Account, Transaction
from dxflow.engine.anchoring.following import LOOK_BACK, follow
from dxflow.engine.core import Core
from dxflow.engine.errors import TransientError
from waiting import wait_until

Grow = Callable[[], str]
Call = dict[str, Any]
OnWards = Callable[[], bytes]
Answer = tuple[int, bytes] | None


def failing(answer: Callable[[Call, OnWards], Answer], *methods: str) -> Callable[[Call, OnWards], Answer]:
    """A fault of these methods (of all, for none)."""

    def fault(call: Call, onwards: OnWards) -> Answer:
        return answer(call, onwards) if not methods or call["method"] in methods else (200, onwards())

    return fault


def refusal(code: int, message: str) -> Callable[[Call, OnWards], Answer]:
    def answer(call: Call, onwards: OnWards) -> Answer:
        error = {"code": code, "message": message}
        return 200, json.dumps({"jsonrpc": "2.0", "id": call["id"], "error": error}).encode()

    return answer


def lost(call: Call, onwards: OnWards) -> Answer:
    """Passed on, and the answer never arrives."""
    onwards()
    return None


BAD_ANSWERS: dict[str, Callable[[Call, OnWards], Answer]] = {
    "500": lambda call, onwards: (500, b"Internal Server Error"),
    "403 with a secret": lambda call, onwards: (403, b"key a-secret-path is over its limit"),
    "hung up": lambda call, onwards: None,
    "HTML": lambda call, onwards: (200, b"<html>a-secret-path</html>"),
    "empty": lambda call, onwards: (200, b""),
    "a list": lambda call, onwards: (200, b"[]"),
    "another call's answer": lambda call, onwards: (200, b'{"jsonrpc":"2.0","id":-1,"result":"0x1"}'),
    "no result": lambda call, onwards: (200, json.dumps({"jsonrpc": "2.0", "id": call["id"]}).encode()),
    "garbage": lambda call, onwards: (
        200,
        json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": "0xXYZ"}).encode(),
    ),
    "a number too large": lambda call, onwards: (
        200,
        json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": "0x" + "f" * 65}).encode(),
    ),
    "a refusal": refusal(-32000, "a-secret-path: internal error"),
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_whatever_a_node_answers_nothing_is_lost_or_told(
    anchors: Anchors, chain: Chain, proxy: Proxy, grow: Grow, name: str
) -> None:
    root = grow()
    proxy.fault = failing(BAD_ANSWERS[name])
    for call in (anchors.sign, lambda: follow(anchors)):
        with pytest.raises(TransientError) as caught:
            call()
        assert "secret" not in str(caught.value)
    assert rows() == []
    proxy.fault = None
    assert anchors.sign() is not None
    proxy.fault = failing(BAD_ANSWERS[name], "eth_sendRawTransaction")
    for _ in range(2):
        with pytest.raises(TransientError):
            follow(anchors)
    assert "secret" not in str(rows()[0].error)
    proxy.fault = None
    settle(anchors, chain)
    assert chain.anchors_of(anchors.account.address) == carried(root)
    only_what_was_stored(proxy)


def test_a_lost_answer_is_no_reason_to_send_other_bytes(
    anchors: Anchors, chain: Chain, proxy: Proxy, grow: Grow
) -> None:
    root = grow()
    anchors.sign()
    proxy.fault = failing(lost, "eth_sendRawTransaction")
    with pytest.raises(TransientError):
        follow(anchors)
    assert states() == ["signed"]
    proxy.fault = None  # where the block takes its time the bytes are sent again
    assert mined(anchors).state == "anchored"
    assert chain.anchors_of(anchors.account.address) == carried(root)


@pytest.mark.parametrize(
    ("code", "message"),
    [(-32000, "already known"), (-32003, "nonce too low"), (-32000, "replacement transaction underpriced")],
)
def test_a_refusal_of_bytes_that_are_known_is_followed_up(
    anchors: Anchors, chain: Chain, proxy: Proxy, grow: Grow, code: int, message: str
) -> None:
    root = grow()
    anchors.sign()

    def known(call: Call, onwards: OnWards) -> Answer:
        onwards()
        return refusal(code, message)(call, onwards)

    proxy.fault = failing(known, "eth_sendRawTransaction")
    with suppress(TransientError):
        follow(anchors)
    mined(anchors)
    assert states() == ["anchored"]
    assert chain.anchors_of(anchors.account.address) == carried(root)
    only_what_was_stored(proxy)


def test_a_transaction_that_nodes_forgot_is_sent_again(
    anchors: Anchors, chain: Chain, proxy: Proxy, grow: Grow
) -> None:
    chain.ask("evm_setAutomine", False)
    root = grow()
    anchors.sign()
    follow(anchors)
    chain.forget_pending()
    settle(anchors, chain)
    assert chain.anchors_of(anchors.account.address) == carried(root)
    assert len(set(proxy.sent)) == 1


@pytest.mark.parametrize("confirmations", [1, 5])
def test_a_reorganisation_brings_the_same_bytes_into_another_block(
    anchors: Anchors, chain: Chain, proxy: Proxy, grow: Grow, confirmations: int
) -> None:
    """Also after enough confirmations, as long as it is among the newest."""
    root = grow()
    anchor(anchors)
    chain.mine(confirmations)
    follow(anchors)
    [before] = rows()
    assert before.state == ("confirmed" if confirmations == 5 else "anchored")

    chain.reorganise(confirmations + 1)
    chain.forget_pending()
    follow(anchors, back=True)
    settle(anchors, chain)
    [after] = rows()
    assert (after.state, after.raw) == ("confirmed", before.raw)
    assert after.block_hash != before.block_hash
    assert chain.anchors_of(anchors.account.address) == carried(root)
    only_what_was_stored(proxy)


def test_a_block_that_is_replaced_by_one_with_the_same_transaction(
    anchors: Anchors, chain: Chain, grow: Grow
) -> None:
    root = grow()
    before = anchor(anchors)
    chain.ask("anvil_reorg", 1, [[raw(before), 0]])
    follow(anchors)
    after = mined(anchors)
    assert (after.state, after.nonce) == ("anchored", before.nonce)
    assert after.block_hash != before.block_hash
    assert after.block_hash == chain.ask("eth_getTransactionReceipt", after.tx_hash)["blockHash"]
    assert chain.anchors_of(anchors.account.address) == carried(root)


def test_a_chain_set_back_to_a_snapshot_gets_all_again_in_the_order_of_nonces(
    anchors: Anchors, chain: Chain, proxy: Proxy, grow: Grow
) -> None:
    snapshot = chain.ask("evm_snapshot")
    roots = []
    for _ in range(4):
        roots.append(grow())
        anchor(anchors)
        settle(anchors, chain)
    chain.ask("evm_revert", snapshot)
    proxy.sent.clear()
    grow()
    assert anchors.sign() is None  # what was there goes first
    follow(anchors)
    settle(anchors, chain)
    assert chain.anchors_of(anchors.account.address) == carried(*roots)
    assert list(dict.fromkeys(proxy.sent)) == [raw(row) for row in rows()]


@pytest.fixture
def lasting(anvil_program: Path, tmp_path: Path) -> Iterator[Chain]:
    """A chain that keeps its state over a restart."""
    with running(Chain(anvil_program, state=tmp_path / "chain.json")) as chain:
        yield chain


@pytest.fixture
def chain(request: pytest.FixtureRequest, anvil_program: Path, tmp_path: Path) -> Iterator[Chain]:
    """``keeps`` by a mark: whether its state outlives a restart."""
    keeps = request.node.get_closest_marker("parametrize") and request.node.callspec.params.get("keeps")
    with running(Chain(anvil_program, state=tmp_path / "chain.json" if keeps else None)) as chain:
        yield chain


@pytest.mark.parametrize("keeps", [True, False])
def test_a_chain_that_is_stopped_and_started_again(
    anchors: Anchors, chain: Chain, proxy: Proxy, grow: Grow, keeps: bool
) -> None:
    """With its state it goes on; without, it gets again what it had."""
    roots = [grow()]
    anchor(anchors)
    roots.append(grow())
    chain.stop()
    with pytest.raises(TransientError):
        anchors.sign()
    with pytest.raises(TransientError):
        follow(anchors)
    chain.start()
    chain.fund(anchors.account.address)
    follow(anchors, back=True)
    settle(anchors, chain)
    anchor(anchors)
    settle(anchors, chain)
    assert chain.anchors_of(anchors.account.address) == carried(*roots)
    assert states() == ["confirmed", "confirmed"]
    only_what_was_stored(proxy)


def test_a_nonce_that_somebody_else_used_loses_the_anchor_once_that_is_certain(
    anchors: Anchors, chain: Chain, proxy: Proxy, grow: Grow
) -> None:
    root = grow()
    anchors.sign()
    account: Account = anchors.account
    other = account.sign(Transaction(31337, 0, 10**9, 10**11, 50_000, account.bytes, 0, b"somebody else"))
    chain.ask("eth_sendRawTransaction", "0x" + other.raw.hex())
    wait_until(lambda: chain.anchors_of(account.address), what="the other's block")
    follow(anchors)
    assert states() == ["signed"]  # one block isn't certain
    assert anchors.sign() is None
    chain.mine(3)
    follow(anchors)
    assert states() == ["lost"]
    assert anchors.sign() is not None
    follow(anchors)
    settle(anchors, chain)
    assert states() == ["lost", "confirmed"]
    assert [row.nonce for row in rows()] == [0, 1]
    assert [data for data in chain.anchors_of(account.address) if data in carried(root)] == carried(root)
    only_what_was_stored(proxy)


def test_a_fee_that_became_too_low_waits_until_it_is_given_up(
    anchors: Anchors, chain: Chain, proxy: Proxy, grow: Grow
) -> None:
    root = grow()
    chain.ask("evm_setAutomine", False)
    anchors.sign()
    follow(anchors)
    chain.forget_pending()
    chain.ask("anvil_setNextBlockBaseFeePerGas", hex(10**12))
    chain.mine()
    chain.fund(anchors.account.address)
    chain.ask("evm_setAutomine", True)
    with pytest.raises(TransientError):
        follow(anchors)
    assert states() == ["sent"]
    assert anchors.begin_anew() == 1
    assert anchors.sign(past_waiting=True) is not None
    follow(anchors)
    settle(anchors, chain)
    assert chain.anchors_of(anchors.account.address) == carried(root)
    assert states() == ["lost", "confirmed"]
    assert [row.nonce for row in rows()] == [0, 0]


def test_a_node_that_asks_an_absurd_fee_gets_nothing(anchors: Anchors, proxy: Proxy, grow: Grow) -> None:
    grow()

    def greedy(call: Call, onwards: OnWards) -> Answer:
        return 200, json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": hex(10**18)}).encode()

    proxy.fault = failing(greedy, "eth_maxPriorityFeePerGas")
    with pytest.raises(TransientError, match="no chain does"):
        anchors.sign()
    assert rows() == []


def test_a_node_that_knows_no_tip_is_given_one(anchors: Anchors, proxy: Proxy, grow: Grow) -> None:
    grow()
    proxy.fault = failing(refusal(-32601, "Method not found"), "eth_maxPriorityFeePerGas")
    assert anchors.sign() is not None


def test_a_node_behind_the_chain_makes_nobody_sign_twice(
    anchors: Anchors, chain: Chain, proxy: Proxy, grow: Grow
) -> None:
    """It counts fewer transactions than were in blocks already, as one of many behind one address may."""
    first = grow()
    anchor(anchors)

    def behind(call: Call, onwards: OnWards) -> Answer:
        return 200, json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": "0x0"}).encode()

    second = grow()
    proxy.fault = failing(behind, "eth_getTransactionCount")
    assert anchors.sign() is None
    follow(anchors)
    assert states() == ["sent"]
    proxy.fault = None
    settle(anchors, chain)
    anchors.sign()
    settle(anchors, chain)
    assert chain.anchors_of(anchors.account.address) == carried(first, second)
    only_what_was_stored(proxy)


def test_the_newest_confirmed_anchors_are_looked_at_again(
    core: Core, anchors: Anchors, proxy: Proxy, grow: Grow, chain: Chain
) -> None:
    grow()
    anchors.sign()
    settle(anchors, chain)
    proxy.calls.clear()
    follow(anchors)
    assert "eth_getTransactionReceipt" not in proxy.calls
    follow(anchors, back=True)
    assert proxy.calls.count("eth_getTransactionReceipt") == 1 <= LOOK_BACK
