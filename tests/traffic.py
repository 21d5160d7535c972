"""Deliveries of several platforms, each a different one, and a crowd of clients that sends them."""

from __future__ import annotations

import collections
import http.client
import json
import queue
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from urllib.parse import urlencode

from flow import customer
from wire import Answer, Client, Door

from waiting import wait_until


@dataclass(frozen=True)
class Shipment:
    """One delivery. No two of a crowd share ``delivery_id``, which stands in header or body."""

    platform: str
    topic: str
    body: bytes
    delivery_id: str


def shipments(count: int, seed: int = 1) -> list[Shipment]:
    """Customers and orders of all platforms; some people come again and again, on several platforms."""
    random = Random(seed)
    kinds = (_shopify_customer, _shopify_order, _stripe_customer, _woocommerce_customer, _mailchimp_profile)
    return [random.choice(kinds)(number, random.randint(1, count)) for number in range(count)]


def _shopify_customer(number: int, person: int) -> Shipment:
    body = json.dumps(customer(person, note=f"visit {number}")).encode()
    return Shipment("shopify", "customers/create", body, f"delivery-{number}")


def _shopify_order(number: int, person: int) -> Shipment:
    order = {
        "id": 5_000_000 + number,
        "email": f"person{person}@shop.example",
        "updated_at": "2026-03-01T10:00:00Z",
        "customer": customer(person),
    }
    return Shipment("shopify", "orders/create", json.dumps(order).encode(), f"delivery-{number}")


def _stripe_customer(number: int, person: int) -> Shipment:
    payer = {
        "id": f"cus_{person}",
        "object": "customer",
        "email": f"person{person}@shop.example",
        "name": "Ada Byron",
        "created": 1_772_000_000,
    }
    event = {
        "id": f"evt_{number}",
        "object": "event",
        "type": "customer.created",
        "created": 1_772_000_000 + number,
        "data": {"object": payer},
    }
    return Shipment("stripe", "customer.created", json.dumps(event).encode(), f"evt_{number}")


def _woocommerce_customer(number: int, person: int) -> Shipment:
    body = {
        "id": person,
        "email": f"person{person}@shop.example",
        "first_name": "Ada",
        "last_name": f"Byron {number}",
        "date_modified_gmt": "2026-03-01T10:00:00",
        "billing": {},
    }
    return Shipment("woocommerce", "customer.created", json.dumps(body).encode(), f"delivery-{number}")


def _mailchimp_profile(number: int, person: int) -> Shipment:
    fields = {
        "type": "profile",
        "fired_at": "2026-03-01 10:00:00",
        "data[id]": f"m{person}",
        "data[email]": f"person{person}@shop.example",
        "data[merges][FNAME]": f"Ada {number}",
        "data[list_id]": "a6b5da1054",
    }
    return Shipment("mailchimp", "profile", urlencode(fields).encode(), f"delivery-{number}")


@dataclass
class Crowd:
    """Several clients that send at once. ``patient`` ones repeat a delivery, as platforms do, until it is
    answered with 200; others take any answer, and let a lost connection fail the test."""

    port: int
    doors: Mapping[str, Door]
    patient: bool = False
    threads: int = 4
    answers: dict[str, Answer] = field(default_factory=dict)
    """The last answer by delivery id."""
    repeated: int = 0

    def send(
        self,
        sent: Sequence[Shipment],
        meanwhile: Callable[[], object] = lambda: None,
        *,
        until_it_is_over: bool = False,
    ) -> None:
        """Send everything; ``meanwhile`` runs beside it in the calling thread, and is the test's chaos. With
        ``until_it_is_over`` no more is sent than it takes: so much is ``sent`` that chaos never finds nobody at
        work, however slow the machine makes it."""
        waiting: queue.SimpleQueue[Shipment] = queue.SimpleQueue()
        for shipment in sent:
            waiting.put(shipment)
        with ThreadPoolExecutor(self.threads) as pool:
            running = [pool.submit(self._work, waiting) for _ in range(self.threads)]
            try:
                meanwhile()
            finally:
                if until_it_is_over:
                    collections.deque(_drain(waiting), maxlen=0)
        for one in running:
            one.result()

    def wait_for(self, count: int) -> None:
        """Wait until that many deliveries have been answered."""
        wait_until(lambda: len(self.answers) >= count, timeout=60, what=f"{count} answers")

    def statuses(self) -> set[tuple[int, str]]:
        """Every (HTTP status, contract's status) that came."""
        return {(answer.status, answer.document.get("status", "")) for answer in self.answers.values()}

    def event_ids(self) -> dict[str, str]:
        """Delivery id → event id, for everything that was answered 200."""
        return {
            delivery: answer.document["event_id"]
            for delivery, answer in self.answers.items()
            if answer.status == 200
        }

    def _work(self, waiting: queue.SimpleQueue[Shipment]) -> None:
        client = Client(self.port)
        for shipment in _drain(waiting):
            while not self._deliver(client, shipment):
                self.repeated += 1
                _wait_for_port(self.port)
        client.close()

    def _deliver(self, client: Client, shipment: Shipment) -> bool:
        """Whether the delivery is over and done with."""
        door = self.doors[shipment.platform]
        try:
            answer = client.deliver(door, shipment.topic, shipment.body, shipment.delivery_id)
        except (OSError, http.client.HTTPException):
            if not self.patient:
                raise
            return False
        if self.patient and answer.status != 200:
            return False
        self.answers[shipment.delivery_id] = answer
        return True


def _drain(waiting: queue.SimpleQueue[Shipment]) -> Iterable[Shipment]:
    while True:
        try:
            yield waiting.get_nowait()
        except queue.Empty:
            return


def _wait_for_port(port: int) -> None:
    def answers() -> bool:
        client = Client(port, timeout=5)
        try:
            return client.request("GET", "/healthz").status > 0
        except (OSError, http.client.HTTPException):
            return False
        finally:
            client.close()

    wait_until(answers, timeout=60, what="the server to answer again")
