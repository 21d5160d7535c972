"""Acceptance: shared commits, duplicates, refusals, and nobody told "accepted" before the commit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from flow import Sender, at_once, claim, customer, events, settle

from dxflow.engine import inbox
from dxflow.engine.core import Core
from dxflow.engine.errors import Malformed, NotAuthentic, NotFound, PermanentError, Unavailable
from dxflow.engine.inbox import Accepted, Arrival, Inbox
from dxflow.engine.platforms.base import Delivery
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import Store, models
from waiting import wait_until

CONNECTOR = "5a1f3c9e-7f7c-4a3b-9a53-0f3f6f1f7a01"


def _arrival(
    tenant: NewTenant, key: str, *, topic: str = "customers/create", handled: bool = True
) -> Arrival:
    return Arrival(
        tenant_id=tenant.controller.id,
        connector_id=CONNECTOR,
        source="shopify",
        topic=topic,
        trust="signed",
        key=(key,),
        body=b'{"id": 1, "email": "person1@shop.example"}',
        meta={"shop_domain": "demo.myshopify.com"},
        handled=handled,
    )


def test_fifty_deliveries_at_once_are_all_committed_each_once(core: Core, tenant: NewTenant) -> None:
    box = Inbox(core)
    calls = [lambda n=n: box.accept(_arrival(tenant, f"d{n}")) for n in range(50)]
    results = at_once(core, calls)
    assert {result.status for result in results} == {"accepted"}  # type: ignore[union-attr]
    ids = {result.event_id for result in results}  # type: ignore[union-attr]
    assert ids == {event.id for event in events("webhook")}
    assert len(ids) == 50


def test_of_equal_deliveries_at_once_one_is_accepted_and_the_others_name_it(
    core: Core, tenant: NewTenant
) -> None:
    box = Inbox(core)
    calls = [lambda n=n: box.accept(_arrival(tenant, f"d{n % 10}")) for n in range(50)]
    results = at_once(core, calls)
    assert all(isinstance(result, Accepted) for result in results), results
    by_key = [[results[n] for n in range(key, 50, 10)] for key in range(10)]
    for same in by_key:
        assert sorted(result.status for result in same) == ["accepted"] + ["duplicate"] * 4  # type: ignore[union-attr]
        assert len({result.event_id for result in same}) == 1  # type: ignore[union-attr]
    assert len(events("webhook")) == 10


def test_two_processes_that_get_the_same_delivery_store_it_once(core: Core, tenant: NewTenant) -> None:
    boxes = [Inbox(core) for _ in range(8)]  # each with its own pile, as in a process of its own
    results = at_once(core, [lambda box=box: box.accept(_arrival(tenant, "d")) for box in boxes])
    assert sorted(result.status for result in results) == ["accepted"] + ["duplicate"] * 7  # type: ignore[union-attr]
    assert len(events("webhook")) == 1


def test_piles_larger_than_one_commit_are_committed_to_the_last(core: Core, tenant: NewTenant) -> None:
    box = Inbox(core, largest=3)
    calls = [lambda n=n: [box.accept(_arrival(tenant, f"d{n}.{m}")) for m in range(10)] for n in range(16)]
    results = at_once(core, calls)
    assert all(isinstance(result, list) for result in results), results
    assert len(events("webhook")) == 160


class _Gate:
    """A store whose transactions wait until they may begin, and may end badly."""

    def __init__(self, store: Store) -> None:
        self.dialect, self.database, self.announce = store.dialect, store.database, store.announce
        self._store = store
        self.open = threading.Event()
        self.fault: BaseException | None = None
        self.transactions = 0

    @contextmanager
    def transaction(self, *, urgent: bool) -> Iterator[None]:
        assert self.open.wait(10)
        self.transactions += 1
        with self._store.transaction(urgent=urgent):
            yield
            if self.fault is not None:
                raise self.fault

    def pass_together(self, box: Inbox, accept: Callable[[int], object], count: int) -> None:
        """So many threads accept something: the first opens a transaction, the others pile up behind it, and
        only then it goes on."""

        def run(number: int) -> None:
            try:
                accept(number)
            finally:
                self._store.close()

        threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(box._pile) == count - 1, what="everybody but the first to be in the pile")
        self.open.set()
        for thread in threads:
            thread.join(10)
        assert not any(thread.is_alive() for thread in threads)


@pytest.fixture
def gate(core: Core, monkeypatch: pytest.MonkeyPatch) -> _Gate:
    made = _Gate(core.store)
    object.__setattr__(core, "store", made)
    monkeypatch.setattr(made, "close", made._store.close, raising=False)
    return made


def test_commits_are_shared(core: Core, tenant: NewTenant, gate: _Gate) -> None:
    box = Inbox(core)
    gate.pass_together(box, lambda number: box.accept(_arrival(tenant, f"d{number}")), 20)
    assert gate.transactions == 2
    assert len(events("webhook")) == 20


@pytest.mark.parametrize(
    "fault", [Unavailable("the database doesn't answer"), RuntimeError("canary@x.example")]
)
def test_a_failing_commit_tells_everybody_and_stores_nothing(
    core: Core, tenant: NewTenant, gate: _Gate, fault: Exception
) -> None:
    box, told = Inbox(core), []

    def accept(number: int) -> None:
        try:
            box.accept(_arrival(tenant, f"d{number}"))
        except Unavailable as error:
            told.append(error)

    gate.fault = fault
    gate.pass_together(box, accept, 10)
    assert len(told) == 10
    assert len(set(map(id, told))) == 10, "an error raised in two threads mixes their tracebacks"
    assert "canary" not in "".join(map(str, told))
    assert events("webhook") == []
    gate.fault = None
    assert box.accept(_arrival(tenant, "d0")).status == "accepted"


def test_a_row_that_the_database_refuses_does_not_cost_its_neighbours(
    core: Core, tenant: NewTenant, gate: _Gate
) -> None:
    box = Inbox(core)
    stranger = Arrival(
        **{name: getattr(_arrival(tenant, "x"), name) for name in Arrival.__slots__} | {"source": None}
    )
    results: dict[int, object] = {}

    def accept(number: int) -> None:
        try:
            results[number] = box.accept(stranger if number == 3 else _arrival(tenant, f"d{number}"))
        except Unavailable as error:
            results[number] = error

    gate.pass_together(box, accept, 8)
    assert isinstance(results.pop(3), Unavailable)
    assert {result.status for result in results.values()} == {"accepted"}  # type: ignore[attr-defined]
    assert len(events("webhook")) == 7


def test_a_commit_cut_short_leaves_nobody_waiting_for_ever(
    core: Core, tenant: NewTenant, gate: _Gate
) -> None:
    box, results = Inbox(core), []

    def accept(number: int) -> None:
        try:
            box.accept(_arrival(tenant, f"d{number}"))
        except (Unavailable, SystemExit) as error:
            results.append(type(error))

    gate.fault = SystemExit()
    gate.pass_together(box, accept, 4)
    assert sorted(results, key=str) == sorted([SystemExit, SystemExit, Unavailable, Unavailable], key=str)
    assert events("webhook") == []


def test_an_ignored_topic_is_stored_and_not_run(core: Core, shopify: Sender) -> None:
    answer = shopify.send("products/update", {"id": 1})
    assert answer.status == "ignored"
    (event,) = settle(core)
    assert (event.id, event.state, event.step, event.due_at) == (answer.event_id, "done", "done", None)
    assert event.history == []
    assert inbox.open_payload(core, event) == b'{"id": 1}'
    assert models.ProcessingActivity.select().count() == 0


def test_the_body_is_kept_as_it_came_and_opens_in_its_own_row_alone(core: Core, shopify: Sender) -> None:
    body = b'{ "id":1,\t"email":"a@shop.example", "state":"enabled" }'
    shopify.send("customers/create", body)
    shopify.send("customers/create", customer())
    first, second = events("webhook")
    assert inbox.open_payload(core, first) == body
    first.payload_sealed = second.payload_sealed
    with pytest.raises(Exception, match="altered"):
        inbox.open_payload(core, first)
    first.payload_sealed = None
    with pytest.raises(PermanentError):
        inbox.open_payload(core, first)


def test_an_accepted_event_is_due_at_once_and_rings_the_bell(core: Core, shopify: Sender) -> None:
    core.bell.clear()
    shopify.send("customers/create", customer())
    assert core.bell.is_set()
    assert any(dispatch.workflow == "webhook" for dispatch in claim(core))


def test_a_delivery_id_is_a_duplicate_for_its_connector_alone(
    core: Core, tenant: NewTenant, shopify: Sender
) -> None:
    other = Sender(core, tenant.controller.id)
    first = shopify.send("customers/create", customer(), delivery_id="same")
    assert shopify.send("customers/create", customer(2), delivery_id="same") == Accepted(
        first.event_id, "duplicate"
    )
    assert other.send("customers/create", customer(), delivery_id="same").status == "accepted"
    assert shopify.send("customers/update", customer(), delivery_id="same").status == "accepted"


def test_what_is_not_authentic_or_not_parsed_leaves_no_trace(core: Core, shopify: Sender) -> None:
    unsigned = Delivery("POST", "https://edge.example", "", {"x-shopify-hmac-sha256": "no"}, b"{}")
    with pytest.raises(NotAuthentic):
        shopify.edge.receive("shopify", shopify.connector.id, unsigned)
    with pytest.raises(Malformed):
        shopify.send("customers/create", b"{broken")
    with pytest.raises(NotFound):
        shopify.edge.receive("stripe", shopify.connector.id, unsigned)
    with pytest.raises(NotFound):
        shopify.edge.receive("shopify", "no-uuid", unsigned)
    assert events("webhook") == []


def test_a_probe_leaves_no_trace(core: Core, tenant: NewTenant) -> None:
    woo = Sender(core, tenant.controller.id, "woocommerce")
    ping = Delivery("POST", "https://edge.example", "", {}, b"webhook_id=7")
    assert woo.edge.receive("woocommerce", woo.connector.id, ping) == Accepted("", "ignored")
    assert events("webhook") == []
