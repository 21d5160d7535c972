"""A whole installation whose chain is stopped, begins anew and fails, and which is killed, under load."""

from __future__ import annotations

from collections.abc import Iterator

import chains
import pytest
from anchored import KEY, carried
from chains import Chain, anvil, running
from server import ask
from traffic import Crowd, shipments

from dxflow.engine.anchoring.account import Account
from waiting import wait_until

pytestmark = pytest.mark.fault

ADDRESS = Account.of(KEY).address
WEBHOOKS = 300


@pytest.fixture
def chain() -> Iterator[Chain]:
    program, why = anvil()
    if program is None:
        pytest.skip(why)
    with running(Chain(program)) as chain:
        chain.fund(ADDRESS)
        yield chain


proxy = chains.proxy


def test_people_are_registered_whatever_the_chain_does_and_every_root_is_anchored_once(
    installation, books, make_server, chain, proxy
):
    settings = {
        "chain_url": proxy.url,
        "chain_key": KEY,
        "chain_interval_s": 1,
        "chain_confirmations": 2,
        "log_format": "json",
    }
    server = make_server(installation.directory, **settings).start().ready()
    crowd = Crowd(server.port, installation.doors, patient=True)

    def trouble() -> None:
        wait_until(lambda: proxy.sent, timeout=30, what="the first anchor")
        chain.stop()
        crowd.wait_for(100)
        chain.start()  # without what it had
        chain.fund(ADDRESS)
        crowd.wait_for(150)
        proxy.fault = lambda call, onwards: (500, b"canary: an address of the node")
        crowd.wait_for(200)
        server.kill()
        server.start()
        proxy.fault = lambda call, onwards: (onwards(), None)[1]  # passed on, and every answer lost
        crowd.wait_for(250)
        proxy.fault = None

    crowd.send(shipments(WEBHOOKS, 5), trouble)
    assert crowd.statuses() <= {(200, "accepted"), (200, "duplicate")}
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    made = ask(installation.directory, "chain", "anchor", "--wait", **settings)
    assert made["state"] in ("anchored", "confirmed")
    assert server.stop() == 0

    rows = books.rows("SELECT size, root, nonce, raw, state FROM anchors ORDER BY id")
    assert {state for *_, state in rows} <= {"anchored", "confirmed"}
    assert len({size for size, *_ in rows}) == len({root for _, root, *_ in rows}) == len(rows)
    assert [nonce for _, _, nonce, *_ in rows] == list(range(len(rows)))
    assert chain.anchors_of(ADDRESS) == carried(*(root for _, root, *_ in rows))
    assert set(proxy.sent) <= {"0x" + bytes(raw).hex() for _, _, _, raw, _ in rows}
    log = server.log()
    assert "anchoring_failed" in log
    assert "canary" not in log
    assert "secret-path" not in log
    installation.verify_log()
