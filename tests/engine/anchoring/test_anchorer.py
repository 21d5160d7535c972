"""The thread that anchors, while people are registered: none waits for the chain, and a kill loses nothing."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from typing import NoReturn

from anchored import anchoring, carried, mined, only_what_was_stored, rows, settle, states
from chains import Chain, Proxy
from flow import Sender, customer, drain, seeing

from dxflow.engine import core as cores
from dxflow.engine.anchorer import Anchorer
from dxflow.engine.anchoring import Anchors
from dxflow.engine.anchoring.following import follow
from dxflow.engine.anchoring.rpc import Node
from dxflow.engine.core import Core
from dxflow.engine.ledger.log import INSTALLATION, Leaf
from dxflow.engine.services import tenants
from dxflow.engine.services.audit import covering, verifying
from dxflow.engine.store import Store, models
from waiting import wait_until

BAD = (
    (500, b"oops"),
    (200, b"<html>"),
    None,
    (429, b""),
    (200, b'{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"busy"}}'),
)


def registered() -> int:
    return int(models.Registration.select().count())


def test_people_are_registered_while_the_chain_says_nothing(
    core: Core, anchors: Anchors, proxy: Proxy, shopify: Sender
) -> None:
    let_go = threading.Event()

    def silent(call: object, onwards: Callable[[], bytes]) -> tuple[int, bytes]:
        let_go.wait(30)
        return 200, onwards()

    proxy.fault = silent
    anchorer = Anchorer(core, anchors, 0.01, soon=0.01)
    anchorer.start()
    try:
        wait_until(lambda: proxy.calls, what="the first question to the chain")
        for number in range(5):
            shopify.send("customers/create", customer(number))
        drain(core)
        assert registered() == 5
        assert not let_go.is_set()
    finally:
        let_go.set()
        anchorer.stop(20)


def test_over_a_chain_that_fails_half_the_time_every_root_is_anchored_once(
    core: Core, anchors: Anchors, chain: Chain, proxy: Proxy, shopify: Sender
) -> None:
    """Faults in a fixed order; every third call passes, and every other of those loses its answer."""
    count = 0

    def bad(call: object, onwards: Callable[[], bytes]) -> tuple[int, bytes] | None:
        nonlocal count
        count += 1
        if count % 3:
            return BAD[count % len(BAD)]
        answer = onwards()
        return None if count % 2 else (200, answer)

    anchorer = Anchorer(core, anchors, 0.01, soon=0.01)
    anchorer.start()
    try:
        for number in range(6):
            proxy.fault = bad if number % 2 else None
            shopify.send("customers/create", customer(number))
            drain(core)
            covering.cover(core)
        proxy.fault = None
        newest = core.log.head(INSTALLATION).size
        wait_until(
            lambda: rows() and rows()[-1].size == newest and rows()[-1].block_number,
            timeout=60,
            what="the end",
        )
    finally:
        anchorer.stop(20)
    assert registered() == 6
    settle(anchors, chain)
    sizes = [row.size for row in rows()]
    assert sizes == sorted(set(sizes))
    assert [row.nonce for row in rows()] == list(range(len(sizes)))
    assert chain.anchors_of(anchors.account.address) == carried(*(row.root for row in rows()))
    only_what_was_stored(proxy)
    assert verifying.verify_logs(core).ok


def test_two_threads_of_two_processes_do_no_harm(
    core: Core, anchors: Anchors, chain: Chain, proxy: Proxy, grow: Callable[[], str]
) -> None:
    roots = [grow()]
    threads = [Anchorer(core, anchors, 0.01, soon=0.01) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            wait_until(lambda: rows() and rows()[-1].root == roots[-1] and rows()[-1].block_number)
            roots.append(grow())
        wait_until(lambda: rows()[-1].root == roots[-1] and rows()[-1].block_number)
    finally:
        for thread in threads:
            thread.stop(20)
    assert chain.anchors_of(anchors.account.address) == carried(*roots)
    only_what_was_stored(proxy)


def test_without_a_chain_there_is_no_thread(core: Core) -> None:
    assert Anchorer.of(core) is None


def test_killed_between_storing_and_sending_the_stored_bytes_are_sent(
    database_url: str, chain: Chain, proxy: Proxy
) -> None:
    """SIGKILL in place of the first send, twice: no second transaction is signed, and nothing else goes out."""
    for _ in range(2):
        child = _spawn.Process(target=_sign_and_die, args=(database_url, proxy.url, chain.url))
        child.start()
        child.join(60)
        assert child.exitcode == -signal.SIGKILL
    with Store(database_url) as store:
        core = cores.build(store, b"k" * 32, host="dxflow.example")
        anchors = anchoring(core, proxy.url)
        assert (states(), proxy.sent) == (["signed"], [])
        mined(anchors)
        [row] = rows()
        assert proxy.sent == ["0x" + bytes(row.raw).hex()] * len(proxy.sent) != []
        assert chain.anchors_of(anchors.account.address) == carried(row.root)


_spawn = multiprocessing.get_context("spawn")


@seeing
def _sign_and_die(database_url: str, url: str, chain_url: str) -> None:
    def die(*_: object) -> NoReturn:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("unreachable")

    Node.send = die  # type: ignore[method-assign]  # the process ends where it would have sent
    with Store(database_url) as store:
        store.migrate()
        core = cores.build(store, b"k" * 32, host="dxflow.example")
        anchors = anchoring(core, url)
        Chain.fund(_at(chain_url), anchors.account.address)
        if not rows():
            made = tenants.create(core, "Acme Shop", "DE").controller.id
            with store.transaction():
                core.log.append(made, [Leaf("test", {})])
            covering.cover(core)
        anchors.sign()
        follow(anchors)


def _at(url: str) -> Chain:
    from pathlib import Path

    return Chain(Path("anvil"), port=int(url.rpartition(":")[2]))
