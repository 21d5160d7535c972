"""``chain`` and its part of ``doctor``: what an operator sees before, while and after roots are anchored."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from anchored import KEY
from chains import Chain, anvil, running
from commands import Home
from wire import free_port

from dxflow.engine.anchoring.account import Account

ADDRESS = Account.of(KEY).address


@pytest.fixture(scope="module")
def chain() -> Iterator[Chain]:
    program, why = anvil()
    if program is None:
        pytest.skip(why)
    with running(Chain(program)) as chain:
        yield chain


@pytest.fixture
def settings(chain: Chain) -> dict[str, object]:
    chain.ask("anvil_setBalance", ADDRESS, "0x0")
    return {"chain_url": chain.url, "chain_key": KEY, "chain_confirmations": 2}


def test_without_a_chain_both_commands_say_so(shop: Home) -> None:
    for words in (("chain", "show"), ("chain", "anchor")):
        shop.run(*words).refused("DXFLOW_CHAIN_URL isn't set")


def test_at_first_it_says_whom_to_send_money(shop: Home, settings: dict[str, object]) -> None:
    found = shop.run("chain", "show", "--json", **settings).document
    assert (found["account"], found["balance_wei"], found["anchors"]) == (ADDRESS, 0, [])
    assert ADDRESS in found["advice"]
    shop.run("chain", "anchor", **settings).refused(ADDRESS)
    doctor = shop.run("doctor", "--json", **settings).document["checks"][-1]
    assert (doctor["name"], doctor["ok"]) == ("chain", False)
    assert ADDRESS in doctor["detail"]


def test_anchor_waits_for_a_block_and_show_tells_of_it(
    shop: Home, chain: Chain, settings: dict[str, object]
) -> None:
    chain.fund(ADDRESS)
    ended = shop.run("chain", "anchor", "--wait", "--json", **settings)
    assert ended.code == 0, ended
    made = ended.document
    assert made["state"] in ("anchored", "confirmed")
    assert chain.ask("eth_getTransactionReceipt", made["tx"])["status"] == "0x1"
    again = shop.run("chain", "anchor", "--wait", "--json", **settings).document
    assert again["id"] == made["id"]
    shown = shop.run("chain", "show", "--json", **settings)
    assert (shown.code, shown.document["lag"].partition(" ")[0]) == (0, "nothing")
    assert [row["tx"] for row in shown.document["anchors"]] == [made["tx"]]
    people = shop.run("chain", "show", **settings)
    assert made["tx"] in people.out
    assert f"block {made['block']}" in people.out
    assert shop.run("doctor", "--json", **settings).document["checks"][-1]["ok"]


def test_a_chain_that_is_away_is_a_problem_told_without_its_path(shop: Home) -> None:
    url = f"http://127.0.0.1:{free_port()}/v3/canary"
    ended = shop.run("chain", "show", "--json", chain_url=url)
    assert (ended.code, "can't be reached" in ended.document["problem"]) == (1, True)
    assert ended.document["account"].startswith("0x")
    refused = shop.run("chain", "anchor", chain_url=url)
    refused.refused("can't be reached")
    doctor = shop.run("doctor", "--json", chain_url=url)
    assert not doctor.document["checks"][-1]["ok"]
    assert "canary" not in "".join(one.out + one.err for one in (ended, refused, doctor))


def test_another_chain_is_refused_until_anchoring_begins_anew(
    shop: Home, chain: Chain, settings: dict[str, object]
) -> None:
    chain.fund(ADDRESS)
    shop.run("chain", "anchor", "--wait", **settings)
    try:
        chain.ask("anvil_setChainId", 99)
        shop.run("chain", "anchor", **settings).refused("--anew")
        assert "99" in shop.run("chain", "show", "--json", **settings).document["problem"]
        made = shop.run("chain", "anchor", "--anew", "--wait", "--json", **settings).document
        assert made["chain_id"] == 99
    finally:
        chain.ask("anvil_setChainId", 31337)
